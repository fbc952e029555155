"""Turn a user's pictures and texts into a manifest and a configuration."""
from __future__ import annotations

import dataclasses
import shlex
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Optional

from tqdm import tqdm

from ..datasets.grouping import (
    LEAKING_TOKENS,
    groups_sharing,
    image_contents,
    text_contents,
)
from ..datasets.manifest import (
    LABEL_SEPARATOR,
    PairRecord,
    check_writable,
    read_manifest,
    write_manifest,
)
from ..datasets.splits import grouped_split
from ..datasets.validation_cut import ValidationCut
from ..storage.files import atomic_write, sha256
from ..storage.folders import one_form, twins
from ..storage.ownership import sweep_temporaries
from .image_facts import image_problem
from .layouts.detection import choose_layout
from .layouts.label_sources import KINDS, reading_for, relabelled
from .layouts.layout import Reading
from .own_config import write_config
from .own_tables import MANIFEST, Row
from .preparation.verify import histogram_table

_ONE_CLASS = ('retrieval by class needs at least two classes, or everything '
              'is relevant to everything')
#: Hash of what was written, beside it: an edited manifest is the user's.
_SUM = f'{MANIFEST}.sha256'


@dataclasses.dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes:
        table: Table within the folder; None: the one that is there, or class
            folders.
        columns: Column of ``image``, ``text``, ``label``, ``split``.
        label_separator: Separates several labels; empty: one label a row.
        encoding: Encoding of the table, or of the texts in class folders.
        line_texts: Whether each line of a ``.txt`` is a text of its own.
        fractions: Shares of train, val and test.
        seed: Seed of the split.
        skip_broken: Leave out rows whose picture is missing or broken.
        source: Labelled images for the config's source domain: class
            folders, or a folder with ``list.txt``; None: there is none.
        images: The config's image encoder, by any name that
            :mod:`~chtn_plugin.models.encoder_presets` knows; ``'auto'``: the
            best that can be had.
        texts: Its text encoder, likewise.
        overwrite: Whether to replace a ``manifest.tsv`` that was not written
            by this tool, or has been edited.
        layout: Layout of the folder, a name of
            :data:`~chtn_plugin.curation.layouts.detection.LAYOUTS`; None: it
            is recognised.
        label_from: Where the classes come from, see
            :func:`~chtn_plugin.curation.layouts.label_sources.relabelled`;
            None: from where the layout has them.
    """
    table: Optional[str] = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    label_separator: str = ';'
    encoding: Optional[str] = None
    line_texts: bool = False
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    skip_broken: bool = False
    source: Optional[Path] = None
    images: str = 'auto'
    texts: str = 'auto'
    overwrite: bool = False
    layout: Optional[str] = None
    label_from: Optional[str] = None


def make_manifest(folder: str | Path, options: Options = Options(),
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
    records, remarks, drawn = _read_pairs(folder, options)
    check_writable(records)
    empty = {split: _cause(records, split, folder, options,
                           drawn)
             for split in {'val', 'test'} - {r.split for r in records}}
    if config is not None:
        _check_configurable(records, folder, options)
        if 'val' in empty:
            raise ValueError('the configuration validates on the split '
                             f"'val', which is left empty: {empty['val']}")
        encoders = write_config(config, folder, MANIFEST, records,
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
    return records


def read_pairs(folder: str | Path, options: Options = Options()
               ) -> list[PairRecord]:
    """Read a folder's pairs as :func:`make_manifest` does, writing nothing.

    A manifest that is there counts before any other table.

    Args:
        folder: The user's folder.
        options: Choices.

    Raises:
        FileNotFoundError, ValueError: As :func:`make_manifest`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'no such folder: {folder}')
    if (folder / MANIFEST).is_file() and options.table is None:
        return read_manifest(folder / MANIFEST, label_separator=(
            options.label_separator or None))
    return _read_pairs(folder, options)[0]


def _read_pairs(folder: Path, options: Options
                ) -> tuple[list[PairRecord], list[str], bool]:
    """The pairs, what to say about them, and whether splits were drawn."""
    rows = _read(folder, options)
    rows, left_out = _with_images(folder, rows, options.skip_broken)
    rows, respelt = _in_one_form(rows)
    given = _records(_merged(rows))
    _check_classes(given, options.label_from != 'none')
    records = _split(given, folder, options)
    _check_training_classes(records)
    return (records, [*respelt, *_remarks(records, left_out)],
            not any(record.split for record in given))


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


def _read(folder: Path, options: Options) -> list[Row]:
    layout = choose_layout(folder, options.layout, options.table is not None)
    reading = Reading(options.table, options.columns, options.label_separator,
                      options.encoding, options.line_texts)
    if options.label_from is not None:
        reading = reading_for(options.label_from, reading)
    if reading.columns and not layout.has_columns:
        raise ValueError(f'the layout {layout.name} has no columns that '
                         f'could be named, got {dict(reading.columns)}')
    rows = layout.rows(folder, reading)
    if options.label_from is not None:
        rows = relabelled(rows, options.label_from, folder, reading)
    if options.label_from != 'none' and not any(row.classes for row in rows):
        raise ValueError(
            f'some row needs a label: {rows[0].where} has none, nor has any '
            'other. Say where the labels come from with --label-from, one of '
            f'{", ".join(KINDS)}' if rows else
            f'the layout {layout.name} has no rows: {folder}')
    return rows


def _with_images(folder: Path, rows: Sequence[Row], skip_broken: bool
                 ) -> tuple[list[Row], list[str]]:
    """Resolve image paths; return the rows and what was left out."""
    kept, problems = [], []
    checked: dict[str, Optional[str]] = {}
    for row in tqdm(rows, 'images', unit='row', disable=None):
        if row.image is None:
            kept.append(row)
            continue
        name = _resolved(folder, row.image)
        if name is None:
            problems.append(f'{row.image} ({row.where}: no such file)')
            continue
        if name not in checked:
            checked[name] = image_problem(folder / name)
        if checked[name]:
            problems.append(f'{name} ({row.where}: {checked[name]})')
        else:
            kept.append(dataclasses.replace(row, image=name))
    if problems and not skip_broken:
        raise ValueError(
            f'{len(problems)} rows name pictures under {folder} that are '
            f'missing or broken: {"; ".join(problems[:3])}. Mend them, or '
            'leave them out with --skip-broken')
    if not kept:
        raise ValueError(f'no row is left: {"; ".join(problems[:3])}')
    return kept, problems


def _resolved(folder: Path, image: str) -> Optional[str]:
    """Return a path relative to the folder, or None if it is not there."""
    root = folder.resolve()
    # A Mac may have named the file in another Unicode form than the table.
    forms = dict.fromkeys((image, *(unicodedata.normalize(form, image)
                                    for form in ('NFC', 'NFD'))))
    for candidate in (base / form for form in forms
                      for base in (folder, folder / 'images')):
        if candidate.is_file():
            # A link inside the folder may lead out; a path may not.
            inside = Path(*_normal(candidate.absolute().parts))
            for base in (folder.absolute(), root):
                if base in inside.parents:
                    return inside.relative_to(base).as_posix()
            raise ValueError(f'a picture must lie inside {folder}: {image} '
                             f'is {candidate.resolve()}')
    return None


def _normal(parts: Sequence[str]) -> list[str]:
    result: list[str] = []
    for part in parts:
        if part == '..' and result:
            result.pop()
        elif part not in ('.', '..'):
            result.append(part)
    return result


def _in_one_form(rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """Bring class names to one Unicode form; return what that merged."""
    merged = twins(name for row in rows for name in row.classes)
    remarks = [f'classes spelt in two Unicode forms are taken as one: '
               f'{", ".join(names[0] for names in merged[:5])}'
               ] if merged else []
    return [dataclasses.replace(row, classes=tuple(dict.fromkeys(
        map(one_form, row.classes)))) for row in rows], remarks


def _check_classes(records: Sequence[PairRecord], needed: bool) -> None:
    """Refuse class names that a configuration cannot hold, or none."""
    if needed and not any(record.classes for record in records):
        raise ValueError(f'some row needs a label: {records[0].where} has '
                         'none, nor has any other')
    for record in records:
        for name in record.classes:
            _check_plain('a class', name, f' at {record.where}')


def _check_plain(what: str, value: str, where: str = '') -> None:
    if '{{' in value:
        raise ValueError(f"{what} must not hold '{{{{', which MMEngine's "
                         'configurations replace by what it names: '
                         f'{value!r}{where} does')


def _check_configurable(records: Sequence[PairRecord], folder: Path,
                        options: Options) -> None:
    """Refuse what a configuration would train on in vain."""
    names = {name for record in records for name in record.classes}
    if not names:
        raise ValueError('a configuration learns from classes, and no row '
                         'has any: --no-config writes the manifest alone')
    if len(names) == 1:
        raise ValueError(f'{_ONE_CLASS}: all rows have {names.pop()!r}')
    for what, value in (('the folder', folder), ('--source', options.source),
                        ('--images', options.images),
                        ('--texts', options.texts)):
        _check_plain(what, str(value or ''))


def _check_training_classes(records: Sequence[PairRecord]) -> None:
    trained = _classes_of(records, 'train')
    for record in records:
        for name in record.classes:
            if trained and name not in trained:
                raise ValueError(
                    f'every class must have training rows: {name!r} of split '
                    f'{record.split!r} at {record.where} has none. Drop it, '
                    "or give some of its rows the split 'train'")


def _classes_of(records: Sequence[PairRecord], split: str) -> set[str]:
    return {name for record in records if record.split == split
            for name in record.classes}


def _merged(rows: Sequence[Row]) -> list[Row]:
    """Join rows of one picture, in order of first appearance."""
    several = any(len(row.classes) > 1 for row in rows)
    merged: dict[object, Row] = {}
    for number, row in enumerate(rows):
        key = row.image if row.image is not None else number
        if key not in merged:
            merged[key] = row
            continue
        first = merged[key]
        for what, one, other in (('classes', first.classes, row.classes),
                                 ('splits', first.split, row.split)):
            if one != other and not (what == 'classes' and (
                    several or not one or not other)):
                raise ValueError(
                    f'rows of one picture must agree: {row.image} has the '
                    f'{what} {one} at {first.where}, {other} at {row.where}')
        merged[key] = dataclasses.replace(
            first, texts=tuple(dict.fromkeys(first.texts + row.texts)),
            classes=tuple(dict.fromkeys(first.classes + row.classes)))
    return list(merged.values())


def _records(rows: Sequence[Row]) -> list[PairRecord]:
    width = len(str(len(rows)))
    return [PairRecord(
        f'{number:0{width}}' if row.image is None else
        f'{number:0{width}}-{Path(row.image).stem}', row.split, row.classes,
        row.image, row.texts, row.where)
        for number, row in enumerate(rows, 1)]


def _split(records: list[PairRecord], folder: Path,
           options: Options) -> list[PairRecord]:
    given = {record.split for record in records}
    train, val, test = options.fractions
    if given == {''}:
        groups = groups_sharing(text_contents(records, LEAKING_TOKENS),
                                image_contents(records, folder))
        known = [row for row, record in enumerate(records) if record.classes
                 ] or list(range(len(records)))
        drawn = grouped_split(
            [records[row].classes for row in known],
            [groups[row] for row in known],
            {'train': train, 'val': val, 'test': test}, options.seed)
        # A pair without a class goes where its like goes.
        of_group = {groups[row]: split for row, split in zip(
            known, drawn, strict=True)}
        splits = [of_group.get(group, 'train') for group in groups]
        return _with_training_rows(
            [dataclasses.replace(record, split=split)
             for record, split in zip(records, splits, strict=True)],
            groups, ('val', 'test'))
    if '' in given:
        lacking = next(record for record in records if not record.split)
        raise ValueError('every row needs a split, or none: '
                         f'{lacking.where} has none')
    if 'val' in given or not val:
        return records
    cut = ValidationCut(val / (train + val), options.seed).records(
        records, folder, LEAKING_TOKENS)
    groups = groups_sharing(text_contents(cut, LEAKING_TOKENS),
                            image_contents(cut, folder))
    return _with_training_rows(cut, groups, ('val', ))


def _with_training_rows(records: list[PairRecord],
                        groups: Sequence[int],
                        drawn: Sequence[str]) -> list[PairRecord]:
    """Move a group of each class that has no training row to training.

    Only of the splits that were drawn: what the table says stays.
    """
    trained = _classes_of(records, 'train')
    moved: set[int] = set()
    for record, group in zip(records, groups, strict=True):
        if trained and record.split in drawn and not trained.issuperset(
                record.classes):
            trained.update(record.classes)
            moved.add(group)
    return [dataclasses.replace(record, split='train')
            if group in moved and record.split in drawn else record
            for record, group in zip(records, groups, strict=True)]


def _cause(records: Sequence[PairRecord], split: str, folder: Path,
           options: Options, drawn: bool) -> str:
    """Return why a split has no pair."""
    share = dict(val=options.fractions[1], test=options.fractions[2])[split]
    if not share:
        return 'its share is 0 (--split gives shares)'
    if not drawn:
        return 'the table gives its splits itself, and this is none of them'
    texts = Counter(text for several in text_contents(
        records, LEAKING_TOKENS) for text in several)
    copies = Counter(filter(None, image_contents(records, folder)))
    text, same_text = (texts.most_common(1) or [('', 0)])[0]
    same_picture = max(copies.values(), default=0)
    if round(share * len(records)) < 1 or max(same_text, same_picture) < 2:
        return (f'{len(records)} pairs are too few for a share of {share:g} '
                '(--split gives shares)')
    repeated = (f'the text {text[:60]!r}' if same_text >= same_picture
                else 'the same picture')
    return ('pairs with one picture, or with one text of '
            f'{LEAKING_TOKENS} words or more, stay together, and '
            f'{max(same_text, same_picture)} have {repeated}. A column '
            "'split' in the table parts them all the same")


def _remarks(records: Sequence[PairRecord],
             left_out: Sequence[str]) -> list[str]:
    remarks = []
    if left_out:
        remarks.append(f'left out {len(left_out)} rows whose picture is '
                       f'missing or broken, the first: {left_out[0]}')
    for what, lacking in (
            ('picture', [r for r in records if r.image is None]),
            ('text', [r for r in records if not r.texts])):
        if lacking:
            remarks.append(f'{len(lacking)} rows without a {what}: used to '
                           'evaluate, not to train')
    unlabelled = Counter(record.split for record in records
                         if not record.classes)
    if unlabelled.total() == len(records):
        return [*remarks, 'no row has a class: pairs alone, which are '
                'looked for one by one']
    if unlabelled['train']:
        remarks.append(f'{unlabelled["train"]} rows without a class: trained '
                       'on as pairs')
    for split in ('val', 'test'):
        if unlabelled[split]:
            remarks.append(f'{unlabelled[split]} rows of {split} without a '
                           'class: they count where the very pair is looked '
                           'for, not by class')
    bare = [record for record in records if not record.classes]
    if bare:
        # A cell that is empty, or null or NaN in JSON.
        remarks.append(f'the first row without a class: {bare[0].where}')
    if len({name for record in records for name in record.classes}) == 1:
        remarks.append(f'one class alone: {_ONE_CLASS}')
    if any(len(record.classes) > 1 for record in records):
        remarks.append('several labels a row: items are relevant to each '
                       'other if they share one')
    return remarks
