"""Write a manifest, and a configuration, of a user's own folder."""
from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Optional

from ..datasets.manifest import (
    LABEL_SEPARATOR,
    PairRecord,
    check_writable,
    write_manifest,
)
from ..storage.files import atomic_write, sha256
from ..storage.ownership import sweep_temporaries
from .own_config import write_config
from .own_pairs import DEFAULTS, ONE_CLASS, Options, check_plain, split_rows
from .own_splits import why_empty
from .own_tables import MANIFEST
from .preparation.verify import histogram_table

#: Hash of what was written, beside it: an edited manifest is the user's.
_SUM = f'{MANIFEST}.sha256'


def make_manifest(folder: str | Path, options: Options = DEFAULTS,
                  config: Optional[Path] = None,
                  say: Callable[[str], None] = print) -> list[PairRecord]:
    """Write ``manifest.tsv`` into a folder, and a config that trains on it.

    A row without a class is a pair to train on all the same; see
    :class:`~chtn_plugin.losses.PairTeacherLoss`. Drawn splits leave it in
    training, unless it shares its picture or text with a row that is not.

    Rows that name the same picture become one with several texts. Pairs that
    share a picture's bytes, or the words of a text of at least
    ``LEAKING_TOKENS``, go to one side of the split. A class of so few pairs
    that none would be trained on is trained on. Class names come in one
    Unicode form (NFC). Files are written last, once everything is known to
    work.

    Args:
        folder: The user's folder.
        options: Choices.
        config: Where to write the configuration; None: nowhere.
        say: Receives counts, warnings and what to do next.

    Returns:
        The records of the manifest.

    Raises:
        FileNotFoundError: There is nothing to read, pictures are missing, or
            an encoder cannot be had.
        ValueError: The table, a picture or an option is broken, the folder
            has a manifest of the user's, the table's splits leave a class
            without a training row, or a configuration is to be written and
            there is one class only, or no pair left to validate on.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'no such folder: {folder}')
    sweep_temporaries(folder)
    path = folder / MANIFEST
    if path.exists() and not (options.overwrite or _is_ours(path)):
        raise ValueError(
            f'{path} was not written by this tool, or has been edited since: '
            'rename it (a table of any other name is read), or replace it '
            'with --overwrite')
    records, remarks, drawn = split_rows(folder, options)
    check_writable(records)
    shares = dict(zip(('val', 'test'), options.fractions[1:], strict=True))
    empty = {split: why_empty(records, folder, shares[split], drawn)
             for split in set(shares) - {r.split for r in records}}
    if config is not None:
        _check_configurable(records, folder, options)
        if 'val' in empty:
            raise ValueError('the configuration validates on the split '
                             f"'val', which is left empty: {empty['val']}")
        encoders, advice = write_config(config, folder, MANIFEST, records,
                                        options.source, options.images,
                                        options.texts)
    _write(path, records)
    say(histogram_table(records))
    for line in remarks:
        say(line)
    for split, cause in empty.items():
        say(f'the split {split!r} is empty: {cause}')
    say(f'wrote {path}: {len(records)} rows')
    if config is not None:
        check, run = shlex.quote(str(path)), shlex.quote(str(config))
        if any(len(record.classes) > 1 for record in records):
            check += f" --label-separator '{LABEL_SEPARATOR}'"
        say(encoders)
        say(f'wrote {config}\n\nnext:\n'
            f'  python tools/check_data.py {check}\n'
            f'  python tools/train.py {run}' + (
                '' if 'test' in empty else f'\n  python tools/test.py {run} '
                f"{shlex.quote(f'work_dirs/{config.stem}')}"))
        if advice:
            say(advice)
    return records


def _write(path: Path, records: list[PairRecord]) -> None:
    """Write the manifest and its hash; killed anywhere, it stays ours.

    Between the two files the hash file has a line for either manifest, the
    old one and the new one.
    """
    old = [sha256(path)] if _is_ours(path) else []
    with tempfile.TemporaryDirectory() as folder:
        write_manifest(Path(folder) / MANIFEST, records)
        new = sha256(Path(folder) / MANIFEST)
    _write_sums(path, [new, *old])
    write_manifest(path, records)
    _write_sums(path, [new])


def _write_sums(path: Path, sums: Sequence[str]) -> None:
    with atomic_write(path.with_name(_SUM), 'w') as file:
        file.writelines(f'{value}  {MANIFEST}\n' for value in sums)


def _is_ours(path: Path) -> bool:
    """Whether a manifest is as this tool wrote it."""
    kept = path.with_name(_SUM)
    return (path.is_file() and kept.is_file()
            and sha256(path).encode() in kept.read_bytes().split())


def _check_configurable(records: Sequence[PairRecord], folder: Path,
                        options: Options) -> None:
    """Refuse what a configuration would train on in vain."""
    names = {name for record in records for name in record.classes}
    if not names:
        raise ValueError('a configuration learns from classes, and no row '
                         'has any: --no-config writes the manifest alone')
    if len(names) == 1:
        raise ValueError(f'{ONE_CLASS}: all rows have {names.pop()!r}')
    for what, value in (('the folder', folder), ('--source', options.source),
                        ('--images', options.images),
                        ('--texts', options.texts)):
        check_plain(what, str(value or ''))
