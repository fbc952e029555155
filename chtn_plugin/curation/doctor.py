"""The doctor: find leaks and damage in a data set before training."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from ..datasets.grouping import (
    LEAKING_TOKENS,
    folded,
    num_tokens,
    text_contents,
)
from ..datasets.manifest import PairRecord
from .image_facts import ImageFacts, groups, image_facts
from .near_duplicates import near_duplicates

ERROR, WARNING, NOTE = 'error', 'warning', 'note'
MAX_IMBALANCE = 20.
MIN_TRAIN_ITEMS = 5
#: Share of texts with their own class name in them that is worth a warning.
NAMED_SHARE = 0.05
#: Where a row is dropped from a pair of rows that leaks: the rarer data win.
_DROP_ORDER = ('train', 'val', 'test')


@dataclass(frozen=True)
class Finding:
    """One kind of trouble.

    Attributes:
        level: ``'error'``, ``'warning'`` or ``'note'``.
        what: What is wrong, in a few words.
        count: How often.
        examples: Where, a few times.
        drop: Row numbers (from 0) to leave out to be rid of it.
    """
    level: str
    what: str
    count: int
    examples: tuple[str, ...] = ()
    drop: tuple[int, ...] = field(default=(), repr=False)


def examine(records: Sequence[PairRecord], root: str | Path,
            images: bool = True, workers: int = 1,
            cache: Optional[str | Path] = None) -> list[Finding]:
    """Look for everything that is known to spoil results.

    Args:
        records: The rows of a manifest.
        root: Folder that the image paths are relative to.
        images: Whether to open the image files.
        workers: Threads that look at images, and search for those alike.
        cache: As for :func:`~chtn_plugin.curation.image_facts.image_facts`.

    Returns:
        Findings, errors first.
    """
    findings = [*check_classes(records), *check_texts(records)]
    if images:
        root = Path(root)
        facts = image_facts((root / record.image for record in records
                             if record.image), workers, cache)
        of_row = [facts[str(root / record.image)] if record.image else None
                  for record in records]
        findings += check_images(records, of_row, workers)
    order = (ERROR, WARNING, NOTE)
    return sorted(findings, key=lambda finding: order.index(finding.level))


def check_classes(records: Sequence[PairRecord]) -> list[Finding]:
    """Check splits and labels."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        counts[record.split].update(record.classes)
    train = counts.get('train', Counter())
    findings = [Finding(ERROR if name == 'train' else WARNING,
                        f'there is no split {name!r}', 1)
                for name in _DROP_ORDER if name not in counts]
    off = [f'{split} has {min(map(int, numbers))} to '
           f'{max(map(int, numbers))}, train {min(map(int, train))} to '
           f'{max(map(int, train))}' for split, numbers in counts.items()
           if _shifted(train, numbers)]
    findings += _found(ERROR, 'class numbers of splits are off by one', off)
    for split, names in counts.items():
        if split == 'train':
            continue
        findings += _found(ERROR, f'classes of {split} without a training '
                           'item', sorted(set(names) - set(train)))
        findings += _found(WARNING, f'classes of train missing in {split}',
                           sorted(set(train) - set(names)))
    everything = {name for names in counts.values() for name in names}
    if len(everything) == 1:
        findings.append(Finding(
            ERROR, 'there is one class alone: everything is relevant to '
            'everything', 1, tuple(everything)))
    alike: dict[str, set[str]] = defaultdict(set)
    for names in counts.values():
        for name in names:
            alike[folded(name)].add(name)
    findings += _found(ERROR, 'class names that differ only in case, blanks '
                       'or marks', [' / '.join(sorted(names))
                                    for names in alike.values()
                                    if len(names) > 1])
    for split in _DROP_ORDER:
        lacking = [row for row, record in enumerate(records)
                   if record.split == split and not record.classes]
        findings += _found(
            NOTE if split == 'train' else WARNING,
            f'rows of {split} without a class, ' + (
                'trained on as pairs' if split == 'train'
                else 'left out of what goes by class'),
            _where(records, lacking))
    findings += _found(WARNING, f'classes with under {MIN_TRAIN_ITEMS} '
                       'training items',
                       [f'{name}: {count}' for name, count in train.items()
                        if count < MIN_TRAIN_ITEMS])
    if train and max(train.values()) > MAX_IMBALANCE * min(train.values()):
        most, least = train.most_common()[0], train.most_common()[-1]
        findings.append(Finding(
            WARNING, 'wildly unbalanced training classes', 1,
            (f'{most[0]}: {most[1]}, {least[0]}: {least[1]}', )))
    labels = [record.classes for record in records
              if record.split == 'train' and record.classes]
    changes = sum(one != other for one, other in zip(labels, labels[1:],
                                                     strict=False))
    if len(set(labels)) > 1 and changes == len(set(labels)) - 1:
        findings.append(Finding(
            NOTE, 'training rows are sorted by class: without shuffling a '
            'batch holds one class', 1))
    return findings


def check_texts(records: Sequence[PairRecord]) -> list[Finding]:
    """Check what the texts hold, and whether they leak.

    Of a picture's several texts each is looked at alone.
    """
    normal = [folded(' '.join(record.texts)) for record in records]
    lengths = [num_tokens(text) for text in normal]
    long = _in_two_splits(records, text_contents(records, LEAKING_TOKENS))
    findings = _leak(records, long, ERROR, 'texts that stand in two splits')
    short = _in_two_splits(records, [
        [text for text in texts if num_tokens(text) < LEAKING_TOKENS]
        for texts in text_contents(records)])
    findings += _leak(records, short, NOTE, f'texts under {LEAKING_TOKENS} '
                      'words that stand in two splits')
    missing = [row for row, record in enumerate(records) if not record.texts]
    findings += _found(NOTE, 'rows without a text', _where(records, missing))
    empty = [row for row, record in enumerate(records)
             if record.texts and not lengths[row]]
    findings += _found(ERROR, 'texts without a word', _where(records, empty),
                       empty)
    one = [row for row, length in enumerate(lengths) if length == 1]
    findings += _found(WARNING, 'texts of one word', _where(records, one))
    named = [row for row, record in enumerate(records)
             if any(_contains(normal[row], folded(name))
                    for name in record.classes)]
    if named:
        share = len(named) / max(len(records) - len(missing), 1)
        findings += _found(
            WARNING if share >= NAMED_SHARE else NOTE,
            f'texts that hold their class name ({share:.1%})',
            [f'{records[row].classes[0]}: {" ".join(records[row].texts)[:60]}'
             for row in named])
    return findings


def check_images(records: Sequence[PairRecord],
                 facts: Sequence[Optional[ImageFacts]],
                 workers: int = 1) -> list[Finding]:
    """Check the files, and whether pictures leak.

    Args:
        records: The rows.
        facts: Facts of each row's image; None where it has none.
        workers: Threads that search for pictures alike.
    """
    none = [row for row, fact in enumerate(facts) if fact is None]
    findings = _found(NOTE, 'rows without an image', _where(records, none))
    broken = {row: fact.problem for row, fact in enumerate(facts)
              if fact and fact.problem}
    findings += _found(ERROR, 'images that cannot be read',
                       [f'{records[row].image} ({problem})'
                        for row, problem in broken.items()], list(broken))
    flat = [row for row, fact in enumerate(facts) if fact and fact.one_colour]
    findings += _found(WARNING, 'images of one colour',
                       [str(records[row].image) for row in flat])
    same = groups([fact.sha256 if fact and not fact.problem else ''
                   for fact in facts])
    findings += _leak(records, [group for group in same if len(
        {records[row].split for row in group}) > 1], ERROR,
        'images whose copy stands in another split')
    findings += _found(
        ERROR, 'equal images with different classes',
        [' / '.join(f'{records[row].image} {";".join(records[row].classes)}'
                    for row in group[:2]) for group in same
         if len({frozenset(records[row].classes) for row in group
                 if records[row].classes}) > 1])
    inside = [group for group in same
              if len({records[row].split for row in group}) == 1
              and len({records[row].image for row in group}) > 1]
    findings += _found(NOTE, 'equal images within a split',
                       [_pair(records, group) for group in inside])
    by_path = {str(row): fact for row, fact in enumerate(facts)
               if fact and not fact.problem}
    near = [[int(one), int(other)]
            for one, other in near_duplicates(by_path, workers=workers)]
    findings += _leak(records, [group for group in near if len(
        {records[row].split for row in group}) > 1], WARNING,
        'images that look like one of another split')
    return findings


def rows_to_drop(findings: Iterable[Finding], near: bool = False
                 ) -> set[int]:
    """Return the rows whose removal mends what can be mended.

    Args:
        findings: What was found.
        near: Whether to mend warnings too: near-duplicates across splits.
    """
    levels = (ERROR, WARNING) if near else (ERROR, )
    return {row for finding in findings if finding.level in levels
            for row in finding.drop}


def table(findings: Sequence[Finding], examples: int = 3) -> str:
    """Return the findings as text, with a few examples each."""
    if not findings:
        return 'nothing found'
    lines = []
    for finding in findings:
        lines.append(f'{finding.level:<8}{finding.count:>6}  {finding.what}')
        lines += [' ' * 16 + example for example in
                  finding.examples[:examples]]
    return '\n'.join(lines)


def _found(level: str, what: str, examples: Sequence[str],
           drop: Sequence[int] = ()) -> list[Finding]:
    if not examples:
        return []
    return [Finding(level, what, len(examples), tuple(examples[:20]),
                    tuple(drop))]


def _in_two_splits(records: Sequence[PairRecord],
                   contents: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return the rows of each content that rows of two splits have."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, keys in enumerate(contents):
        for key in keys:
            rows_of[key].append(row)
    return [rows for rows in rows_of.values()
            # Most stand in one row, which need not be made for that.
            if len(rows) > 1
            and len({records[row].split for row in rows}) > 1]


def _leak(records: Sequence[PairRecord], shared: Sequence[Sequence[int]],
          level: str, what: str) -> list[Finding]:
    """Find pairs across splits; drop what is not of the rarest split."""
    def rank(row: int) -> int:
        split = records[row].split
        return _DROP_ORDER.index(split) if split in _DROP_ORDER else -1
    drop: dict[int, None] = {}
    for group in shared:
        kept = max(rank(row) for row in group)
        drop |= dict.fromkeys(row for row in group if rank(row) < kept)
    return _found(level, what, [_pair(records, group) for group in shared],
                  list(drop))


def _pair(records: Sequence[PairRecord], group: Sequence[int]) -> str:
    by_split = {records[row].split: row for row in reversed(group)}
    shown = sorted(by_split.values()) if len(by_split) > 1 else group[:3]
    return ' = '.join(f'{records[row].split} {records[row].id}'
                      for row in shown)


def _where(records: Sequence[PairRecord], rows: Sequence[int]) -> list[str]:
    return [f'{records[row].split} {records[row].id}' for row in rows]


def _shifted(train: Iterable[str], other: Iterable[str]) -> bool:
    names, others = set(train), set(other)
    if not names or not others or not all(
            name.isdecimal() for name in names | others):
        return False
    numbers, shifted = set(map(int, names)), set(map(int, others))
    return numbers != shifted and any(
        {number + step for number in shifted} == numbers for step in (1, -1))




def _contains(text: str, name: str) -> bool:
    if not name:
        return False
    if name.isascii():
        return f' {name} ' in f' {text} ' or f' {name}s ' in f' {text} '
    return name in text
