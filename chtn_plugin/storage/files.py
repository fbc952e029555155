"""Files: written whole or not at all, known by their content."""
from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Optional


@contextmanager
def atomic_write(path: str | Path,
                 mode: str = 'wb',
                 encoding: Optional[str] = None,
                 newline: Optional[str] = None) -> Iterator[IO]:
    """Open a file that takes its name only once it is complete.

    The content goes to a temporary file in the same folder, reaches the disk,
    and replaces ``path`` in one step; after an error nothing is left behind
    and an older file stays as it was.

    Args:
        path: The file to write; its folder is created.
        mode: ``'w'`` or ``'wb'``.
        encoding: As for :func:`open`.
        newline: As for :func:`open`.

    Yields:
        The open temporary file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent,
                                         prefix=f'.{path.name}.')
    try:
        with os.fdopen(handle, mode, encoding=encoding,
                       newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
