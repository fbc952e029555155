"""List all layouts, and detect which of them a folder has."""
from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from ...checks import check_choice
from ...storage.folders import visible_files, visible_folders, walk_files
from ...storage.pictures import SUFFIXES as IMAGE_SUFFIXES
from ...storage.tables import SUFFIXES as TABLE_SUFFIXES
from ..own_tables import MANIFEST, recognised_fields, tables_of
from . import (
    class_folders,
    coco,
    cvat,
    flickr,
    hf_datasets,
    imagefolder,
    img2dataset,
    karpathy,
    label_studio,
    open_clip,
    parquet,
    table,
    webdataset,
)
from .layout import Layout

#: Every layout, in the order in which a folder is tried on them.
LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (
    Layout('imagefolder', 'metadata.csv or .jsonl beside the pictures, in '
           'the folder or in train/, val/, test/ (Hugging Face)',
           imagefolder.recognises, imagefolder.rows),
    Layout('coco', 'annotations/captions_*.json; the categories of '
           'instances_*.json beside it are the classes',
           coco.recognises, coco.rows, has_columns=False),
    Layout('karpathy', 'dataset_*.json with pictures, sentences and splits',
           karpathy.recognises, karpathy.rows, has_columns=False),
    Layout('flickr', 'results.csv, captions.txt, Flickr8k.token.txt or '
           'results_20130124.token beside a folder of pictures',
           flickr.recognises, flickr.rows, has_columns=False),
    Layout('open-clip', '.csv or .tsv with the columns filepath and title',
           open_clip.recognises, open_clip.rows),
    Layout('webdataset', '.tar shards of 7.jpg with 7.txt, 7.json, 7.cls; '
           'they are unpacked into unpacked/',
           webdataset.recognises, webdataset.rows),
    Layout('img2dataset', 'numbered folders, 00000/000000007.jpg with .txt '
           'and .json', img2dataset.recognises, img2dataset.rows),
    Layout('parquet', '.parquet files with pictures inside (pip install -e '
           '.[parquet]); they are written to unpacked/',
           parquet.recognises, parquet.rows),
    Layout('datasets', 'what save_to_disk of datasets writes, likewise',
           hf_datasets.recognises, hf_datasets.rows),
    Layout('label-studio', "Label Studio's JSON export: choices are the "
           'classes, typed texts the texts',
           label_studio.recognises, label_studio.rows, has_columns=False),
    Layout('cvat', "annotations.xml of CVAT: tags are the classes, their "
           'attribute caption the text',
           cvat.recognises, cvat.rows, has_columns=False),
    Layout('table', 'captions.csv, .tsv or .jsonl with columns image, text '
           'and label (or usual names for them)',
           table.recognises, table.rows, fallback=True),
    Layout('folders', 'cats/1.jpg with cats/1.txt, dogs/..., maybe in '
           'train/, val/, test/',
           class_folders.recognises, class_folders.rows,
           has_columns=False, fallback=True),
)}


def choose_layout(folder: Path, name: Optional[str] = None,
                  with_table: bool = False) -> Layout:
    """Return the layout of a folder.

    Args:
        folder: The user's folder.
        name: The layout that the user names; None: it is recognised.
        with_table: Whether the user names a table, so that it is a table
            whatever else is there.

    Raises:
        FileNotFoundError: No layout fits; the message says what was found
            and which layout is nearest.
        ValueError: Several fit, or no layout is called so.
    """
    if name is not None:
        check_choice('--layout', name, LAYOUTS)
        return LAYOUTS[name]
    if with_table:
        return LAYOUTS['table']
    fitting = [(layout, reason) for layout in LAYOUTS.values()
               if not layout.fallback and (
                   reason := layout.recognises(folder))]
    if fitting and (table := _whole_table(folder)) and not (
            {layout.name for layout, _ in fitting} & _TABLES):
        fitting.append((LAYOUTS['table'], f'found {table.name}, with images, '
                        'texts and labels'))
    if len(fitting) > 1:
        raise ValueError(
            f'a folder must have one layout: {folder} fits '
            + ', '.join(f'{layout.name} ({reason})'
                        for layout, reason in fitting)
            + '. Name one with --layout')
    if fitting:
        return fitting[0][0]
    for layout in LAYOUTS.values():
        if layout.fallback and layout.recognises(folder):
            return layout
    raise FileNotFoundError(_nothing(folder))


# Layouts that are tables themselves.
_TABLES = frozenset({'imagefolder', 'flickr', 'open-clip'})


def _whole_table(folder: Path) -> Optional[Path]:
    """A table that says by its header all that is needed, or None."""
    for path in tables_of(folder, MANIFEST):
        try:
            if {'image', 'text', 'label'} <= set(recognised_fields(path)):
                return path
        except ValueError:
            continue
    return None


def _nothing(folder: Path) -> str:
    """Say why no layout fits, and what would."""
    rule = (f'{folder} has no table ({", ".join(TABLE_SUFFIXES)}) and no '
            'class folders with pictures')
    if reason := class_folders.no_class(folder):
        rule += f': {reason}'
    files = [path.relative_to(folder).as_posix()
             for place in (folder, *visible_folders(folder))
             for path in visible_files(place)
             if path.suffix.lower() not in IMAGE_SUFFIXES]
    if not files:
        pictures = any(path.suffix.lower() in IMAGE_SUFFIXES
                       for path in walk_files(folder))
        return rule + ('. Pictures alone are no pairs: put a table beside '
                       'them, with columns image, text and label'
                       if pictures else '')
    name, layout = _nearest(files)
    if layout is None:
        return f'{rule}. It has {", ".join(files[:3])}, which no layout reads'
    return (f'{rule}. Found {name}: the nearest layout is {layout.name} '
            f'({layout.about})')


#: Names of files that tell a layout, those nearly right too.
_TELLING = {
    'annotations/captions_train2017.json': 'coco',
    'annotations/instances_train2017.json': 'coco',
    'dataset_flickr30k.json': 'karpathy',
    'dataset.json': 'karpathy',
    'captions.json': 'coco',
    'results.csv': 'flickr',
    'captions.txt': 'flickr',
    'Flickr8k.token.txt': 'flickr',
    'results_20130124.token': 'flickr',
    '00000.tar': 'webdataset',
    'train-00000-of-00001.parquet': 'parquet',
    'data-00000-of-00001.arrow': 'datasets',
    'metadata.csv': 'imagefolder',
    'metadata.jsonl': 'imagefolder',
    'captions.xlsx': 'table',
}
_BY_SUFFIX = {'.json': 'coco', '.tar': 'webdataset', '.parquet': 'parquet',
              '.arrow': 'datasets', '.token': 'flickr', '.csv': 'table',
              '.tsv': 'table', '.jsonl': 'table', '.xlsx': 'table',
              '.xls': 'table', '.ods': 'table'}


def _nearest(files: Sequence[str]) -> tuple[str, Optional[Layout]]:
    """The file most like one that tells a layout, and that layout."""
    scored = [(difflib.SequenceMatcher(None, file.lower(), name.lower())
               .ratio(), file, layout)
              for file in files[:1000] for name, layout in _TELLING.items()]
    score, file, layout = max(scored)
    if score >= 0.6:
        return file, LAYOUTS[layout]
    for file in files:
        if known := _BY_SUFFIX.get(Path(file).suffix.lower()):
            return file, LAYOUTS[known]
    return files[0], None
