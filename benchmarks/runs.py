"""One run, as the benchmarks make them: chosen on validation, tested once."""
from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import chtn_plugin  # noqa: F401  (first: see its __init__)

import torch
from mmengine.config import Config
from mmengine.runner import Runner

FIGURES = ('i2t_mAP', 't2i_mAP', 'mean_mAP')


def quiet(cfg: Config, seed: int, work_dir: str) -> Config:
    """The configuration of a run that logs and draws nothing."""
    cfg.work_dir = work_dir
    cfg.experiment_name = Path(work_dir).name
    cfg.randomness = dict(cfg.get('randomness', {}), seed=seed)
    cfg.log_level = logging.ERROR
    cfg.visualizer = None
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks
                        if hook['type'] != 'RetrievalVisualizationHook']
    return cfg


def train_and_test(cfg: Config, seed: int) -> dict[str, float]:
    """Train on one thread; test figures of the best validation state.

    Args:
        cfg: The configuration; it is changed.
        seed: Seed of the run.

    Returns:
        ``i2t_mAP``, ``t2i_mAP`` and ``mean_mAP`` of the test split,
        ``chance``, ``val_mAP`` (the best validation mean), ``iterations``
        (where it was) and ``seconds`` of training.
    """
    torch.set_num_threads(1)
    cfg.default_hooks.checkpoint.update(interval=-1, save_optimizer=False,
                                        save_param_scheduler=False)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner.from_cfg(quiet(cfg, seed, folder))
        start = time.perf_counter()
        runner.train()
        seconds = time.perf_counter() - start
        best = next(Path(folder).glob('best_*.pth'))
        history = runner.message_hub.get_scalar(
            'val/retrieval/mean_mAP')._log_history
        runner.load_checkpoint(str(best))
        figures = runner.test()
    return dict(
        {name: float(figures[f'retrieval/{name}']) for name in FIGURES},
        chance=float(figures['retrieval/i2t_chance']), seconds=seconds,
        val_mAP=float(max(history)),
        iterations=int(best.stem.rsplit('_', 1)[-1]))


def what_runs(config: str, options: Mapping[str, Any]) -> str:
    """Name of a configuration with options, by which its runs are kept."""
    return ' '.join([Path(config).stem, *(
        f'{key}={value}' for key, value in sorted(options.items()))])


def mean_and_deviation(values: Sequence[float]) -> str:
    """``mean ± standard deviation``, or one value as it is."""
    spread = (f' ± {statistics.stdev(values):.3f}' if len(values) > 1 else '')
    return f'{statistics.mean(values):.3f}{spread}'
