"""Refuse values of a configuration that cannot mean anything."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Rule = tuple[str, Callable[[Any], bool]]

_MAX_SEED = 2 ** 32


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and math.isfinite(value))


_POSITIVE: Rule = ('a whole number above 0', lambda v: _whole(v) and v > 0)
_COUNT: Rule = ('a whole number of 0 or more',
                lambda v: _whole(v) and v >= 0)
_INTERVAL: Rule = ('a whole number above 0, or -1 for never',
                   lambda v: _whole(v) and (v > 0 or v == -1))
_FINITE: Rule = ('a finite number', _number)
_RATE: Rule = ('a finite number of 0 or more',
               lambda v: _number(v) and v >= 0)
_FLAG: Rule = ('True or False', lambda v: isinstance(v, bool))
_SEED: Rule = ('None or a whole number from 0 to 4294967295',
               lambda v: v is None or _whole(v) and 0 <= v < _MAX_SEED)
_MILESTONES: Rule = (
    'a list of rising whole numbers above 0',
    lambda v: isinstance(v, (list, tuple)) and bool(v) and all(
        _whole(each) and each > 0 for each in v) and list(v) == sorted(set(
            v)))
# MMEngine gives a schedule without an end the end INF.
_END: Rule = ('a number above begin', lambda v: isinstance(v, (int, float)))

#: What stands at a dotted key; ``*`` is each item of a list.
_RULES: dict[str, Rule] = {
    'train_cfg.max_iters': _POSITIVE, 'train_cfg.max_epochs': _POSITIVE,
    'train_cfg.val_interval': _POSITIVE, 'train_cfg.val_begin': _COUNT,
    'train_cfg.by_epoch': _FLAG, 'randomness.seed': _SEED,
    'randomness.deterministic': _FLAG,
    'randomness.diff_rank_seed': _FLAG,
    'default_hooks.checkpoint.interval': _INTERVAL,
    'default_hooks.checkpoint.max_keep_ckpts': _INTERVAL,
    'default_hooks.checkpoint.save_begin': _COUNT,
    'default_hooks.checkpoint.by_epoch': _FLAG,
    'default_hooks.logger.interval': _POSITIVE,
    'optim_wrapper.accumulative_counts': _POSITIVE,
    'optim_wrapper.optimizer.lr': _RATE,
    'optim_wrapper.optimizer.weight_decay': _RATE,
    'optim_wrapper.optimizer.momentum': _RATE,
    **{f'{name}_dataloader.{key}': rule
       for name in ('train', 'val', 'test')
       for key, rule in (('batch_size', _POSITIVE), ('num_workers', _COUNT),
                         ('persistent_workers', _FLAG),
                         ('pin_memory', _FLAG), ('drop_last', _FLAG))},
    **{f'param_scheduler{part}.{key}': rule
       for part in ('', '.*')
       for key, rule in (('T_max', _POSITIVE), ('milestones', _MILESTONES),
                         ('step_size', _POSITIVE), ('gamma', _FINITE),
                         ('begin', _COUNT), ('end', _END),
                         ('by_epoch', _FLAG), ('factor', _FINITE),
                         ('start_factor', _FINITE), ('power', _FINITE),
                         ('end_factor', _FINITE), ('eta_min', _FINITE))},
}

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_SECTIONS = ('model', *_LOADERS, 'train_cfg', 'val_cfg', 'test_cfg',
             'optim_wrapper', 'default_hooks', 'randomness', 'env_cfg')


def check_values(cfg: Mapping) -> None:
    """Refuse values that would end a run late, never, or in silence.

    MMEngine takes ``val_interval=-1`` (no validation ever), divides by
    ``T_max=0`` after the first iteration, and reads ``milestones='9'`` as a
    list of letters.

    Args:
        cfg: The configuration.

    Raises:
        ValueError: A value has another type or range; the message has its
            key, the rule and the value.
    """
    cfg = getattr(cfg, '_cfg_dict', cfg)  # a Config is no Mapping
    for key in _SECTIONS:
        part = cfg.get(key)
        if part is not None and not isinstance(part, Mapping):
            raise ValueError(f'{key} must be a dictionary, got {part!r}')
    for key, (rule, holds) in _RULES.items():
        for place, value in _found(cfg, key.split('.')):
            if not holds(value):
                raise ValueError(f'{place} must be {rule}, got {value!r}')
    for key in _LOADERS:
        loader = cfg.get(key)
        if loader and not isinstance(loader.get('dataset'), Mapping):
            raise ValueError(f'{key}.dataset must be a dictionary, got '
                             f'{loader.get("dataset")!r}')
    for place, part in _found(cfg, ['param_scheduler', '*']):
        if isinstance(part, Mapping):
            begin, end = part.get('begin', 0), part.get('end', math.inf)
            if not begin < end:
                raise ValueError(f'{place}.end must be above begin, got begin '
                                 f'{begin} and end {end}')


def _found(here: Any, parts: list[str], place: str = ''
           ) -> Iterator[tuple[str, Any]]:
    if not parts:
        yield place, here
    elif parts[0] == '*':
        if isinstance(here, (list, tuple)):
            for number, item in enumerate(here):
                yield from _found(item, parts[1:], f'{place}.{number}')
    elif isinstance(here, Mapping) and parts[0] in here:
        yield from _found(here[parts[0]], parts[1:],
                          f'{place}.{parts[0]}' if place else parts[0])
