"""Read a user's folder as pairs: find its pictures, merge and check its rows.

Any layout gives rows (see :mod:`~chtn_plugin.curation.layouts`). Here rows
become pairs: each picture is found and looked at, rows of one picture are
joined, class names come in one Unicode form, and
:mod:`~chtn_plugin.curation.own_splits` draws the splits.
"""
from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

from tqdm import tqdm

from ..datasets.manifest import PairRecord, read_manifest
from ..datasets.splits import check_fractions
from ..storage.folders import one_form, twins
from ..storage.shards import is_file
from .image_facts import image_problem
from .layouts.detection import choose_layout
from .layouts.label_sources import KINDS, reading_for, relabelled
from .layouts.layout import Reading
from .own_splits import check_training_classes, split_pairs
from .own_tables import MANIFEST, Row

#: Why one class is too few.
ONE_CLASS = ('retrieval by class needs at least two classes, or everything '
              'is relevant to everything')


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
        in_place: Leave pictures in the tar, Parquet and Arrow files that they
            lie in, in place of writing them as files.
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
    in_place: bool = False

    def __post_init__(self) -> None:
        check_fractions(dict(zip(('train', 'val', 'test'), self.fractions,
                                 strict=True)))
        if self.seed < 0:
            raise ValueError(f'seed must be 0 or more, got {self.seed}')


#: Every choice left as it is.
DEFAULTS = Options()


def read_pairs(folder: str | Path, options: Options = DEFAULTS
               ) -> Sequence[PairRecord]:
    """Read a folder's pairs as the manifest is made, writing nothing.

    A manifest that is there counts before any other table.

    Args:
        folder: The user's folder.
        options: Choices.

    Raises:
        FileNotFoundError, ValueError: As
            :func:`~chtn_plugin.curation.own_data.make_manifest`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'no such folder: {folder}')
    if (folder / MANIFEST).is_file() and options.table is None:
        return read_manifest(folder / MANIFEST, label_separator=(
            options.label_separator or None))
    return split_rows(folder, options)[0]


def split_rows(folder: Path, options: Options
               ) -> tuple[list[PairRecord], list[str], bool]:
    """Read a folder's pairs from its table or class folders, and split them.

    Args:
        folder: The user's folder.
        options: Choices.

    Returns:
        The pairs, remarks to be printed, and whether splits were drawn.

    Raises:
        FileNotFoundError, ValueError: As
            :func:`~chtn_plugin.curation.own_data.make_manifest`.
    """
    rows = _read(folder, options)
    rows, left_out = _with_images(folder, rows, options.skip_broken)
    rows, respelt = _in_one_form(rows)
    pairs = _records(_merged(rows))
    _check_classes(pairs, options.label_from != 'none')
    records = split_pairs(pairs, folder, options.fractions, options.seed)
    check_training_classes(records)
    return (records, [*respelt, *_remarks(records, left_out)],
            not any(record.split for record in pairs))


def _read(folder: Path, options: Options) -> list[Row]:
    layout = choose_layout(folder, options.layout, options.table is not None)
    reading = Reading(options.table, options.columns, options.label_separator,
                      options.encoding, options.line_texts,
                      in_place=options.in_place)
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
        if is_file(candidate):
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
            check_plain('a class', name, f' at {record.where}')


def check_plain(what: str, value: str, where: str = '') -> None:
    """Refuse a name that MMEngine would replace within a configuration.

    Args:
        what: What is named, for the message.
        value: The name.
        where: Where it stands, for the message.

    Raises:
        ValueError: The name holds ``{{``.
    """
    if '{{' in value:
        raise ValueError(f"{what} must not hold '{{{{', which MMEngine's "
                         'configurations replace by what it names: '
                         f'{value!r}{where} does')


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
            other=_joined(first.other, row.other),
            classes=tuple(dict.fromkeys(first.classes + row.classes)))
    return list(merged.values())


def _joined(one: tuple[tuple[str, str], ...],
            two: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Cells of two rows; what differs stands side by side."""
    cells: dict[str, list[str]] = {}
    for name, value in (*one, *two):
        kept = cells.setdefault(name, [])
        if value not in kept:
            kept.append(value)
    return tuple((name, '; '.join(values)) for name, values in cells.items())


def _records(rows: Sequence[Row]) -> list[PairRecord]:
    width = len(str(len(rows)))
    return [PairRecord(
        f'{number:0{width}}' if row.image is None else
        f'{number:0{width}}-{Path(row.image).stem}', row.split, row.classes,
        row.image, row.texts, row.where, row.other)
        for number, row in enumerate(rows, 1)]


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
        remarks.append(f'one class alone: {ONE_CLASS}')
    if any(len(record.classes) > 1 for record in records):
        remarks.append('several labels a row: items are relevant to each '
                       'other if they share one')
    return remarks
