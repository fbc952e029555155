"""What pairs without a class gain, from the records of tools/benchmark.py.

    python benchmarks/recipe_gain.py OUT/records.jsonl

Each set and label budget, a row: semantic matching (SM), the best label-free
method (ASIF, RidgeMap, CCA, KernelCCA), the recipe for few labels, its gain
over the bar and in how many draws it is above. The bar is, a draw at a time,
the better of SM and of the label-free method that is best on average; ± is
half of the paired 95 % interval over the draws (Student's t). The table of
docs/few_labels.md.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.stats import t as student

LABEL_FREE = ('ASIF', 'RidgeMap', 'CCA', 'KernelCCA')
RECIPE, PLAIN = 'CHTN-few-labels', 'SemanticMatching'


def read(path: Path) -> dict[tuple[str, str], dict[str, dict[int, float]]]:
    """Mean MAP by set and label budget, method and draw."""
    found: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for line in path.read_text('utf-8').splitlines():
        record = json.loads(line)
        if record['kind'] == 'test' and record['unseen'] is None:
            found.setdefault((record['set'], record['labels']), {}).setdefault(
                record['method'], {})[record['draw']] = record['mean']
    return found


def row(means: dict[str, dict[int, float]]) -> list[str]:
    """Figures of a set under a label budget."""
    draws = sorted(set(means[RECIPE]).intersection(
        *(means[name] for name in (PLAIN, *LABEL_FREE))))
    recipe, plain = (np.array([means[name][draw] for draw in draws])
                     for name in (RECIPE, PLAIN))
    free = max((np.array([means[name][draw] for draw in draws])
                for name in LABEL_FREE), key=np.mean)
    gain = recipe - np.maximum(plain, free)
    half = (student.ppf(.975, len(gain) - 1) * gain.std(ddof=1)
            / np.sqrt(len(gain)) if len(gain) > 1 else np.nan)
    return [*(f'{value.mean():.3f}'.lstrip('0') for value in (
        plain, free, recipe)), f'{gain.mean():+.3f} ± {half:.3f}'.replace(
            '0.', '.').replace('-', '−'), f'{int((gain > 0).sum())} of '
        f'{len(gain)}']


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('records', type=Path)
    records = parser.parse_args().records
    if not records.is_file():
        parser.error(f'no such file: {records}. tools/benchmark.py writes it '
                     'to its --out folder')
    found = read(records)
    print('| set | labels | SM | label-free | recipe | gain over the bar | '
          'draws |\n|---|---|---|---|---|---|---|')
    for (name, labels), means in found.items():
        if labels != '100%' and {RECIPE, PLAIN, *LABEL_FREE} <= means.keys():
            print(f'| {name} | {labels} | ' + ' | '.join(row(means)) + ' |')


if __name__ == '__main__':
    main()
