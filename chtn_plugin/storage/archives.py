"""Unpack archives of unknown origin safely."""
from __future__ import annotations

import json
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Optional

from tqdm import tqdm

from .files import atomic_write
from .ownership import TEMPORARY

SUFFIXES = ('.zip', '.tar', '.tar.gz', '.tgz', '.tar.xz', '.txz', '.tar.bz2',
            '.tbz2')
_STAMP = '.archive.json'
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What an archive may become on disk.

    Attributes:
        files: Number of files.
        bytes: Bytes of all files together.
        ratio: Unpacked bytes over the archive's own, counted only above
            ``free_bytes``.
        free_bytes: Bytes that any archive may unpack to, whatever the ratio.
    """
    files: int = 3_000_000
    bytes: int = 400 << 30
    ratio: float = 100.
    free_bytes: int = 1 << 30

    def total(self, archive_bytes: int) -> int:
        """Return the bytes that an archive of a given size may unpack to."""
        return int(min(self.bytes, max(self.free_bytes,
                                       self.ratio * archive_bytes)))


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    open: Callable[[], Optional[IO[bytes]]]


def is_archive(path: str | Path) -> bool:
    """Tell by its name whether a file is an archive that can be unpacked."""
    return str(path).lower().endswith(SUFFIXES)


def unpack(archive: str | Path, folder: str | Path,
           limits: Limits = Limits()) -> Path:
    """Unpack a zip or tar archive, all of it or nothing.

    Files go to ``<folder>.partial``, which takes its final name at the end;
    an interrupted run resumes there. A folder that holds this archive's
    content already is left alone.

    Args:
        archive: The archive.
        folder: Folder to create.
        limits: What the archive may become.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: There is no such archive.
        ValueError: A folder is there that no archive was unpacked into, or
            the archive is damaged or encrypted, unpacks to more than
            its limits, or holds a path outside the folder, a link or a
            device. The message names the member.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise FileNotFoundError(f'archive not found: {archive}')
    status = archive.stat()
    stamp = json.dumps([archive.name, status.st_size, status.st_mtime_ns])
    if _read_stamp(folder) == stamp:
        return folder
    growing = folder.with_name(folder.name + '.partial')
    for path in (folder, growing):
        if path.exists() and not _is_own(path):
            raise ValueError(
                'an archive is unpacked into a folder of its own: '
                f'{path} was not unpacked by this tool. Move it away')
    _discard(growing if _read_stamp(growing) != stamp else None, folder)
    growing.mkdir(parents=True, exist_ok=True)
    with atomic_write(growing / _STAMP, 'w') as file:
        file.write(stamp)
    _unpack_into(archive, growing, limits)
    _discard(folder, folder)
    os.replace(growing, folder)
    return folder


def _discard(outdated: Optional[Path], folder: Path) -> None:
    """Delete a folder of ours, under a name that tells so if this is cut off.

    The stamp in it may be the first file that goes.
    """
    going = folder.with_name(f'.{folder.name}{TEMPORARY}')
    if going.exists():
        shutil.rmtree(going)
    if outdated is not None and outdated.exists():
        os.replace(outdated, going)
        shutil.rmtree(going)


def _is_own(folder: Path) -> bool:
    """Whether a folder came out of an archive here, or is empty."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        stamp = json.loads(_read_stamp(folder) or 'null')
    except ValueError:
        return False
    if isinstance(stamp, list) and [type(part) for part in stamp] == [
            str, int, int]:
        return True
    # A kill may fall between making the folder and stamping it.
    return all(path.name.endswith(TEMPORARY) for path in folder.iterdir())


def _read_stamp(folder: Path) -> str:
    path = folder / _STAMP
    return path.read_text() if path.is_file() else ''


def _unpack_into(archive: Path, folder: Path, limits: Limits) -> None:
    allowed = limits.total(archive.stat().st_size)
    count = total = 0
    try:
        with _members(archive) as members:
            for member in tqdm(members, f'unpack {archive.name}',
                               unit='file', disable=None):
                target = folder / _safe_name(member.name, archive)
                count, total = count + 1, total + member.size
                if count > limits.files or total > allowed:
                    raise ValueError(
                        f'{archive} may unpack to {limits.files} files and '
                        f'{allowed} bytes, {member.name!r} goes beyond')
                if target.is_file() and target.stat().st_size == member.size:
                    continue
                _write(member, target, archive)
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error,
            EOFError, OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f'{archive} is damaged: {error}') from error


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    if archive.name.lower().endswith('.zip'):
        with zipfile.ZipFile(archive) as file:
            yield _zip_members(file, archive)
    else:
        with tarfile.open(archive) as file:
            yield _tar_members(file, archive)


def _zip_members(file: zipfile.ZipFile, archive: Path) -> Iterator[_Member]:
    for info in file.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir():
            continue
        if kind not in (0, stat.S_IFREG):
            raise ValueError('an archive must hold plain files only: '
                             f'{info.filename!r} in {archive} is none')
        if info.flag_bits & 1:
            raise ValueError(f'an archive must not be encrypted: '
                             f'{info.filename!r} in {archive} is')
        if not _is_clutter(info.filename):
            yield _Member(info.filename, info.file_size,
                          partial(file.open, info))


def _tar_members(file: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in file:
        if info.isdir():
            continue
        if not info.isreg():
            raise ValueError('an archive must hold plain files only: '
                             f'{info.name!r} in {archive} is none')
        if not _is_clutter(info.name):
            yield _Member(info.name, info.size,
                          partial(file.extractfile, info))


def _is_clutter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return '__MACOSX' in parts or bool(parts) and parts[-1].startswith('._')


def _safe_name(name: str, archive: Path) -> str:
    path = PurePosixPath(name)
    if (path.is_absolute() or '..' in path.parts or not path.parts
            or '\\' in name or ':' in path.parts[0] or '\0' in name
            or path.parts[0] == _STAMP):
        raise ValueError('an archive must not write outside its folder: '
                         f'{name!r} in {archive} would')
    return str(path)


def _write(member: _Member, target: Path, archive: Path) -> None:
    """Write one file under a temporary name; trust no declared size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + TEMPORARY)
    written = 0
    stream = member.open()
    assert stream is not None, 'only plain files become members'
    with stream as source, temporary.open('wb') as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > member.size:
                break
            file.write(chunk)
    if written != member.size:
        temporary.unlink()
        raise ValueError(f'{member.name!r} in {archive} must have '
                         f'{member.size} bytes, it has another size')
    os.replace(temporary, target)
