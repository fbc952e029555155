"""Files that are whole or not there."""
from __future__ import annotations

import os
import os.path as osp
import shutil
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


def write_atomically(path: str, content: bytes) -> None:
    """Write a file so that a crash at any moment leaves the old or the new.

    Args:
        path: The file.
        content: All of it.

    Raises:
        OSError: It could not be written; whatever was there still is.
    """
    folder = osp.dirname(osp.abspath(path))
    part = f'{path}.{os.getpid()}.part'
    try:
        with open(part, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        if osp.exists(part):
            os.remove(part)
        free = shutil.disk_usage(folder).free
        raise OSError(
            error.errno, f'{path} could not be written: {error.strerror} '
            f'({len(content) / 1e6:.1f} MB needed, {free / 1e6:.1f} MB free)'
        ) from error
    # Without this a power cut may lose the new name.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@register_backend('atomic', force=True)
class AtomicBackend(LocalBackend):
    """MMEngine's local files, each written whole before it gets its name."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; see :func:`write_atomically`."""
        os.makedirs(osp.dirname(osp.abspath(filepath)), exist_ok=True)
        write_atomically(str(filepath), obj)
