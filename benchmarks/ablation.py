"""What each part of CHTN is worth: variants of a configuration over seeds.

Trains every variant on every share of the training pairs with every seed,
each run chosen on its validation split and scored once on its test split, and
prints a table of mean ± standard deviation. Finished runs are kept in the
output file, so an interrupted benchmark goes on where it stopped.

    python benchmarks/ablation.py configs/chtn_demo.py --out demo.json
    python benchmarks/ablation.py configs/chtn_demo.py --fractions 1 0.1 \
        --variants full no-transfer --seeds 0 1 2 3 4
    python benchmarks/ablation.py configs/chtn_webnews_photos.py \
        --fractions 0.1 --variants full no-transfer recipe recipe-no-transfer
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from chtn_plugin.storage.files import atomic_write

from mmengine.config import Config, DictAction
from tqdm import tqdm

from runs import FIGURES, mean_and_deviation, train_and_test, what_runs

#: What a variant changes; 'full' is the configuration as it stands.
VARIANTS = {
    'full': {},
    'no-transfer': {'model.source_pathway': None, 'model.mmd': None,
                    'model.pair': None},
    'no-source': {'model.source_pathway': None, 'model.mmd': None},
    'no-source-labels': {'model.cls_weights.source': 0.0},
    'no-mmd': {'model.mmd': None},
    'no-pair': {'model.pair': None},
    'separate-heads': {'model.shared_head': False},
    # Of a share of the labels: the other pairs stay, without a class, and
    # teach (docs/few_labels.md).
    'recipe': {'model.pair_teacher': {'type': 'PairTeacherLoss'}},
    'recipe-no-transfer': {
        'model.pair_teacher': {'type': 'PairTeacherLoss'},
        'model.source_pathway': None, 'model.mmd': None, 'model.pair': None},
}


def run_one(config: str, changes: dict, options: dict, seed: int,
            fraction: float) -> dict:
    """Train and test one variant on a share of the training pairs."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    cfg.merge_from_dict(changes)
    if fraction != 1:
        train = cfg.train_dataloader.dataset
        pairs = train.get('target', train)
        for dataset in (pairs, cfg.val_dataloader.dataset,
                        cfg.test_dataloader.dataset):
            dataset.fraction = fraction
            if 'model.pair_teacher' in changes:
                dataset.rest = 'unlabelled'
        if 'model.pair_teacher' in changes:
            pairs.only = 'labelled'
            train.unlabelled = dict(pairs, only='unlabelled')
    return train_and_test(cfg, seed)


def table(results: dict) -> str:
    """Markdown: a row for each variant and share of the training pairs."""
    rows = ['| training pairs | variant | seeds | i2t mAP | t2i mAP | '
            'mean mAP | s/run |', '|' + '---|' * 7]
    groups: dict[tuple, list[dict]] = {}
    for key, run in results.items():
        variant, fraction, _ = key.rsplit('/', 3)[1:]
        groups.setdefault((float(fraction), variant), []).append(run)
    for (fraction, variant), runs in sorted(
            groups.items(), key=lambda item: (-item[0][0], list(
                VARIANTS).index(item[0][1]))):
        figures = [mean_and_deviation([run[name] for run in runs])
                   for name in FIGURES]
        seconds = statistics.median(run['seconds'] for run in runs)
        rows.append(f'| {fraction:.0%} | {variant} | {len(runs)} | '
                    f'{" | ".join(figures)} | {seconds:.0f} |')
    chance = statistics.mean(run['chance'] for run in results.values())
    rows.append(f'\nAP over the whole ranking (chtn-map-all), test split; '
                f'chance {chance:.3f}.')
    return '\n'.join(rows)


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--variants', nargs='+', choices=list(VARIANTS),
                        default=[name for name in VARIANTS
                                 if not name.startswith('recipe')])
    parser.add_argument('--fractions', nargs='+', type=float, default=[1.0],
                        help='shares of the training pairs')
    parser.add_argument('--seeds', nargs='+', type=int,
                        default=[0, 1, 2, 3, 4])
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        default={}, metavar='KEY=VALUE')
    parser.add_argument('--jobs', type=int, default=1,
                        help='runs at a time, one thread each')
    parser.add_argument('--out', type=Path, default=Path('ablation.json'),
                        help='finished runs; read again at the next start')
    args = parser.parse_args()
    if 1 in args.fractions and any(name.startswith('recipe')
                                   for name in args.variants):
        parser.error('a recipe needs a share of the labels below 1: with all '
                     'of them no pair is left to teach')
    results = (json.loads(args.out.read_text()) if args.out.exists() else {})
    # Runs of another configuration, or with other options, are others.
    which = what_runs(args.config, args.cfg_options)
    todo = {f'{which}/{variant}/{fraction}/{seed}':
            (args.config, VARIANTS[variant], args.cfg_options, seed, fraction)
            for seed in args.seeds for fraction in args.fractions
            for variant in args.variants}
    todo = {key: job for key, job in todo.items() if key not in results}
    # A fresh process a run: nothing is left over from the one before.
    with ProcessPoolExecutor(args.jobs, multiprocessing.get_context('spawn'),
                             max_tasks_per_child=1) as pool:
        running = {pool.submit(run_one, *job): key
                   for key, job in todo.items()}
        for run in tqdm(as_completed(running), total=len(running),
                        disable=None):
            if run.exception():
                # The others would still be trained, and lost with this one.
                pool.shutdown(wait=False, cancel_futures=True)
            results[running[run]] = run.result()
            with atomic_write(args.out, 'w') as file:
                json.dump(results, file, indent=1)
    print(table({key: run for key, run in results.items()
                 if key.startswith(f'{which}/')}))


if __name__ == '__main__':
    main()
