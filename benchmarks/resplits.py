"""Is a difference of the method, or of the split? Draw the split anew.

On each of several redrawn splits of a manifest (the sizes of the shipped one,
every class alike, pairs with equal content on one side, another validation
cut) a configuration is trained, and semantic matching fitted on the same rows:
see combinations.py. Printed are both, and the paired difference with its
standard error; redrawn splits overlap, so that the true one is larger.
Finished runs are kept in the output file.

    python benchmarks/resplits.py \
        configs/chtn/chtn_efflite0-bow_1xb64-600i_pascal.py --splits 10
"""
from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from chtn_plugin.datasets.grouping import (
    groups_sharing,
    image_contents,
    row_contents,
    text_contents,
)
from chtn_plugin.datasets.manifest import read_manifest, write_manifest
from chtn_plugin.datasets.splits import grouped_split
from chtn_plugin.storage.files import atomic_write

import numpy as np
import torch
from mmengine.config import Config
from tqdm import tqdm

from combinations import _merged, semantic_matching
from runs import FIGURES, mean_and_deviation, train_and_test

METHODS = ('CHTN', 'semantic matching')


def redraw(config: str, seed: int, manifest: Path) -> dict[str, Any]:
    """Write the manifest with another split; the options that read it."""
    cfg = Config.fromfile(config)
    shipped = cfg.test_dataloader.dataset
    root = Path(shipped.data_root)
    records = read_manifest(root / shipped.ann_file)
    features = shipped.get('image_features')
    images: list[Any] = (
        list(row_contents(np.load(root / features.file)[features.key]))
        if features else list(image_contents(records, root)))
    counts = Counter(record.split for record in records)
    splits = grouped_split(
        [record.classes for record in records],
        groups_sharing(text_contents(records), images),
        {name: count / len(records) for name, count in counts.items()}, seed)
    write_manifest(manifest, [replace(record, split=split) for record, split
                              in zip(records, splits, strict=True)])
    target = ('train_dataloader.dataset.target' if 'target' in
              cfg.train_dataloader.dataset else 'train_dataloader.dataset')
    return {f'{dataset}.{key}': value
            for dataset in (target, 'val_dataloader.dataset',
                            'test_dataloader.dataset')
            for key, value in (('ann_file', str(manifest)),
                               ('val_seed', seed))}


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+',
                        help='of one manifest with class labels each')
    parser.add_argument('--splits', type=int, default=10)
    parser.add_argument('--out', type=Path,
                        default=Path('work_dirs/resplits.json'))
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    results = json.loads(args.out.read_text()) if args.out.is_file() else {}
    print('| config | method | i2t | t2i | mean | CHTN less it, mean |')
    print('|---|---|---|---|---|---|')
    for config in args.configs:
        runs: dict[str, list[dict[str, float]]] = {m: [] for m in METHODS}
        for seed in tqdm(range(args.splits), Path(config).stem, disable=None):
            with tempfile.TemporaryDirectory() as folder:
                options = redraw(config, seed, Path(folder) / 'pairs.tsv')
                for method in METHODS:
                    key = f'{Path(config).stem} {method} {seed}'
                    if key not in results:
                        results[key] = (
                            train_and_test(_merged(config, options), seed)
                            if method == 'CHTN' else
                            semantic_matching(config, options))
                        with atomic_write(args.out, 'w') as file:
                            json.dump(results, file, indent=1)
                    runs[method].append(results[key])
        less = [one['mean_mAP'] - other['mean_mAP']
                for one, other in zip(*runs.values(), strict=True)]
        error = statistics.stdev(less) / len(less)**.5
        for method, values in runs.items():
            cells = [mean_and_deviation([value[figure] for value in values])
                     for figure in FIGURES]
            print('|', ' | '.join((
                Path(config).stem, method, *cells, '' if method == 'CHTN' else
                f'{statistics.mean(less):+.3f} ± {error:.3f} (s.e.)')), '|')


if __name__ == '__main__':
    main()
