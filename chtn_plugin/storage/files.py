"""Write files whole or not at all, and hash their content."""
from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Optional

from .ownership import temporary_path

# What a disk says when it takes no more; other errors while a file is being
# written may be of what is read meanwhile.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextmanager
def atomic_write(path: str | Path,
                 mode: str = 'wb',
                 encoding: Optional[str] = None,
                 newline: Optional[str] = None,
                 size: Optional[int] = None) -> Iterator[IO]:
    """Open a file that takes its name only once it is complete.

    The content goes to a temporary file in the same folder, reaches the disk,
    and replaces ``path`` in one step; after an error nothing is left behind
    and an older file stays as it was.

    Args:
        path: The file to write; its folder is created.
        mode: ``'w'`` or ``'wb'``.
        encoding: As for :func:`open`.
        newline: As for :func:`open`.
        size: Bytes that are to come, for the message of a full disk; None:
            not known.

    Yields:
        The open temporary file.

    Raises:
        OSError: It could not be written; the message names the file, what it
            needed and what is free.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        # 'x' fails if the name exists, so no other file is written into.
        file = open(temporary, mode.replace('w', 'x'), encoding=encoding,
                    newline=newline)
    except OSError as error:
        raise _unwritten(path, temporary, size, error) from error
    written = False
    try:
        try:
            yield file
            written = True
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except OSError as error:
            # NumPy reports a full disk without an error number.
            if not (written or error.errno in _FULL
                    or 'requested and' in str(error)):
                raise
            raise _unwritten(path, temporary, size, error) from error
    finally:
        with suppress(OSError):
            file.close()
        temporary.unlink(missing_ok=True)


def _unwritten(path: Path, temporary: Path, size: Optional[int],
               error: OSError) -> OSError:
    """The error of a file that could not be written, with the space."""
    free = shutil.disk_usage(path.parent).free
    if size is None:
        with suppress(OSError):
            size = temporary.stat().st_size
        needed = f'more than {(size or 0) / 1e6:.1f}'
    else:
        needed = f'{size / 1e6:.1f}'
    return type(error)(
        error.errno or errno.ENOSPC,
        f'{path} could not be written: {error.strerror or error} '
        f'({needed} MB needed, {free / 1e6:.1f} MB free)')


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk, so that a power cut can not lose it."""
    if os.name == 'nt':
        return  # folders can not be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(source: str | Path | bytes) -> str:
    """Return the SHA-256 of a file or of bytes, in hexadecimal."""
    digest = hashlib.sha256()
    if isinstance(source, bytes):
        digest.update(source)
        return digest.hexdigest()
    with open(source, 'rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
