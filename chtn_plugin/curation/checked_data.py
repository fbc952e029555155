"""Run the doctor on a manifest or a configuration, and write the repair."""
from __future__ import annotations

import dataclasses
import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .._errors import building
from ..datasets.manifest import (
    Manifest,
    PairRecord,
    read_manifest,
    with_other_cells,
    write_manifest,
)
from .doctor import Finding, examine, rows_to_drop, table

_MANIFESTS = ('.tsv', '.csv', '.jsonl')


def check(source: str | Path, root: Optional[Path] = None,
          label_separator: Optional[str] = None, images: bool = True,
          examples: int = 3, fix: bool | str = False,
          say: Callable[[str], None] = print, workers: int = 1,
          cache: Optional[str | Path] = None) -> list[Finding]:
    """Examine a manifest, or every set of pairs that a configuration names.

    Args:
        source: The manifest, or a configuration file.
        root: Folder of the images; None: as the configuration says, or the
            manifest's own.
        label_separator: Splits a manifest's class field into several; a
            configuration says so itself.
        images: Whether to open the image files.
        examples: Examples to show of each finding.
        fix: Write a new manifest, ``<name>_fixed.tsv``, without the rows
            that leak or are broken; ``'near'``: without near-duplicates too.
        say: Receives the tables.
        workers: As for :func:`~chtn_plugin.curation.image_facts.image_facts`.
        cache: As for :func:`~chtn_plugin.curation.image_facts.image_facts`.

    Returns:
        All findings.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The manifest is broken, the configuration names none, or
            the new manifest exists already.
    """
    source = Path(source)
    if source.suffix.lower() in _MANIFESTS:
        sets = [Checked(source, read_manifest(source, None, label_separator),
                        source.parent)]
    else:
        sets = list(sets_of(source))
        if not sets:
            raise ValueError(f'{source} names no data set of pairs: ready '
                             'features have nothing to look at')
    findings = []
    for one in sets:
        splits = Counter(record.split for record in one.records)
        say(f'{one.path}: {len(one.records)} rows ('
            + ', '.join(f'{name} {count}' for name, count in splits.items())
            + ')')
        notes = examine(one.records, root or one.root,
                        images and one.has_images, workers, cache)
        say(table(notes, examples))
        findings += notes
        if fix:
            _write_fixed(one, rows_to_drop(notes, near=fix == 'near'), say)
    return findings


@dataclass(frozen=True)
class Checked:
    """A set of pairs to look at.

    Attributes:
        path: The manifest; where there is none, the folder of the set.
        records: Its pairs.
        root: Folder of the images.
        has_images: Whether the images are files.
    """
    path: Path
    records: Sequence[PairRecord]
    root: Path
    has_images: bool = True


def holds_findings(path: str | Path) -> bool:
    """Whether a file is a JSON list of findings, and not a user's."""
    names = {field.name for field in dataclasses.fields(Finding)}
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, list) and all(
        isinstance(one, dict) and set(one) == names for one in content)


def sets_of(config: Path) -> Iterator[Checked]:
    """Yield each set of pairs that a configuration trains or tests on.

    Args:
        config: The configuration.

    Raises:
        FileNotFoundError: There is no such file, or a set is missing.
        ValueError: A manifest is broken.
    """
    from mmengine.registry import DATASETS

    from ..engine.config_files import read_config_file
    cfg = read_config_file(str(config))
    seen = set()
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for entry in _datasets(cfg.get(name) or {}):
            key = (str(entry['type']), entry.get('ann_file'),
                   entry.get('data_root'))
            kind = DATASETS.get(entry['type'])
            if key in seen or not hasattr(kind, 'read_records'):
                continue
            seen.add(key)
            # Reading the rows is enough; not every data set can wait.
            lazy = 'lazy_init' in inspect.signature(kind).parameters
            with building(f'{name} of {config}'):
                dataset = DATASETS.build(
                    dict(entry, lazy_init=True) if lazy else dict(entry))
            yield Checked(Path(dataset.ann_file or dataset.data_root),
                          dataset.read_records(), Path(dataset.data_root),
                          not dataset.image_features)


def _write_fixed(one: Checked, drop: set[int],
                 say: Callable[[str], None]) -> None:
    folder = one.path if one.path.is_dir() else one.path.parent
    path = folder / f'{one.path.stem}_fixed.tsv'
    if path.exists():
        raise ValueError(f'{path} exists already, remove it first')
    records = one.records
    if isinstance(records, Manifest):
        records = with_other_cells(records, one.path)
    write_manifest(path, [record for row, record in enumerate(records)
                          if row not in drop])
    say(f'{path}: {len(one.records) - len(drop)} rows, {len(drop)} left out')


def _datasets(value: Any) -> Iterator[Mapping]:
    if isinstance(value, Mapping):
        if value.get('type'):
            yield value
        for item in value.values():
            yield from _datasets(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _datasets(item)
