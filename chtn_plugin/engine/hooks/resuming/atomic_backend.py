"""Write MMEngine's files whole or not at all."""
from __future__ import annotations

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from ....storage.files import atomic_write


def write_atomically(path: str, content: bytes) -> None:
    """Write a file so that a crash at any moment leaves the old or the new.

    Args:
        path: The file.
        content: All of it.

    Raises:
        OSError: It could not be written; whatever was there still is.
    """
    with atomic_write(path, size=len(content)) as file:
        file.write(content)


@register_backend('atomic', force=True)
class AtomicBackend(LocalBackend):
    """MMEngine's local files, each written whole before it gets its name."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; see :func:`write_atomically`."""
        write_atomically(str(filepath), obj)
