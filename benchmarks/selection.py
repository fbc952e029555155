"""Which settings does validation prefer? The test split is never read.

Trains a configuration under each setting with several seeds and several cuts
of the validation split, and prints the validation figures of each run's best
state, mean ± standard deviation, the best setting first. Finished runs are
kept in the output file.

    python benchmarks/selection.py configs/features/chtn_webnews.py \
        --setting model.image_pathway.dropout=0.7 \
        --setting model.image_pathway.dropout=0.3 max_iters=1200
"""
from __future__ import annotations

import argparse
import ast
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from chtn_plugin.storage.files import atomic_write

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from tqdm import tqdm

from runs import FIGURES, mean_and_deviation, quiet, what_runs


def validate(config: str, setting: dict, seed: int, val_seed: int
             ) -> dict[str, float]:
    """Train; the validation figures at the best mean."""
    cfg = Config.fromfile(config)
    # Of the schedule, the length alone stands in several places.
    iterations = setting.get('max_iters', cfg.max_iters)
    cfg.merge_from_dict(dict(setting, **{
        'train_cfg.max_iters': iterations,
        'param_scheduler.T_max': iterations}))
    train = cfg.train_dataloader.dataset
    for dataset in (train.get('target', train), cfg.val_dataloader.dataset):
        if dataset['type'] == 'FeaturePairDataset':
            dataset.seed = val_seed
        elif dataset.get('val_fraction'):
            dataset.val_seed = val_seed
    cfg.default_hooks.checkpoint = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner.from_cfg(quiet(cfg, seed, folder))
        runner.train()
        history = [runner.message_hub.get_scalar(
            f'val/retrieval/{name}')._log_history for name in FIGURES]
    best = int(history[-1].argmax())
    return {name: float(values[best])
            for name, values in zip(FIGURES, history, strict=True)}


def parsed(setting: str) -> dict[str, Any]:
    """``'a.b=(1,2) c=None'`` as a dictionary; what is no literal is text."""
    values: dict[str, Any] = {}
    for part in setting.split():
        key, value = part.split('=', 1)
        try:
            values[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            values[key] = value
    return values


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--setting', nargs='+', action='append', default=[],
                        metavar='KEY=VALUE', help='one setting; may be '
                        'repeated. The configuration as it stands is tried '
                        'in any case')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1])
    parser.add_argument('--val-seeds', nargs='+', type=int, default=[0, 1, 2],
                        help='cuts of the validation split, where the '
                        'configuration cuts one')
    parser.add_argument('--out', type=Path, default=Path('selection.json'),
                        help='finished runs; read again at the next start')
    args = parser.parse_args()
    torch.set_num_threads(1)
    results = json.loads(args.out.read_text()) if args.out.exists() else {}
    names = [' '.join(setting) for setting in [[], *args.setting]]
    # Runs of another configuration are others.
    which = what_runs(args.config, {})
    todo = [(name, seed, val_seed) for name in names
            for val_seed in args.val_seeds for seed in args.seeds
            if f'{which}/{name}/{val_seed}/{seed}' not in results]
    for name, seed, val_seed in tqdm(todo, disable=None):
        results[f'{which}/{name}/{val_seed}/{seed}'] = validate(
            args.config, parsed(name), seed, val_seed)
        with atomic_write(args.out, 'w') as file:
            json.dump(results, file, indent=1)
    print('| setting | i2t mAP | t2i mAP | mean mAP |\n|---|---|---|---|')
    runs = {name: [results[f'{which}/{name}/{val_seed}/{seed}']
                   for val_seed in args.val_seeds for seed in args.seeds]
            for name in names}
    for name in sorted(names, key=lambda name: -statistics.mean(
            run['mean_mAP'] for run in runs[name])):
        print(f"| {name or 'as it stands'} | " + ' | '.join(
            mean_and_deviation([run[figure] for run in runs[name]])
            for figure in FIGURES) + ' |')


if __name__ == '__main__':
    main()
