"""Refuse keys of a configuration, or overrides, that nothing reads."""
from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from mmengine import registry
from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

#: What the Runner reads from the configuration beside its arguments.
_READ_ELSEWHERE = {
    'activation_checkpointing', 'compile', 'efficient_conv_bn_eval',
    'find_unused_parameters', 'model_wrapper_cfg', 'runner_type', 'strategy',
    'sync_bn', 'custom_imports'}
_LOADER = {'dataset', 'sampler', 'batch_sampler', 'collate_fn',
           'worker_init_fn', 'num_batch_per_epoch',
           'disable_subprocess_warning'}
_DEFAULT_TYPES = {'optim_wrapper': 'OptimWrapper', 'val_cfg': 'ValLoop',
                  'test_cfg': 'TestLoop', 'visualizer': 'Visualizer',
                  'log_processor': 'LogProcessor'}
_FIXED = {'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
          'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg',
                      'resource_limit'},
          'auto_scale_lr': {'base_batch_size', 'enable'}}


# Slots that hold a registered class in every configuration.
_SLOTS = ('model', 'optim_wrapper', 'optim_wrapper.optimizer',
          'param_scheduler', 'param_scheduler.*', 'visualizer',
          'visualizer.vis_backends.*', 'default_hooks.*', 'custom_hooks.*',
          *(f'{name}_{part}' for name in ('train', 'val', 'test')
            for part in ('cfg', 'dataloader.dataset', 'dataloader.sampler',
                         'dataloader.batch_sampler')),
          *(f'{name}_evaluator{part}' for name in ('val', 'test')
            for part in ('', '.*')))
# Keys that builders remove from a dictionary before they call its class.
_TAKEN = {'type', '_scope_', 'priority', 'constructor', 'paramwise_cfg',
          'override', 'convert_to_iter_based', 'name'}
# Those that read paramwise_cfg as MMEngine does; another may read more.
_CONSTRUCTORS = (None, '', 'DefaultOptimWrapperConstructor',
                 'FusedOptimWrapperConstructor')
_PARAMWISE = {'custom_keys', 'bias_lr_mult', 'bias_decay_mult',
              'norm_decay_mult', 'flat_decay_mult', 'dwconv_decay_mult',
              'dcn_offset_lr_mult', 'bypass_duplicate'}


def check_config(cfg: Config) -> None:
    """Refuse keys of a configuration file that nothing reads.

    Known is what the class of a dictionary takes. Top-level names beside the
    Runner's are variables of the file, unless they look like one of them.

    Args:
        cfg: The configuration.

    Raises:
        KeyError: A key or a type is misspelt; the message has the likely
            one.
    """
    read = _read()
    for name in ('tta_model', 'tta_pipeline'):
        if name in cfg:
            raise KeyError(f'{name}: nothing reads this key; tools/test.py '
                           '--tta takes the mean of each picture and its '
                           'mirror image, for every model')
    for name in cfg:
        close = difflib.get_close_matches(name, sorted(read), 1, 0.88)
        if name not in read and close:
            raise KeyError(f'{name}: nothing reads this key; did you mean '
                           f'{close[0]!r}? A variable needs a name less like '
                           'it')
    for path in sorted(read & set(cfg)):
        for key, known in strange_keys(cfg[path], path):
            raise _unknown(key, known)
    for slot in _SLOTS:
        for key, name in _types_at(cfg.get(slot.split('.')[0]),
                                   slot.split('.')[1:], slot.split('.')[0]):
            if isinstance(name, str) and not _registered(name):
                raise _unknown_type(key, name)


def _types_at(here: Any, parts: list[str], path: str
              ) -> Iterator[tuple[str, Any]]:
    """Types at a slot, whose last part is the dictionary that has one."""
    if not parts:
        if isinstance(here, Mapping) and 'type' in here:
            yield f'{path}.type', here['type']
    elif parts[0] == '*':
        items = (here.items() if isinstance(here, Mapping) else
                 enumerate(here) if isinstance(here, (list, tuple)) else ())
        for name, item in items:
            yield from _types_at(item, parts[1:], f'{path}.{name}')
    elif isinstance(here, Mapping):
        yield from _types_at(here.get(parts[0]), parts[1:],
                             f'{path}.{parts[0]}')


def _unknown_type(key: str, name: str) -> KeyError:
    known = {each for candidate in vars(registry).values()
             if isinstance(candidate, type(registry.MODELS))
             for each in candidate.module_dict}
    close = difflib.get_close_matches(name.rpartition('.')[2], sorted(known),
                                      1)
    hint = (f'did you mean {close[0]!r}?' if close else
            'custom_imports names the module that has it')
    return KeyError(f'{key}: {name} is not in the registries; {hint}')


def strange_keys(here: Any, path: str) -> Iterator[tuple[str, set[str]]]:
    """Find keys, at any depth, that the class of their dictionary lacks.

    Args:
        here: Part of a configuration.
        path: Dotted key that it stands under.

    Yields:
        The dotted key, and what its dictionary may hold.
    """
    if isinstance(here, (list, tuple)):
        for place, item in enumerate(here):
            yield from strange_keys(item, f'{path}.{place}')
    if not isinstance(here, Mapping):
        return
    known = _arguments(path, here)
    for key, value in here.items():
        if known is not None and key not in known:
            yield f'{path}.{key}', known
        yield from strange_keys(value, f'{path}.{key}')
    if here.get('constructor') in _CONSTRUCTORS:
        for key in set(here.get('paramwise_cfg') or ()) - _PARAMWISE:
            yield f'{path}.paramwise_cfg.{key}', _PARAMWISE


def _read() -> set[str]:
    return set(inspect.signature(Runner).parameters) | _READ_ELSEWHERE


def check_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse overrides whose key nothing reads, where that can be known.

    A key is known where the configuration has it, or where the class it is
    an argument of takes it. MMEngine merges any key without a word.

    Args:
        cfg: The configuration.
        options: Dotted keys and their values, as of ``--cfg-options``.

    Raises:
        KeyError: A key is misspelt, or it is a variable of the configuration
            file, which has done its work once the file is read.
    """
    for key in options:
        _check(cfg, key)


def _check(cfg: Config, key: str) -> None:
    parts = key.split('.')
    top = parts[0]
    read = _read()
    if top not in read:
        if top in cfg:
            places = _places({name: cfg[name] for name in sorted(read)
                              if name in cfg}, cfg[top])
            hint = f'; its value stands at {", ".join(places)}' if places \
                else ''
            raise KeyError(
                f'{top} is a variable of the configuration file, and '
                f'overriding it changes nothing any more: override what it '
                f'was used for{hint}')
        raise _unknown(f'--cfg-options {key}', read | set(cfg), top)
    here: Any = cfg.get(top)
    for depth, part in enumerate(parts[1:], 1):
        if isinstance(here, (list, tuple)):
            if not part.isdigit() or int(part) >= len(here):
                raise KeyError(f'{".".join(parts[:depth])} is a list of '
                               f'{len(here)}: {key} names no item of it')
            here = here[int(part)]
            continue
        if not isinstance(here, Mapping):
            return
        if part not in here:
            known = _arguments('.'.join(parts[:depth]), here)
            if known is not None and part not in known:
                raise _unknown(f'--cfg-options {key}', known | set(here), part)
            return
        here = here[part]


def _unknown(key: str, known: set[str], part: Optional[str] = None
             ) -> KeyError:
    """The error for a dotted key, of which ``part`` (the last) is unknown."""
    part = part or key.rpartition('.')[2]
    close = difflib.get_close_matches(part, sorted(known), 1)
    hint = (f'did you mean {close[0]!r}?' if close else
            f'known are {", ".join(sorted(known)[:30])}')
    return KeyError(f'{key}: there is no {part!r} here; {hint}')


def _arguments(path: str, here: Mapping) -> Optional[set[str]]:
    """What may stand in a dictionary; None where that is open."""
    if path.endswith('_dataloader'):
        return set(inspect.signature(DataLoader).parameters) | _LOADER
    if path in _FIXED:
        return _FIXED[path]
    if path == 'train_cfg' and 'type' not in here:
        name = ('EpochBasedTrainLoop' if here.get('by_epoch', True)
                else 'IterBasedTrainLoop')
        return (_of_class(name) or set()) | {'by_epoch'}
    name = here.get('type', _DEFAULT_TYPES.get(path))
    return None if name is None else _of_class(name)


def _of_class(name: Any) -> Optional[set[str]]:
    """What a registered class takes, its bases too; None where that is open.

    Where several registries know the name, what any of its classes takes.
    """
    classes = [name] if inspect.isclass(name) else _registered(name)
    known = set(_TAKEN)
    for cls in classes:
        taken = _of_bases(cls)
        if taken is None:
            return None
        known |= taken
    return known if classes else None


def _of_bases(cls: Any) -> Optional[set[str]]:
    if not inspect.isclass(cls):
        return None
    known: set[str] = set()
    for base in cls.__mro__:
        if base is object or '__init__' not in vars(base):
            continue
        parameters = inspect.signature(base).parameters
        known |= set(parameters)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return known - {'self', 'kwargs', 'args'}
    return None


def _registered(name: str) -> list[Any]:
    classes = []
    for candidate in vars(registry).values():
        if isinstance(candidate, type(registry.MODELS)):
            try:
                cls = candidate.get(name)
            except (ImportError, KeyError, ValueError):
                continue
            if cls is not None:
                classes.append(cls)
    return classes


def _places(cfg: Mapping, value: Any) -> list[str]:
    """Dotted keys whose value is that of a variable."""
    places: list[str] = []

    def look(here: Any, path: str) -> None:
        if type(here) is type(value) and here == value:
            places.append(path)
        elif isinstance(here, Mapping):
            for key in here:
                look(here[key], f'{path}.{key}' if path else str(key))
        elif isinstance(here, (list, tuple)):
            for place, item in enumerate(here):
                look(item, f'{path}.{place}')
    look(cfg, '')
    return places[:6]
