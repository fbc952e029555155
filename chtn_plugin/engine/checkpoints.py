"""Find, read and check checkpoints without running code that they hold."""
from __future__ import annotations

import os
import os.path as osp
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Optional

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

from ..storage.ownership import process_lives, sweep_temporaries
from ..storage.torch_files import (
    check_state_dict,
    kind_of,
    read_torch_file,
    torn,
)

#: The layout of a run's state that this version writes.
FORMAT = 1

# The function of onedl-mmengine that lists what its loader allows.
_THEIR_LIST = 'get_torch_safe_globals'
# The names that MMEngine's CheckpointHook gives, and no other: a file called
# resnet_epoch_100.pth or my_iter_3.pth is the user's.
_NUMBERED = re.compile(r'(?:iter|epoch)_(\d+)\.pth')
_BEST = re.compile(r'best_.+_(?:iter|epoch)_(\d+)\.pth')
# Temporary files that releases up to 0.9 left when they were killed.
_PART = re.compile(rf'(?:{_NUMBERED.pattern}|{_BEST.pattern}|last_checkpoint)'
                   r'\.(?P<pid>\d+)\.part')


def restrict_loading(trust: bool = False) -> None:
    """Let ``torch.load`` of this process build tensors and plain data only.

    A checkpoint is a pickle, which may run any code when it is read. MMEngine
    reads it with ``weights_only=False``; torch's environment variable
    overrules that, for backbones' and text encoders' own weights too, and
    for worker processes.

    Args:
        trust: Load whatever is in the file. For checkpoints whose author
            you would let run programs here.
    """
    if trust:
        os.environ.pop('TORCH_FORCE_WEIGHTS_ONLY_LOAD', None)
        return
    os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
    torch.serialization.add_safe_globals(checkpoint_globals())
    from mmengine.runner import checkpoint  # it takes seconds
    if hasattr(checkpoint, _THEIR_LIST):
        # onedl-mmengine allows types around each load, every getattr among
        # them, and forbids them afterwards: ours, which stand for the whole
        # process, would be gone with theirs.
        setattr(checkpoint, _THEIR_LIST, list)


def checkpoint_globals() -> list[Any]:
    """Return the types that MMEngine's checkpoints hold beside plain data.

    Histories of the message hub, configurations, and NumPy's arrays and
    numbers. None of it can run a program: of ``getattr`` only a history's own
    statistics are allowed.

    Returns:
        Classes and functions, or such with the name under which a pickle has
        them, as ``torch.serialization.safe_globals`` takes them.
    """
    array, number = np.zeros(1), np.float64(0)
    reconstruct = array.__reduce__()[0]
    scalar = number.__reduce__()[0]
    names: list[Any] = [HistoryBuffer, ConfigDict, np.ndarray, np.dtype,
                        reconstruct, scalar]
    # The same two under the name that numpy 1 gives them.
    names += [(reconstruct, 'numpy.core.multiarray._reconstruct'),
              (scalar, 'numpy.core.multiarray.scalar')]
    # A HistoryBuffer names its own methods, by getattr.
    names += [(_statistic, 'builtins.getattr')]
    names += {type(np.dtype(name)) for name in (
        'bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16',
        'uint32', 'uint64', 'float16', 'float32', 'float64', 'str')}
    return names


def _statistic(owner: Any, name: str) -> Any:
    """What ``getattr`` may do in a checkpoint."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'mean',
                                                  'current'):
        raise pickle.UnpicklingError(f'GLOBAL getattr of {name}')
    return getattr(owner, name)


def newest_checkpoint(work_dir: str,
                      tell: Callable[[str], None] = print) -> Optional[str]:
    """Find the last checkpoint of a run that is whole.

    Torn files (the disk was full, a copy was cut off) are passed over, and
    said so.

    Args:
        work_dir: Where the run keeps its checkpoints.
        tell: Gets a line about each file passed over.

    Returns:
        Its path; None where there is no checkpoint.

    Raises:
        ValueError: There are checkpoints, and all are torn.
    """
    paths = checkpoints_in(work_dir)
    for place, path in enumerate(paths):
        fault = torn(path)
        if fault is None:
            return path
        rest = (f'the previous one, {paths[place + 1]}, is used'
                if place + 1 < len(paths) else 'there is no earlier one')
        tell(f'checkpoint {path} is torn ({fault}): {rest}')
    if paths:
        raise ValueError(f'a checkpoint must be whole: all {len(paths)} in '
                         f'{work_dir} are torn')
    return None


def checkpoints_in(work_dir: str) -> list[str]:
    """List checkpoints to resume from (``iter_N.pth`` …), newest first."""
    return _named(work_dir, _NUMBERED)


def best_checkpoints_in(work_dir: str) -> list[str]:
    """List checkpoints ``best_METRIC_iter_N.pth`` and so on, newest first."""
    return _named(work_dir, _BEST)


def _named(folder: str, pattern: re.Pattern) -> list[str]:
    if not osp.isdir(folder):
        return []
    numbered = [(int(match[1]), osp.join(folder, name))
                for name in os.listdir(folder)
                if (match := pattern.fullmatch(name))]
    return [path for _, path in sorted(numbered, reverse=True)
            if osp.isfile(path)]


def sweep_parts(folder: str) -> None:
    """Delete what killed runs left half-written in a work directory.

    Args:
        folder: The work directory; files that are not a run's stay.
    """
    sweep_temporaries(folder)
    for name in os.listdir(folder):
        match = _PART.fullmatch(name)
        if match and not process_lives(int(match['pid'])):
            os.remove(osp.join(folder, name))


def find_checkpoint(path: str, tell: Callable[[str], None] = print) -> str:
    """Find the checkpoint that a user names by a file or a work directory.

    Args:
        path: A checkpoint, an address (``https://...``), or a work directory:
            then its best one, or else its last.
        tell: Gets a line about the choice.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is torn.
    """
    if '://' in path:
        return path
    if not osp.isdir(path):
        if not osp.isfile(path):
            raise FileNotFoundError(
                f'checkpoint not found: {path}. tools/train.py writes one, by '
                'default into work_dirs/CONFIGURATION')
        if kind_of(path) in ('zip', 'empty') and (fault := torn(path)):
            raise ValueError(f'a checkpoint must be whole: {path} is torn '
                             f'({fault})')
        return path
    for chosen in best_checkpoints_in(path):
        fault = torn(chosen)
        if fault is None:
            tell(f'checkpoint: {chosen}, the best on the validation split')
            return chosen
        tell(f'checkpoint {chosen} is torn ({fault}): passed over')
    last = newest_checkpoint(path, tell)
    if last is None:
        raise FileNotFoundError(f'no checkpoint found in {path}')
    tell(f'checkpoint: {last}, the last (no best_*.pth there)')
    return last


def load_checkpoint(path: str, trust: Optional[bool] = None
                    ) -> dict[str, Any]:
    """Read a checkpoint to the processor: the one door for all of them.

    Testing, resuming, searching, exporting, publishing and starting from
    weights come through here, under the same messages.

    Args:
        path: The file.
        trust: Whether it may hold what could run a program. None: under the
            rule in force, see :func:`restrict_loading`.

    Returns:
        The checkpoint. Its ``meta`` is a dictionary, empty where there is
        none; its ``state_dict``, where it has one, tensors by name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint, is torn, of a later format, holds
            numbers that are not finite, or more than tensors and plain data
            while it is not trusted.
    """
    if trust is None:
        trust = os.environ.get('TORCH_FORCE_WEIGHTS_ONLY_LOAD') != '1'
    loaded = read_torch_file(path, trust, checkpoint_globals())
    if not isinstance(loaded, dict):
        raise ValueError(f'a checkpoint must be a dictionary: {path} holds a '
                         f'{type(loaded).__name__}')
    if loaded.get('meta') is None:
        loaded['meta'] = {}
    if not isinstance(loaded['meta'], Mapping):
        raise ValueError("a checkpoint's meta must be a dictionary: that of "
                         f'{path} is a {type(loaded["meta"]).__name__}')
    check_format(loaded['meta'], path)
    if 'state_dict' in loaded:
        check_state_dict(loaded['state_dict'], path)
    return loaded


def check_format(meta: Mapping, path: str = 'this checkpoint') -> int:
    """Return the layout of a checkpoint; 0 for those of MMEngine itself.

    Args:
        meta: The checkpoint's meta information.
        path: Its path, for the message.

    Raises:
        ValueError: It is of a later format than this version's.
    """
    own = meta.get('chtn', {})
    version = own.get('format', 0) if isinstance(own, Mapping) else own
    if isinstance(version, bool) or version not in range(FORMAT + 1):
        raise ValueError(f'a checkpoint must be of format {FORMAT} or '
                         f'earlier: {path} has {version}; a later chtn_plugin '
                         'wrote it')
    return version


def check_initial_weights(cfg: Mapping) -> None:
    """Look through the files that a configuration starts from.

    ``load_from``, and every ``init_cfg`` of type ``Pretrained`` that names a
    file; addresses are left to MMEngine.

    Args:
        cfg: The configuration.

    Raises:
        FileNotFoundError, ValueError: As :func:`load_checkpoint`; the
            message begins with the key.
    """
    for key, path in _initial_weights(cfg):
        if not isinstance(path, str):
            raise ValueError(f'{key} must be a file of weights, got {path!r}')
        if '://' in path:
            continue
        try:
            load_checkpoint(path)
        except (FileNotFoundError, ValueError) as error:
            raise type(error)(f'{key}: {error}') from error


def _initial_weights(part: Any, key: str = '') -> Iterator[tuple[str, Any]]:
    if not key and part.get('load_from') is not None:
        yield 'load_from', part['load_from']
    if isinstance(part, Mapping):
        if part.get('type') == 'Pretrained' and 'checkpoint' in part:
            yield f'{key}.checkpoint', part['checkpoint']
        for name, value in part.items():
            if key or name == 'model':
                yield from _initial_weights(value, f'{key}.{name}' if key
                                            else name)
    elif isinstance(part, (list, tuple)):
        for place, value in enumerate(part):
            yield from _initial_weights(value, f'{key}.{place}')
