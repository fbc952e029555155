"""Closed-form methods on tiny ready features, for their tests."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from short_run import write_config
from torch import Tensor

C, D, E = 3, 6, 5
MORE = """
model = dict(
    type={method!r}, num_classes=3,
    trunk=dict(input_shape=(6, )), text_encoder=dict(
        type='VectorTextEncoder', out_features=5, norm=None))
optim_wrapper['optimizer'] = dict(type='SGD', lr=0.0)
param_scheduler = None
train_cfg = dict(by_epoch=False, max_iters=1, val_interval=1)
"""


def made(method: str, **options: Any) -> Any:
    """An unfitted method over vectors of 6 and 5 numbers."""
    return MODELS.build(dict(dict(
        type=method, num_classes=C, trunk=dict(input_shape=(D, )),
        text_encoder=dict(type='VectorTextEncoder', out_features=E,
                          norm=None)), **options))


def pairs(count: int = 60, noise: float = .5, seed: int = 0
          ) -> tuple[Tensor, Tensor, Tensor]:
    """Images, texts and labels of three classes, row after row."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(count) % C
    centres = torch.randn(C, D, generator=torch.Generator().manual_seed(9))
    image = centres[label] + noise * torch.randn(count, D,
                                                 generator=generator)
    text = image[:, :E] + noise * torch.randn(count, E, generator=generator)
    return image, text, label


def prepared(rows: Tensor) -> np.ndarray:
    """Rows as :class:`ClosedFormModel` prepares them."""
    value = rows.double().numpy()
    value = value - value.mean(0)
    return value / np.sqrt((value**2).sum(1).mean())


def config(folder: Path, method: str = 'SemanticMatching', **changes: Any
           ) -> Config:
    """A whole run of a closed form on the features of ``short_run``."""
    path = write_config(folder, MORE.format(method=method))
    cfg = Config.fromfile(path)
    cfg.work_dir = str(folder / 'run')
    cfg.launcher = 'none'
    cfg.log_level = 'ERROR'
    cfg.merge_from_dict(changes)
    return cfg
