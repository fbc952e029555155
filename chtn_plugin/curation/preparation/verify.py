"""Verify a prepared set against its expected counts and its hashes."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from tqdm import tqdm

from ...datasets.manifest import PairRecord
from ...storage.files import atomic_write, sha256

SUMS = 'SHA256SUMS'


@dataclass(frozen=True)
class Expected:
    """What a complete set must hold.

    Attributes:
        splits: Number of pairs by split; ``'train+val'`` counts both.
        classes: Number of pairs by split and class; a split that is not
            named is not checked class by class.
    """
    splits: Mapping[str, int]
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def class_histogram(records: Iterable[PairRecord]
                    ) -> dict[str, Counter[str]]:
    """Count pairs by split and class; a pair counts in each of its classes."""
    histogram: dict[str, Counter[str]] = {}
    for record in records:
        histogram.setdefault(record.split, Counter()).update(record.classes)
    return histogram


def count_problems(records: Sequence[PairRecord],
                   expected: Expected) -> list[str]:
    """Compare counts with what the set must have.

    Returns:
        A sentence for each count that is off; empty where all agree.
    """
    splits = Counter(record.split for record in records)
    histogram = class_histogram(records)
    problems = []
    for name, count in expected.splits.items():
        total = sum(splits[part] for part in name.split('+'))
        if total != count:
            problems.append(f'{name} must have {count} pairs, found {total}')
    for name, classes in expected.classes.items():
        counts: Counter[str] = Counter()
        for part in name.split('+'):
            counts.update(histogram.get(part, Counter()))
        for label in sorted(set(classes) | set(counts)):
            if counts[label] != classes.get(label, 0):
                problems.append(f'{name}, class {label}: must have '
                                f'{classes.get(label, 0)} pairs, found '
                                f'{counts[label]}')
    return problems


def histogram_table(records: Sequence[PairRecord]) -> str:
    """Return a table of pairs by class and split, with totals."""
    histogram = class_histogram(records)
    order = ('train', 'val', 'test')
    histogram = {name: histogram[name] for name in sorted(
        histogram, key=lambda name: (name not in order,
                                     name in order and order.index(name)))}
    splits = Counter(record.split for record in records)
    labels = sorted(set().union(*histogram.values()))
    width = max([len(label) for label in labels] + [5])
    lines = [' '.join([f'{"class":<{width}}']
                      + [f'{name:>7}' for name in histogram])]
    for label in labels:
        lines.append(' '.join(
            [f'{label:<{width}}']
            + [f'{histogram[name][label]:>7}' for name in histogram]))
    lines.append(' '.join([f'{"pairs":<{width}}']
                          + [f'{splits[name]:>7}' for name in histogram]))
    return '\n'.join(lines)


def write_sums(root: Path, files: Iterable[str]) -> None:
    """Record the hash of files in ``SHA256SUMS``, as ``sha256sum`` does.

    Args:
        root: Folder of the set.
        files: Paths relative to it.
    """
    names = sorted(set(files))
    lines = [f'{sha256(root / name)}  {name}\n'
             for name in tqdm(names, 'hash', unit='file', disable=None)]
    with atomic_write(root / SUMS, 'w', encoding='utf-8',
                      newline='\n') as file:
        file.writelines(lines)


def listed_files(root: Path) -> list[str]:
    """Return the names in a folder's ``SHA256SUMS``; none if it has none."""
    path = root / SUMS
    if not path.is_file():
        return []
    return [line.partition('  ')[2] for line in path.read_text(
        encoding='utf-8', errors='replace').splitlines()]


def sum_problems(root: Path) -> Optional[list[str]]:
    """Check a prepared folder against its ``SHA256SUMS``.

    Returns:
        A sentence for each file that is missing or changed; None where the
        folder has no ``SHA256SUMS``, so was never completed.
    """
    path = root / SUMS
    if not path.is_file():
        return None
    problems = []
    lines = path.read_text(encoding='utf-8').splitlines()
    for line in tqdm(lines, 'verify', unit='file', disable=None):
        expected, _, name = line.partition('  ')
        file = root / name
        if not file.is_file():
            problems.append(f'{name} is missing')
        elif sha256(file) != expected:
            problems.append(f'{name} has changed: SHA-256 must be '
                            f'{expected[:12]}…')
    return problems
