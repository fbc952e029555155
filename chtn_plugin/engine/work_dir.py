"""Claim a run's work directory, so that no run in it is lost."""
from __future__ import annotations

import os
import os.path as osp
import tempfile
from typing import Any, Optional

from mmengine.dist import master_only
from mmengine.hooks import Hook

from ..storage.locks import FolderLock
from .checkpoints import best_checkpoints_in, checkpoints_in


def work_dir_lock(work_dir: str) -> FolderLock:
    """Return the lock of a work directory, which training's rank 0 holds."""
    return FolderLock(work_dir, 'a work directory has one training at a time',
                      'Wait for its end, end it, or name another folder with '
                      '--work-dir')


def claim_work_dir(work_dir: str, resume: bool, overwrite: bool,
                   lock: Optional[FolderLock] = None) -> None:
    """Make the work directory, and refuse to lose the run that is in it.

    Args:
        work_dir: The folder.
        resume: The run in it is to go on.
        overwrite: The checkpoints in it may be deleted, by
            :class:`ClearWorkDirHook`.
        lock: Taken before anything in it is looked at.

    Raises:
        ValueError: It holds another run's checkpoints.
        OSError: It can not be written, or another training writes there.
    """
    try:
        os.makedirs(work_dir, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir):
            pass
    except OSError as error:
        raise OSError('the work directory must be writable: '
                      f'{work_dir}: {error.strerror}') from error
    if lock is not None:
        lock.acquire()
    if resume:
        return
    there = checkpoints_in(work_dir) + best_checkpoints_in(work_dir)
    if there and not overwrite:
        raise ValueError(
            f'{work_dir} holds the checkpoints of a run '
            f'({osp.basename(there[0])} and {len(there) - 1} more): --resume '
            'goes on with it, --work-dir names another folder, --overwrite '
            'deletes them')


class ClearWorkDirHook(Hook):
    """Deletes an earlier run's checkpoints, as ``--overwrite`` asks.

    It does once everything is built, loaded and checked: what ends with an
    error before leaves them there.
    """
    priority = 'VERY_LOW'

    @master_only
    def before_train(self, runner: Any) -> None:
        """Delete what :func:`claim_work_dir` found."""
        work_dir = runner.work_dir
        last = osp.join(work_dir, 'last_checkpoint')
        for path in (checkpoints_in(work_dir) + best_checkpoints_in(work_dir)
                     + [last] * osp.isfile(last)):
            os.remove(path)
