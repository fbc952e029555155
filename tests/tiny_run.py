"""A run as training leaves it, made in a moment: nothing is trained."""
from __future__ import annotations

import contextlib
import io
import os
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS
from tiny_data import write_pairs, write_picture

from chtn_plugin.engine.hooks import ArchitectureHook

CLASSES = ('bird', 'cat')
_BAG = (dict(type='BagOfWords', num_terms=12),
        dict(type='VectorTextEncoder', out_features=12, norm=None))


def write_run(folder: Path, seed: int = 0,
              text_tower: Optional[tuple[dict, dict]] = None,
              representation: str = 'prob', model: Optional[dict] = None,
              **changes: Any) -> Path:
    """A work directory with a checkpoint, and the data it was tested on.

    Args:
        folder: ``folder/data`` gets 12 pairs, ``folder/run`` the checkpoint.
        seed: Of the random weights.
        text_tower: Text transform and text encoder; None: bag of words.
        representation: Of the model.
        model: Further keys of the model's configuration to set.
        changes: Top-level keys of the configuration to set.

    Returns:
        The work directory.
    """
    data = folder / 'data'
    if not data.exists():
        _write_data(data)
    config = _config(str(data), *(text_tower or _BAG))
    config['model'] |= dict(model or {}, representation=representation)
    cfg = Config(dict(config, **changes))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    dataset.full_init()
    torch.manual_seed(seed)
    built = MODELS.build(cfg.model).eval()
    ArchitectureHook().before_run(SimpleNamespace(model=built, cfg=cfg))
    # Untrained networks answer nearly the same to everything.
    with torch.no_grad():
        for value in built.common_head.parameters():
            value.mul_(8)
    run = folder / 'run'
    run.mkdir(parents=True, exist_ok=True)
    path = run / 'best_retrieval_mean_mAP_iter_10.pth'
    torch.save(dict(
        meta=dict(cfg=cfg.pretty_text, iter=10, epoch=0, seed=seed,
                  experiment_name='tiny', time='20260101_000000',
                  mmengine_version='0', dataset_meta=dataset.metainfo),
        state_dict=built.state_dict(), message_hub={}), path)
    return run


def _write_data(data: Path) -> None:
    rows = []
    splits = ['train'] * 6 + ['val'] * 2 + ['test'] * 4
    for k, split in enumerate(splits):
        name = CLASSES[k % 2]
        write_picture(data / 'images' / f'{k}.png', 20 * k, 8)
        rows.append(f'p{k},{split},{name},images/{k}.png,{name} word{k % 6}')
    write_pairs(data, rows)


def _config(root: str, text: dict, encoder: dict) -> dict[str, Any]:
    def loader(split: str) -> dict[str, Any]:
        return dict(
            batch_size=4, num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='cross_modal_collate'),
            dataset=dict(
                type='CrossModalDataset', data_root=root,
                ann_file='pairs.tsv', split=split,
                pipeline=[dict(type='LoadImageFromFile',
                               imdecode_backend='cv2'),
                          dict(type='mmpretrain.Resize', scale=(8, 8))],
                text=text))

    return dict(
        model=dict(
            type='CHTN', num_classes=2, input_shape=(3, 8, 8),
            backbone=dict(type='SmallConvNet', in_channels=3, channels=(4, )),
            trunk_mode='train', source_pathway=None,
            text_encoder=encoder,
            image_pathway=dict(type='Pathway', widths=(8, 8)),
            common_head=dict(type='CommonHead', widths=(8, 8)),
            mmd=None,
            data_preprocessor=dict(type='CrossModalDataPreprocessor',
                                   mean=[127.0], std=[127.0])),
        test_dataloader=loader('test'), val_dataloader=loader('val'),
        work_dir='gone')


def run_tool(name: str, *arguments: Any) -> tuple[int, str, str]:
    """Run ``tools/NAME.py`` in this process, which saves its imports.

    Returns:
        Exit status, standard output, standard error.
    """
    path = Path(__file__).parents[1] / 'tools' / f'{name}.py'
    out, err = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, [str(path), *map(str, arguments)]
    # A tool sets variables for its own process, which here is the tests'.
    environment = dict(os.environ)
    status = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_path(str(path), run_name='__main__')
    except SystemExit as stop:
        if isinstance(stop.code, str):
            err.write(stop.code)
            status = 1
        else:
            status = stop.code or 0
    finally:
        sys.argv = argv
        os.environ.clear()
        os.environ.update(environment)
    return status, out.getvalue(), err.getvalue()
