"""The demo's data sets: characters drawn in matplotlib's fonts."""
from __future__ import annotations

import dataclasses
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import matplotlib
import numpy as np
import PIL
from matplotlib.ft2font import FT2Font
from mmengine.dist import barrier, is_main_process
from mmengine.registry import DATASETS
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from ..text.text_transform import TextTransform
from .cross_modal import CrossModalDataset
from .grouping import groups_sharing, image_contents, text_contents
from .manifest import PairRecord, write_manifest
from .source_images import SourceImageDataset
from .splits import grouped_split

# A class is one or more Unicode blocks. The words that name classes are left
# out of every text, not of the class's own alone: no text gives its class
# away, and no such word speaks against its own class for standing in the texts
# of others only.
CLASSES = {
    'latin': ([(0x0100, 0x024F)], 'latin'),
    'phonetic': ([(0x0250, 0x02AF), (0x1D00, 0x1DBF)],
                 'phonetic latin modifier'),
    'greek': ([(0x0370, 0x03FF), (0x1F00, 0x1FFF)], 'greek'),
    'cyrillic': ([(0x0400, 0x052F), (0xA640, 0xA69F)], 'cyrillic'),
    'armenian': ([(0x0530, 0x058F)], 'armenian'),
    'georgian': ([(0x10A0, 0x10FF), (0x2D00, 0x2D2F)], 'georgian'),
    'arabic': ([(0x0600, 0x06FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)],
               'arabic arabic-indic'),
    'canadian syllabics': ([(0x1400, 0x167F)], 'canadian syllabics'),
    'arrows': ([(0x2190, 0x21FF), (0x27F0, 0x27FF), (0x2900, 0x297F)],
               'arrows arrow'),
    'mathematical operators': ([(0x2200, 0x22FF), (0x2A00, 0x2AFF)],
                               'mathematical operators operator'),
    'box drawing': ([(0x2500, 0x257F)], 'box drawing drawings'),
    'technical': ([(0x2300, 0x23FF)], 'technical'),
    'geometric shapes': ([(0x25A0, 0x25FF)], 'geometric shapes shape'),
    'miscellaneous symbols': ([(0x2600, 0x26FF)],
                              'miscellaneous symbols symbol'),
    'dingbats': ([(0x2700, 0x27BF)], 'dingbats dingbat'),
    'braille': ([(0x2800, 0x28FF)], 'braille pattern patterns'),
}
MAX_PER_CLASS = 250
SPLITS = {'train': 0.7, 'val': 0.1, 'test': 0.2}
TARGET_FONT = 'DejaVuSans'
# Fonts of other design. Computer Modern's are encoded in their own way, but
# for letters and digits.
SOURCE_FONTS = ('DejaVuSerif', 'DejaVuSerif-Bold', 'DejaVuSerif-Italic',
                'DejaVuSansMono', 'DejaVuSansMono-Bold', 'STIXGeneral',
                'STIXGeneralBol', 'STIXGeneralItalic', 'cmr10', 'cmb10',
                'cmss10', 'cmti10', 'cmtt10')
MIN_SOURCE_IMAGES = 4
SIZE = 32
_VERSION = 3
_SEED = 0
_DRAWN = re.compile(r'glyphs\.json|pairs\.tsv|images/[0-9A-F]+\.png|'
                    r'source/(list\.txt|[0-9A-F]+/[\w-]+\.png)')


def prepare_glyphs(root: str | Path) -> Path:
    """Draw the demo's pictures and write its manifest, once.

    A pair is the picture of a character in DejaVu Sans, 32×32 grey, and its
    Unicode name in lower case, without the words that name a class; its class
    is its block. Pairs with equal
    pictures or texts are on one side of the split. The source domain is
    characters in fonts of other design, one class a character. Characters of
    the validation and test split are left out of the source, so that neither
    is ever seen in training, in any font.

    Writes ``pairs.tsv``, ``images/``, ``source/`` and ``glyphs.json``, all or
    nothing; several processes may call it at once.

    Args:
        root: Folder to fill. One filled by the same version is left alone.

    Returns:
        The folder.

    Raises:
        FileExistsError: The folder holds something else.
    """
    root = Path(root)
    if _is_ready(root):
        return root
    if root.exists() and any(root.iterdir()) and not _is_own(root):
        raise FileExistsError(f'{root} holds other files: the glyph pictures '
                              'need a folder of their own')
    root.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=root.parent, prefix='.glyphs.'))
    try:
        building.chmod(0o755)
        _build(building)
        if root.exists():
            shutil.rmtree(root)
        building.rename(root)
    except OSError:
        # Another process has built the set meanwhile.
        if not _is_ready(root):
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return root


def _stamp() -> dict[str, object]:
    return dict(version=_VERSION, matplotlib=matplotlib.__version__,
                pillow=PIL.__version__,
                unicode=unicodedata.unidata_version)


def _is_own(root: Path) -> bool:
    """Whether a folder holds what an earlier version drew, and no more."""
    try:
        stamp = json.loads((root / 'glyphs.json').read_text())
    except (OSError, ValueError):
        return False
    names = (path.relative_to(root).as_posix() for path in root.rglob('*')
             if path.is_symlink() or not path.is_dir())
    return isinstance(stamp, dict) and set(stamp) <= set(_stamp()) and all(
        map(_DRAWN.fullmatch, names))


def _is_ready(root: Path) -> bool:
    try:
        return json.loads((root / 'glyphs.json').read_text()) == _stamp()
    except (OSError, ValueError):
        return False


def _build(root: Path) -> None:
    font = _Font(TARGET_FONT)
    (root / 'images').mkdir()
    records: list[PairRecord] = []
    words = ' '.join(words for _, words in CLASSES.values())
    for number, (name, (ranges, _)) in enumerate(CLASSES.items()):
        pictures = {char: picture for first, last in ranges
                    for char in range(first, last + 1)
                    if char in font.characters and glyph_text(char, words)
                    and (picture := font.draw(char)) is not None}
        members = list(pictures)
        order = np.random.default_rng((_SEED, number)).permutation(
            len(members))[:MAX_PER_CLASS]
        for char in (members[i] for i in order):
            file = f'images/{char:04X}.png'
            pictures[char].save(root / file)
            records.append(PairRecord(f'U+{char:04X}', '', (name, ), file,
                                      (glyph_text(char, words), ), ''))
    # Scripts share shapes: capital alpha is drawn as a capital A is.
    splits = grouped_split(
        [record.classes for record in records],
        groups_sharing(text_contents(records), image_contents(records, root)),
        SPLITS, _SEED)
    records = [dataclasses.replace(record, split=split)
               for record, split in zip(records, splits, strict=True)]
    write_manifest(root / 'pairs.tsv', records)
    hidden = {int(record.id[2:], 16) for record in records
              if record.split != 'train'}
    _build_source(root, hidden)
    (root / 'glyphs.json').write_text(json.dumps(_stamp()))


def _build_source(root: Path, hidden: set[int]) -> None:
    pictures: dict[int, list[tuple[str, Image.Image]]] = {}
    for name in tqdm(SOURCE_FONTS, desc='draw source fonts', disable=None):
        font = _Font(name)
        for char in sorted(font.characters):
            picture = None if char in hidden else font.draw(char)
            if picture is not None:
                pictures.setdefault(char, []).append((name, picture))
    lines = []
    kept = sorted(char for char, drawn in pictures.items()
                  if len(drawn) >= MIN_SOURCE_IMAGES)
    for label, char in enumerate(kept):
        for name, picture in pictures[char]:
            file = f'{char:04X}/{name}.png'
            (root / 'source' / file).parent.mkdir(parents=True, exist_ok=True)
            picture.save(root / 'source' / file)
            lines.append(f'{file} {label}\n')
    (root / 'source' / 'list.txt').write_text(''.join(lines))


def glyph_text(char: int, left_out: str = '') -> str:
    """Return a character's name in lower case, without some words.

    >>> glyph_text(0x21B4, 'arrow arrows')
    'rightwards with corner downwards'
    """
    words = unicodedata.name(chr(char), '').lower().split()
    return ' '.join(w for w in words if w not in left_out.split())


class _Font:
    """One of matplotlib's fonts, drawing characters into small squares."""

    def __init__(self, name: str) -> None:
        folder = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf'
        path = str(folder / f'{name}.ttf')
        known = (c for c in FT2Font(path).get_charmap()
                 if unicodedata.category(chr(c))[0] in 'LNPS')
        if name.startswith('cm'):
            known = (c for c in known if c < 128 and chr(c).isalnum())
        self.characters = frozenset(known)
        # Drawn at twice the size and halved: smoother, at no cost.
        self._font = ImageFont.truetype(path, 2 * 24)

    def draw(self, char: int) -> Optional[Image.Image]:
        """The character in black on white, centred; None if it is blank."""
        left, top, right, bottom = self._font.getbbox(chr(char))
        width, height = int(right - left), int(bottom - top)
        if width < 1 or height < 1:
            return None
        side = max(2 * SIZE, width + 8, height + 8)
        canvas = Image.new('L', (side, side), 255)
        ImageDraw.Draw(canvas).text(
            ((side - width) / 2 - left, (side - height) / 2 - top), chr(char),
            font=self._font, fill=0)
        if canvas.getextrema()[0] == 255:
            return None
        return canvas.resize((SIZE, SIZE), Image.Resampling.BOX if side ==
                             2 * SIZE else Image.Resampling.LANCZOS)


@DATASETS.register_module()
class GlyphDataset(CrossModalDataset):
    """The demo's pairs: pictures of characters and their names.

    See :func:`prepare_glyphs`, which fills the folder on first use.

    Args:
        text: The text transform.
        pipeline: Image transforms.
        data_root: Folder of the pictures, filled where it is not.
        split: ``'train'``, ``'val'`` or ``'test'``.
        fraction: Share of the training pairs that keeps its labels.
        fraction_seed: Which share that is.
        val_seed: Of the validation split.
        fold: As for ``CrossModalDataset``, as all below.
        per_class: Labelled pairs of each class, in place of ``fraction``.
        rest: What becomes of the others, ``'drop'`` or ``'unlabelled'``.
        only: ``'labelled'`` or ``'unlabelled'`` pairs; None: both.
    """

    def __init__(self,
                 text: dict | TextTransform,
                 pipeline: Sequence,
                 data_root: str = 'data/glyphs',
                 split: str = 'train',
                 fraction: float = 1.0,
                 fraction_seed: int = 0,
                 val_seed: int = 0,
                 fold: Optional[Sequence[int]] = None,
                 per_class: Optional[int] = None,
                 rest: str = 'drop',
                 only: Optional[str] = None) -> None:
        _prepare_once(data_root)
        super().__init__(
            'pairs.tsv', text, pipeline, data_root, split, fraction=fraction,
            fraction_seed=fraction_seed, classes=tuple(CLASSES),
            val_seed=val_seed, fold=fold, per_class=per_class, rest=rest,
            only=only)


@DATASETS.register_module()
class GlyphSourceDataset(SourceImageDataset):
    """The demo's source domain: characters in fonts of other design.

    Args:
        pipeline: Image transforms.
        data_root: Folder of the pictures, filled where it is not.
    """

    def __init__(self, pipeline: Sequence,
                 data_root: str = 'data/glyphs') -> None:
        _prepare_once(data_root)
        super().__init__(str(Path(data_root) / 'source'), pipeline,
                         'list.txt')


def _prepare_once(data_root: str) -> None:
    if is_main_process():
        prepare_glyphs(data_root)
    barrier()
