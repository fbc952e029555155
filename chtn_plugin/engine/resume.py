"""Choose the checkpoint to resume from, and report what differs."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

from mmengine.config import Config

from .checkpoints import find_checkpoint, load_checkpoint, newest_checkpoint
from .plain_config import Source, plain_config

#: Differences that say nothing about what is trained.
_OF_THE_MACHINE = ('work_dir', 'resume', 'load_from', 'launcher', 'env_cfg',
                   'model_wrapper_cfg', 'vis_backends', 'visualizer',
                   'log_', 'default_hooks.', 'custom_imports')


def choose_resume(work_dir: str, given: str, trust: bool = False,
                  tell: Callable[[str], None] = print,
                  cfg: Optional[Config] = None) -> Optional[str]:
    """Choose the checkpoint to resume from, and check it before it is used.

    Args:
        work_dir: The run's folder.
        given: ``'auto'``: the newest whole one in the work directory. Or a
            checkpoint, or another run's work directory.
        trust: Whether it may hold what could run a program.
        tell: Gets a line about what was chosen.
        cfg: The configuration in use; where the checkpoint's differs from
            it, that is said.

    Returns:
        Its path; None where ``'auto'`` finds none, as in a first start.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It is torn, not trusted, holds weights alone, or is of a
            later version.
    """
    if given == 'auto':
        path = newest_checkpoint(work_dir, tell)
        if path is None:
            tell(f'no checkpoint in {work_dir} yet: training starts at the '
                 'beginning')
            return None
    else:
        path = find_checkpoint(given, tell)
    if '://' in path:
        return path
    checkpoint = load_checkpoint(path, trust or None)
    meta = checkpoint['meta']
    if 'optimizer' not in checkpoint or 'iter' not in meta:
        raise ValueError(
            f'to resume needs the whole state of a run: {path} holds '
            'weights alone; load_from in the configuration starts from them')
    if 'config' in meta and not trust:
        # MMEngine runs it as a Python program when it resumes.
        raise ValueError(f'a checkpoint must hold no program: {path} has '
                         "one in meta['config']. If you trust its author: "
                         '--trust-checkpoint')
    _check_place(meta, path, cfg)
    tell(f'resumes {path}: iteration {meta["iter"]}')
    changed = differences(meta.get('cfg', ''), cfg) if cfg else []
    if changed:
        tell('the run in it had another configuration (settings of the '
             'optimizer and of schedules stay as they were saved):')
        for line in changed:
            tell(f'  {line}')
    return path


def _check_place(meta: Mapping, path: str, cfg: Optional[Config]) -> None:
    """Refuse an iteration or epoch that is no place in the schedule."""
    train = (cfg or {}).get('train_cfg') or {}
    for what, limit in (('iter', 'max_iters'), ('epoch', 'max_epochs')):
        place, last = meta.get(what, 0), train.get(limit)
        if isinstance(place, bool) or not isinstance(place, int) or place < 0:
            raise ValueError(f'a run goes on from a whole number: {what} of '
                             f'{path} is {place!r}')
        if isinstance(last, int) and place > last:
            raise ValueError(
                f'a run goes on within its schedule: {path} is of {what} '
                f'{place}, and train_cfg.{limit} is {last}')


def differences(text: str, cfg: Config) -> list[str]:
    """List how a stored configuration differs from the one in use.

    Neither is run; the stored text may come from anywhere.

    Args:
        text: The stored configuration, as MMEngine prints it.
        cfg: The one in use.

    Returns:
        Lines ``key: old -> new``; what concerns the machine is left out.
    """
    try:
        old, new = (_flat(plain_config(source, strict=False))
                    for source in (text, cfg.pretty_text))
    except ValueError:
        return []
    lines: list[str] = []
    if not old:
        return lines
    for key in sorted(set(old) | set(new)):
        if key.startswith(_OF_THE_MACHINE):
            continue
        if old.get(key, '-') != new.get(key, '-'):
            lines.append(f'{key}: {old.get(key, "-")} -> '
                         f'{new.get(key, "-")}')
    return lines


def _flat(here: Any, path: str = '') -> dict[str, str]:
    items: Iterable[tuple[Any, Any]]
    if isinstance(here, Mapping):
        items = here.items()
    elif isinstance(here, (list, tuple)):
        items = enumerate(here)
    else:
        return {path: str(here) if isinstance(here, Source) else repr(here)}
    return {key: item for name, value in items for key, item in _flat(
        value, f'{path}.{name}' if path else str(name)).items()}
