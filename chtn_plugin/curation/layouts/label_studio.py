"""Label Studio's JSON export: tasks with pictures, texts and choices.

https://labelstud.io/guide/export: ``JSON``, with the annotations as they were
made, and ``JSON-MIN``, a flat object a task.
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Optional
from urllib.parse import parse_qs, unquote, urlsplit

from ...storage.folders import visible_files
from ...storage.json_files import read_json_list
from ...storage.tables import cell_texts
from ..own_tables import SYNONYMS, Row
from .layout import PictureFinder, Reading, cleaned, expected_shape, string

_WHAT = "Label Studio's export"
_HEAD_BYTES = 1 << 16
# Of an export of either kind, in any task.
_TELLING = (b'"annotations"', b'"annotator"', b'"annotation_id"')
# What an upload puts before the name of the file.
_UPLOADED = re.compile(r'[0-9a-f]{8}-(.+)')


def recognises(folder: Path) -> Optional[str]:
    """Name the file; see :class:`~.layout.Layout`."""
    files = _files(folder)
    return f'found {files[0].name}, a list of tasks with annotations' if (
        files) else None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the tasks of all exports.

    A picture's texts are those that annotators typed and those of the task
    under a usual name; its classes what they chose. A task whose annotations
    were all cancelled is left out.

    Raises:
        FileNotFoundError: There is no export.
        ValueError: It is broken.
    """
    files = _files(folder)
    if not files:
        raise FileNotFoundError(f'{folder} has no .json file that is a list '
                                'of tasks with annotations')
    pictures = PictureFinder(folder)
    found = []
    for path in files:
        tasks = read_json_list(path, _WHAT)
        with expected_shape(path, _WHAT):
            for number, task in enumerate(tasks):
                where = f'{path}: task {number}'
                row = (_row(task, pictures, path, where)
                       if 'data' in task else
                       _flat_row(task, pictures, path, where))
                if row is not None:
                    found.append(row)
    return found


def _row(task: Mapping[str, Any], pictures: PictureFinder, path: Path,
         where: str) -> Optional[Row]:
    made = [one for one in task['annotations']
            if not one.get('was_cancelled', False)]
    if task['annotations'] and not made:
        return None
    texts = _values(task['data'], 'text', where)
    classes = _values(task['data'], 'label', where)
    for annotation in made:
        for result in annotation['result']:
            value = result['value']
            texts += cell_texts(value.get('text', []), where)
            classes += cell_texts(value.get('choices', []), where)
    image = _image(task['data'], pictures, path)
    return Row(image, cleaned(dict.fromkeys(texts)),
               cleaned(dict.fromkeys(classes)), '', where)


def _flat_row(task: Mapping[str, Any], pictures: PictureFinder, path: Path,
              where: str) -> Row:
    choices: list[str] = []
    for name in ('choice', 'choices'):
        value = task.get(name, [])
        if isinstance(value, Mapping):
            value = value.get('choices', [])
        choices += cell_texts(value, where)
    return Row(_image(task, pictures, path),
               cleaned(_values(task, 'text', where)),
               cleaned(choices or _values(task, 'label', where)), '', where)


def _values(task: Mapping[str, Any], field: str, where: str) -> list[str]:
    return next((cell_texts(task[name], where) for name in SYNONYMS[field]
                 if task.get(name) not in (None, '', [])), [])


def _image(task: Mapping[str, Any], pictures: PictureFinder, path: Path
           ) -> Optional[str]:
    """Where a task's picture lies; None where it has none."""
    address = next((task[name] for name in SYNONYMS['image']
                    if task.get(name)), None)
    if address is None:
        return None
    for name in _names(string(address, 'an image', path)):
        place = pictures.path(name)
        if (pictures.folder / place).is_file():
            return place
    return place


def _names(address: str) -> Iterator[str]:
    """What a picture may be called here, the likeliest first."""
    parts = urlsplit(address)
    local = parse_qs(parts.query).get('d')
    name = local[0] if local else unquote(parts.path)
    name = name.lstrip('/')
    yield name
    yield name.rsplit('/', 1)[-1]
    if uploaded := _UPLOADED.fullmatch(name.rsplit('/', 1)[-1]):
        yield uploaded[1]


def _files(folder: Path) -> list[Path]:
    files = []
    for path in visible_files(folder):
        if path.suffix == '.json':
            with path.open('rb') as file:
                head = file.read(_HEAD_BYTES)
            if head.lstrip(b'\xef\xbb\xbf \t\r\n').startswith(b'[') and any(
                    mark in head for mark in _TELLING):
                files.append(path)
    return files
