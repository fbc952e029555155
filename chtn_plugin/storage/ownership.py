"""Tell the tools' own files from the user's: only ours may go.

Whatever deletes or replaces a file asks here first. A file is ours by a
stamp that we wrote into it or beside it, by the key in its name, or by the
suffix of our temporary files; never by where it lies or by a name that
anybody may give.
"""
from __future__ import annotations

import json
import os
import platform
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

#: Suffix of every file that is being written and has no name yet.
TEMPORARY = '.chtn-part'
#: Stands near the start of pages (as their generator) and pictures (as their
#: software) that we write.
STAMP = 'chtn_plugin'
#: A page's line of its generator.
PAGE_STAMP = f'<meta name="generator" content="{STAMP}">'
_STAMPS = (PAGE_STAMP.encode(), b'Software\0' + STAMP.encode())
_STAMPED_BYTES = 4096
# Long enough for any write to end, on a machine whose processes we can not
# see.
_ABANDONED_SECONDS = 24 * 3600.
_WRITER = re.compile(r'\.(?P<host>[A-Za-z0-9]+)-(?P<pid>\d+)-[0-9a-f]+'
                     + re.escape(TEMPORARY) + '$')


def temporary_path(path: str | Path) -> Path:
    """Return a new name beside a file, which tells who is writing it.

    Args:
        path: The file that is to be written.
    """
    path = Path(path)
    # Names may have 255 bytes; the end of ours needs up to 70.
    stem = path.name.encode()[:180].decode(errors='ignore')
    return path.with_name(f'.{stem}.{_host()}-{os.getpid()}-'
                          f'{secrets.token_hex(4)}{TEMPORARY}')


def is_abandoned(path: Path) -> bool:
    """Tell whether a file is a temporary one of ours that nobody writes.

    Its writer was a process of this machine that is gone; one of another
    machine, or one whose number another process has by now, is given a day.

    Args:
        path: Any file.
    """
    match = _WRITER.search(path.name)
    if not match or not path.name.startswith('.'):
        return False
    if match['host'] == _host() and not process_lives(int(match['pid'])):
        return True
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def sweep_temporaries(folder: str | Path) -> list[Path]:
    """Delete what killed processes of ours left half-written in a folder.

    Args:
        folder: The folder; those inside it are not entered.

    Returns:
        What was deleted.
    """
    swept = []
    for path in Path(folder).glob(f'.*{TEMPORARY}'):
        if is_abandoned(path):
            path.unlink(missing_ok=True)
            swept.append(path)
    return swept


def process_lives(pid: int) -> bool:
    """Tell whether a process of this machine with this number exists."""
    if os.name == 'nt':
        # On Windows os.kill would end the process.
        import ctypes
        handle = ctypes.windll.kernel32.OpenProcess(  # type: ignore
            0x1000, False, pid)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is another user's
    return True


class WrittenFiles:
    """The files that a tool wrote into a folder which its user may share.

    Their names stand in a list in the folder before the files are written,
    so that a run that was killed in between knows them again.

    Args:
        folder: The folder.
        known: Names that are known from elsewhere to be the tool's, such as
            those of a finished earlier run.
    """
    LIST = f'.written{TEMPORARY}.list'

    def __init__(self, folder: str | Path, known: Iterable[str] = ()) -> None:
        self.folder = Path(folder)
        self._names = set(known)
        path = self.folder / self.LIST
        if path.is_file():
            # A last line without an end was cut off: its file is not there.
            self._names |= {line[:-1] for line in path.read_text(
                encoding='utf-8').splitlines(True) if line.endswith('\n')}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: str) -> bool:
        return Path(name).as_posix() in self._names

    def claim(self, names: Iterable[str]) -> None:
        """Take names for files that are about to be written.

        Args:
            names: Paths relative to the folder.

        Raises:
            ValueError: A file of the user's has one of the names.
        """
        claimed = list(dict.fromkeys(Path(name).as_posix() for name in names))
        fresh = [name for name in claimed if name not in self._names]
        foreign = [name for name in fresh if os.path.lexists(
            self.folder / name)]
        if foreign:
            raise ValueError(
                'only files that this tool has written may be replaced: '
                f'{self.folder} holds {len(foreign)} that it has not, as '
                f'{", ".join(foreign[:3])}. Choose another folder with '
                '--out, or move them away')
        if not fresh:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / self.LIST).open('a', encoding='utf-8',
                                            newline='\n') as file:
            # After a kill in the middle of a line, which then is no name.
            file.write('\n' if file.tell() else '')
            file.writelines(f'{name}\n' for name in fresh)
            file.flush()
            os.fsync(file.fileno())
        self._names.update(fresh)

    def close(self) -> None:
        """Delete the list, once another record names the files."""
        (self.folder / self.LIST).unlink(missing_ok=True)


def check_replaceable(path: str | Path, ours: bool) -> None:
    """Refuse to write over a file that is not ours.

    Args:
        path: The file to write.
        ours: Whether the file that is there bears our stamp.

    Raises:
        ValueError: It is there, and is not ours.
    """
    if os.path.lexists(path) and not ours:
        raise ValueError('only files that this tool has written may be '
                         f'replaced: {path} is another. Choose another name, '
                         'or move it away')


def own_set(folder: str | Path, names: Sequence[str], record: str,
            keys: Iterable[str]) -> WrittenFiles:
    """Return what an earlier run wrote of a set of files in a folder.

    The set is ours if its record, a JSON file, has the keys that we write;
    single files of it, if a run that was killed has listed them.

    Args:
        folder: The folder.
        names: The set's files.
        record: That of them which tells.
        keys: Keys of the record.

    Raises:
        ValueError: A file of the set is there, and is not ours.
    """
    try:
        stored = json.loads((Path(folder) / record).read_text('utf-8'))
        ours = isinstance(stored, dict) and set(keys) <= set(stored)
    except (OSError, ValueError, RecursionError):
        ours = False
    files = WrittenFiles(folder, names if ours else ())
    for name in names:
        check_replaceable(files.folder / name, name in files)
    return files


def bears_stamp(path: str | Path) -> bool:
    """Tell whether a page or a picture starts with our stamp.

    Args:
        path: Any file, or none.
    """
    try:
        with open(path, 'rb') as file:
            start = file.read(_STAMPED_BYTES)
    except OSError:
        return False
    return any(stamp in start for stamp in _STAMPS)


def is_read_by(read: Callable[[str | Path], Any], path: str | Path) -> bool:
    """Tell whether the reader of a kind of file takes one for its own.

    Args:
        read: The reader, which raises for other files.
        path: Any file, or none.
    """
    try:
        read(path)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False
    return True


def _host() -> str:
    return re.sub('[^A-Za-z0-9]', '', platform.node())[:32] or 'unknown'
