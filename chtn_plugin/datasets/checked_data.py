"""The doctor's round: which manifests to look at, and the new ones."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Optional

from .doctor import Finding, examine, rows_to_drop, table
from .manifest import read_manifest, write_manifest

_MANIFESTS = ('.tsv', '.csv', '.jsonl')


def check(source: str | Path, root: Optional[Path] = None,
          label_separator: Optional[str] = None, images: bool = True,
          examples: int = 3, fix: bool | str = False,
          say: Callable[[str], None] = print) -> list[Finding]:
    """Examine a manifest, or every manifest that a configuration names.

    Args:
        source: The manifest, or a configuration file.
        root: Folder of the images; None: as the configuration says, or the
            manifest's own.
        label_separator: Splits a class field into several; None: as the
            configuration says, or none.
        images: Whether to open the image files.
        examples: Examples to show of each finding.
        fix: Write a new manifest, ``<name>_fixed.tsv``, without the rows
            that leak or are broken; ``'near'``: without near-duplicates too.
        say: Receives the tables.

    Returns:
        All findings.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The manifest is broken, the configuration names none, or
            the new manifest exists already.
    """
    source = Path(source)
    if source.suffix.lower() in _MANIFESTS:
        jobs = [dict(path=source, root=root or source.parent,
                     separator=label_separator, columns=None)]
    else:
        jobs = list(manifests_of(source))
        if not jobs:
            raise ValueError(f'{source} names no manifest: the doctor looks '
                             'at data sets with an ann_file, ready features '
                             'have nothing to look at')
    findings = []
    for job in jobs:
        records = read_manifest(job['path'], job['columns'],
                                label_separator or job['separator'])
        splits = Counter(record.split for record in records)
        say(f'{job["path"]}: {len(records)} rows ('
            + ', '.join(f'{name} {count}' for name, count in splits.items())
            + ')')
        found = examine(records, root or job['root'], images)
        say(table(found, examples))
        findings += found
        if fix:
            drop = rows_to_drop(found, near=fix == 'near')
            path = job['path'].with_name(f'{job["path"].stem}_fixed.tsv')
            if path.exists():
                raise ValueError(f'{path} exists already, remove it first')
            write_manifest(path, [record for row, record in enumerate(records)
                                  if row not in drop])
            say(f'{path}: {len(records) - len(drop)} rows, {len(drop)} left '
                'out')
    return findings


def manifests_of(config: Path) -> Iterator[dict[str, Any]]:
    """Yield path, image folder, separator and columns of each manifest."""
    from mmengine.config import Config
    if not config.is_file():
        raise FileNotFoundError(f'no such file: {config}')
    cfg = Config.fromfile(str(config), import_custom_modules=False)
    seen = set()
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for dataset in _datasets(cfg.get(name) or {}):
            root = Path(dataset.get('data_root') or '')
            path = root / dataset['ann_file']
            # A source domain's list is no manifest.
            if path not in seen and path.suffix.lower() in _MANIFESTS:
                seen.add(path)
                yield dict(path=path, root=root,
                           separator=dataset.get('label_separator'),
                           columns=dataset.get('columns'))


def _datasets(value: Any) -> Iterator[Mapping]:
    if isinstance(value, Mapping):
        if value.get('ann_file'):
            yield value
        for item in value.values():
            yield from _datasets(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _datasets(item)
