"""Write and open a run as safetensors and JSON: nothing is pickled.

Such a folder asks for no trust: tensors and plain values are all that its
formats can hold, and its configuration may name registered parts only.
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from ..engine.plain_config import check_types
from ..engine.type_names import name_types
from ..storage.exact_json import from_json, to_json
from ..storage.files import atomic_write
from ..storage.torch_files import check_state_dict
from ..version import __version__
from .trained_run import LOADERS, TrainedRun

WEIGHTS_FILE = 'model.safetensors'
CONFIG_FILE = 'config.json'
#: The layout of the JSON that this version writes.
FORMAT = 1
# What of a configuration it takes to use, and to test, the model.
_KEPT = ('model', *LOADERS, 'val_evaluator', 'test_evaluator', 'val_cfg',
         'test_cfg', 'custom_imports')


def is_published(folder: str | Path) -> bool:
    """Whether a folder holds both files of a published run."""
    return all(Path(folder, name).is_file()
               for name in (WEIGHTS_FILE, CONFIG_FILE))


def write_published(run: TrainedRun, folder: str | Path,
                    meta: Mapping[str, Any]) -> None:
    """Write both files into a folder.

    Args:
        run: The run; its weights are finite.
        folder: Where they come.
        meta: What of the checkpoint's own ``meta`` is passed on.

    Raises:
        ValueError: Its configuration holds more than plain values.
    """
    weights = {name: value.detach().cpu().contiguous().clone()
               for name, value in run.state_dict.items()}
    kept = {key: run.cfg[key] for key in _KEPT if run.cfg.get(key)}
    try:
        text = to_json(dict(
            library='chtn_plugin', format=FORMAT, version=__version__,
            fingerprint=run.fingerprint,
            config=ConfigDict(kept).to_dict(),
            meta={key: value for key, value in meta.items()
                  if key != 'cfg'}))
    except TypeError as error:
        raise ValueError('a published configuration must hold plain values: '
                         f'{error}') from error
    for name, content in ((WEIGHTS_FILE, save(weights)),
                          (CONFIG_FILE, text.encode() + b'\n')):
        with atomic_write(Path(folder, name)) as file:
            file.write(content)


def open_published(folder: str | Path) -> TrainedRun:
    """Open what :func:`write_published` wrote; it runs nothing.

    Args:
        folder: Holds both files.

    Raises:
        FileNotFoundError: One of them is not there.
        ValueError: They are torn, of a later format, or name parts that no
            registry holds.
    """
    weights, described = (Path(folder, name)
                          for name in (WEIGHTS_FILE, CONFIG_FILE))
    for path in (weights, described):
        if not path.is_file():
            raise FileNotFoundError(f'a published run must have {path.name}: '
                                    f'{folder} has none')
    try:
        stored = from_json(described.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{described} must be JSON: {error}') from error
    if not isinstance(stored, dict) or stored.get('library') != 'chtn_plugin':
        raise ValueError(f'{described} must describe a model of chtn_plugin: '
                         'this one is of something else')
    if stored.get('format') not in range(1, FORMAT + 1):
        raise ValueError(f'{described} must be of format {FORMAT} or earlier, '
                         f'got {stored.get("format")!r}; a later chtn_plugin '
                         'wrote it')
    cfg, meta = stored.get('config'), stored.get('meta')
    if not isinstance(cfg, dict) or 'model' not in cfg or not isinstance(
            meta, dict):
        raise ValueError(f'{described} must have config.model and meta')
    cfg = ConfigDict(cfg)
    name_types(cfg)
    check_types([cfg['model'], *(cfg.get(loader) for loader in LOADERS)])
    try:
        state = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise ValueError(f'{weights} must be a whole file of safetensors: '
                         f'{error}') from error
    check_state_dict(state, str(weights))
    dataset = meta.get('dataset_meta') or {}
    return TrainedRun(
        weights, cfg, state, dict(meta, cfg=Config(cfg).pretty_text),
        tuple(dataset.get('classes') or ()), dataset.get('text'))
