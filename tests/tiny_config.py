"""Shipped configurations, shrunk to seconds: tiny data, tiny weights."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from layouts import picture, wikipedia
from mmengine.config import Config
from mmengine.registry import MODELS
from tiny_towers import write_hf_folders

from chtn_plugin.engine.config_files import read_config_file

PER_CLASS = dict(train=8, test=2)
SOURCE_CLASSES = 3
_VISION = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
               intermediate_size=8, image_size=224, patch_size=112)
_TEXT = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
             intermediate_size=8, vocab_size=30, pad_token_id=0,
             max_position_embeddings=128)
# As large as the configurations ask, otherwise as tiny as can be.
TOWERS = {
    'clip': dict(model_type='clip', projection_dim=6, vision_config=_VISION,
                 text_config=dict(_TEXT, eos_token_id=3, bos_token_id=2)),
    'bert': dict(model_type='bert', **_TEXT),
    'MiniLM': dict(model_type='bert', **_TEXT),
}


def shrunk(path: Path, root: Path) -> tuple[Path, str]:
    """Write a configuration's small twin, and the data it asks for.

    Args:
        path: The shipped configuration.
        root: Folder of the twin, the data and the weights.

    Returns:
        The twin, and what its pictures are: ``'files'`` or ``'features'``.
    """
    cfg = read_config_file(str(path))
    write_hf_folders(root, TOWERS)
    _shrink_parts(cfg.model, root)
    for loader in _loaders(cfg):
        _shrink_parts(loader, root)
    kinds = {_write_data(dataset, cfg.model, root / 'data')
             for loader in _loaders(cfg) for dataset in _typed(
                 loader.dataset, 'Dataset')}
    for loader in _loaders(cfg):
        loader.update(batch_size=min(loader.batch_size, 8), num_workers=0,
                      persistent_workers=False)
    cfg.load_from = None
    if 'max_iters' in (cfg.get('train_cfg') or {}):
        cfg.train_cfg.update(max_iters=2, val_interval=2)
        cfg.default_hooks.checkpoint.interval = 2
    if 'accumulative_counts' in (cfg.get('optim_wrapper') or {}):
        cfg.optim_wrapper.accumulative_counts = 1
    twin = root / path.name
    cfg.dump(str(twin))
    return twin, 'files' if 'files' in kinds else 'features'


def _loaders(cfg: Config) -> list[Any]:
    return [cfg[f'{name}_dataloader'] for name in ('train', 'val', 'test')
            if cfg.get(f'{name}_dataloader')]


def _typed(part: Any, ending: str) -> Iterator[Any]:
    if isinstance(part, dict):
        if str(part.get('type', '')).endswith(ending):
            yield part
        for value in part.values():
            yield from _typed(value, ending)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _typed(value, ending)


def _shrink_parts(config: Any, root: Path) -> None:
    for part in _typed(config, ''):
        kind = part.get('type', '')
        if 'widths' in part:
            part.widths = (8, 8)
        if kind.startswith('HF'):
            part.model = str(root / next(
                name for name in TOWERS
                if name.lower() in part.model.lower()))
        if part.get('vectors'):
            part.vectors = _word_vectors(root / 'vectors.txt')
        if kind == 'mmpretrain.ResNet':
            part.update(stem_channels=4, base_channels=4)
        if kind == 'mmpretrain.VisionTransformer':
            part.update(arch=dict(embed_dims=8, num_layers=12, num_heads=2,
                                  feedforward_channels=8), patch_size=112)
    for part in _typed(config, ''):
        if part.get('init_cfg'):
            part.init_cfg.checkpoint = _weights(part, root / 'backbone.pth')


def _weights(backbone: Any, path: Path) -> str:
    """Random weights of a backbone, in a file as OpenMMLab publishes them."""
    options = {key: value for key, value in backbone.items()
               if key != 'init_cfg'}
    torch.save(dict(state_dict={
        f'backbone.{name}': value for name, value in
        MODELS.build(options).state_dict().items()}), path)
    return str(path)


def _word_vectors(path: Path) -> str:
    path.write_text(''.join(
        f'{word} {" ".join(["0.1"] * 50)}\n' for word in ('word', 'kind')))
    return str(path)


def _write_data(dataset: Any, model: Any, root: Path) -> str:
    """Let a data set's configuration name data that are there."""
    write = {'CrossModalDataset': _pairs, 'GlyphDataset': _glyphs,
             'GlyphSourceDataset': _glyphs, 'WikipediaDataset': _wikipedia,
             'FeaturePairDataset': _feature_pairs,
             'SourceImageDataset': _source_images,
             'SourceFeatureDataset': _source_features}.get(dataset.type)
    return write(dataset, model, root) if write else ''


def _size(model: Any) -> int:
    shape = model.get('input_shape') or model.get('trunk', {}).get(
        'input_shape')
    return shape[0] if shape and len(shape) == 1 else 0


def _class_names(model: Any) -> list[str]:
    return [f'kind{k}' for k in range(model.get('num_classes') or 10)]


def _pairs(dataset: Any, model: Any, root: Path) -> str:
    folder = root / 'pairs'
    dataset.data_root = str(folder)
    ready = dataset.get('image_features')
    if not folder.exists():
        # What is not cut from training stands in the manifest.
        counts = (PER_CLASS if 'val_fraction' in dataset else
                  dict(PER_CLASS, val=2))
        rows = _manifest(folder, _class_names(model), counts, not ready)
        if ready:
            rng = np.random.default_rng(0)
            np.savez(folder / ready.file, **{
                ready.key: rng.normal(size=(rows, _size(model)))})
    return 'features' if ready else 'files'


def _manifest(folder: Path, classes: list[str], counts: dict[str, int],
              drawn: bool, size: int = 24) -> int:
    """Write ``pairs.tsv``, and the pictures; return the number of rows."""
    folder.mkdir(parents=True)
    rows = ['id\tsplit\tclass\timage\ttext']
    for split, count in counts.items():
        for name in classes:
            for _ in range(count):
                number = len(rows)
                if drawn:
                    picture(folder / f'images/{number}.png', number,
                            (size, size))
                rows.append(f'p{number}\t{split}\t{name}\timages/{number}.png'
                            f'\tword{number} of {name} 猫')
    (folder / 'pairs.tsv').write_text('\n'.join(rows), encoding='utf-8')
    return len(rows) - 1


def _glyphs(dataset: Any, model: Any, root: Path) -> str:
    from chtn_plugin.datasets.glyphs import CLASSES, _stamp
    folder = root / 'glyphs'
    dataset.data_root = str(folder)
    if not folder.exists():
        _manifest(folder, list(CLASSES), dict(train=2, val=1, test=1), True,
                  32)
        _listed(folder / 'source', 32)
        # As if the demo had drawn them.
        (folder / 'glyphs.json').write_text(json.dumps(_stamp()))
    return 'files'


def _wikipedia(dataset: Any, model: Any, root: Path) -> str:
    folder = root / 'wikipedia'
    dataset.data_root = str(folder)
    if not folder.exists():
        wikipedia(folder, 80, 20)
    return 'files'


def _feature_pairs(dataset: Any, model: Any, root: Path) -> str:
    root.mkdir(parents=True, exist_ok=True)
    dataset.file = str(root / 'pairs.npz')
    rng, arrays = np.random.default_rng(0), {}
    classes = len(dataset.get('classes') or _class_names(model))
    for split, count in PER_CLASS.items():
        names, rows = dataset.arrays[split], count * classes
        arrays |= {
            names.image: rng.normal(size=(rows, _size(model))),
            names.text: rng.normal(
                size=(rows, model.text_encoder.out_features)),
            names.label: np.arange(rows) % classes}
    np.savez(dataset.file, **arrays)
    return 'features'


def _source_images(dataset: Any, model: Any, root: Path) -> str:
    folder = root / 'source'
    dataset.data_root = str(folder)
    if not folder.exists():
        _listed(folder, 64)
    return 'files'


def _listed(folder: Path, size: int) -> None:
    """Pictures in class folders, and the list of them."""
    lines = []
    for label in range(SOURCE_CLASSES):
        for k in range(4):
            name = f'{label}/{k}.png'
            picture(folder / name, 100 + 4 * label + k, (size, size))
            lines.append(f'{name} {label}\n')
    (folder / 'list.txt').write_text(''.join(lines))


def _source_features(dataset: Any, model: Any, root: Path) -> str:
    dataset.file = str(root / 'source.npz')
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    np.savez(dataset.file, F=rng.normal(size=(12, _size(model))),
             label=np.arange(12) % SOURCE_CLASSES)
    return ''
