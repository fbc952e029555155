"""Encode pictures and texts with exported towers, without torch.

tools/export_onnx.py copies this one file beside the towers. It needs numpy,
onnxruntime and Pillow, for texts the tokenizers package too, and nothing of
the package it comes from:

    from onnx_runtime import Towers
    towers = Towers('exported/')
    vectors, probabilities = towers.texts(['rightwards arrow'])
    vectors, probabilities = towers.images(['arrow.png'])

Cosines between vectors rank; `towers.classes` names the probabilities.
"""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

#: A file, or a picture that PIL opened.
Picture = Union[str, Path, Any]
Arrays = dict[str, np.ndarray]

FORMAT = 2
# Those that training reads. Pillow would hand EPS to another program.
_FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF', 'TIFF', 'PPM', 'JPEG2000')
_RESIZING = {'interpolation': ('bilinear', ), 'backend': ('cv2', )}
# Values of the options of each transform; None: any.
_OPTIONS: dict = {
    'LoadRGBImage': {'min_side': None},
    'LoadImageFromFile': {
        'color_type': ('color', 'grayscale'), 'to_float32': (False, ),
        'imdecode_backend': ('cv2', ), 'ignore_empty': None},
    'Resize': {'scale': None, 'keep_ratio': None, 'clip_object_border': None,
               **_RESIZING},
    'ResizeEdge': {'scale': None,
                   'edge': ('short', 'long', 'width', 'height'), **_RESIZING},
    'ResizeShorterSide': {'size': None, 'interpolation': ('bilinear', )},
    'CenterCrop': {'crop_size': None, 'auto_pad': (False, ),
                   'clip_object_border': None},
}


class Towers:
    """The two towers of an export.

    Args:
        folder: What tools/export_onnx.py wrote.
        providers: ONNX Runtime's execution providers. None: the processor.
    """

    def __init__(self, folder: str | Path,
                 providers: Optional[Sequence[str]] = None) -> None:
        import onnxruntime
        self.folder = Path(folder)
        self.meta = json.loads((self.folder / 'towers.json').read_text(
            encoding='utf-8'))
        if self.meta['format'] != FORMAT:
            raise ValueError(f'towers must be of format {FORMAT}, got '
                             f'{self.meta["format"]}: the onnx_runtime.py '
                             'beside them reads them')
        self.classes = self.meta['classes']
        self._sessions = {
            kind: onnxruntime.InferenceSession(
                str(self.folder / f'{kind}.onnx'),
                providers=providers or ['CPUExecutionProvider'])
            for kind in ('image', 'text')}
        self._read_tokenizer: Any = None
        self._read_vocabulary: Optional[dict[str, int]] = None

    def images(self, pictures: Sequence[Picture] | np.ndarray
               ) -> list[np.ndarray]:
        """Encode pictures: vectors (N, D), class probabilities (N, C).

        Args:
            pictures: Paths or PIL pictures; or an array (N, channels, H, W)
                as the transforms of the run leave it.
        """
        if not isinstance(pictures, np.ndarray):
            pictures = np.stack([self.load(p) for p in pictures])
        return self.run('image', {'image': pictures.astype(np.float32)})

    def texts(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Encode texts: vectors (M, D), class probabilities (M, C)."""
        return self.run('text', _trimmed(self.encode(texts)))

    def balanced(self, rows: np.ndarray, balance: float) -> np.ndarray:
        """Weight query vectors (Q, D) for another balance of class and item.

        Args:
            rows: Vectors of queries, as :meth:`images` and :meth:`texts`
                give them; those of the gallery stay as they are.
            balance: 0 asks for this kind of thing, 1 for this very thing.
        """
        held, parts = self.meta.get('balance'), self.meta.get('parts')
        if held is None:
            raise ValueError('a balance needs a model with an instance part')
        if not 0 <= balance <= 1:
            raise ValueError(f'balance must lie in 0 to 1, got {balance}')
        rows = np.array(rows, np.float32)
        for name, factor in (('class', (1 - balance) / (1 - held)),
                             ('instance', balance / held)):
            rows[:, slice(*parts[name])] *= factor
        return rows

    def run(self, kind: str, inputs: Arrays) -> list[np.ndarray]:
        """Run one tower on ready inputs, named as in the export's metadata."""
        session = self._sessions[kind]
        names = [output.name for output in session.get_outputs()]
        if isinstance(session.get_inputs()[0].shape[0], str):
            return session.run(names, inputs)
        # A network that takes one item at a time.
        rows = [session.run(names, {name: value[i:i + 1]
                                    for name, value in inputs.items()})
                for i in range(len(next(iter(inputs.values()))))]
        return [np.concatenate(part) for part in zip(*rows, strict=True)]

    def load(self, picture: Picture) -> np.ndarray:
        """Load a picture as the image tower takes it, (channels, H, W).

        Decoded by Pillow, and so a level or two from OpenCV's pixels.
        """
        steps = self.meta['pipeline']
        if steps is None:
            raise ValueError('this model takes ready features: give images() '
                             'an array')
        array = _decoded(picture, steps[0])
        for step in steps[1:]:
            kind = _known(step)
            if kind == 'CenterCrop':
                array = _cropped(array, step['crop_size'])
            else:
                array = _resized(array, _new_size(kind, step, array.shape))
        return np.ascontiguousarray(array.transpose(2, 0, 1))

    def encode(self, texts: Sequence[str]) -> Arrays:
        """Turn texts into the text tower's arrays, by name.

        ``text``: term weights (M, D) or word numbers (M, L); of a
        transformers' encoder ``input_ids`` and ``attention_mask``, (M, L).
        """
        config = self.meta['text'] or {'type': 'ready features'}
        kind = config['type'].rpartition('.')[2]
        if kind == 'TfidfWords':
            ngrams = (1, 2 if self.meta['text_state']['unit'] == 'character'
                      else 1)
            config = dict(config, weighting='tfidf', norm='l2',
                          sublinear_tf=True, tokenizer=dict(ngrams=ngrams))
        if kind in ('BagOfWords', 'TfidfWords'):
            return {'text': self._weights(texts, config)}
        if kind == 'WordIndices':
            return {'text': self._numbers(texts, config)}
        if kind == 'HFTokens':
            return self._ids(texts)
        raise ValueError(f'the texts of this model are {kind}: encode them '
                         'elsewhere and call run()')

    @property
    def _tokenizer(self) -> Any:
        """The file tokenizer.json, read on first use."""
        if self._read_tokenizer is None:
            from tokenizers import Tokenizer
            self._read_tokenizer = Tokenizer.from_file(
                str(self.folder / 'tokenizer.json'))
        return self._read_tokenizer

    @property
    def _vocabulary(self) -> dict[str, int]:
        """Numbers of the words of tokenizer.json."""
        if self._read_vocabulary is None:
            self._read_vocabulary = self._tokenizer.get_vocab()
            del self._read_vocabulary[self._tokenizer.model.unk_token]
        return self._read_vocabulary

    def _numbers(self, texts: Sequence[str], config: dict) -> np.ndarray:
        length = config.get('max_length', 64)
        # 0 pads, 1 is any unknown word.
        rows = np.zeros((len(texts), length), np.int64)
        vocabulary = self._vocabulary
        for row, text in zip(rows, texts, strict=True):
            numbers = [vocabulary.get(word, 1)
                       for word in self._tokens(text, config)][:length]
            row[:len(numbers)] = numbers
        return rows

    def _ids(self, texts: Sequence[str]) -> Arrays:
        encoded = self._tokenizer.encode_batch(list(texts))
        fields = {'input_ids': 'ids', 'attention_mask': 'attention_mask'}
        return {name: np.array([getattr(one, fields[name])
                                for one in encoded], np.int64)
                for name in self.meta['inputs']['text']}

    def _weights(self, texts: Sequence[str], config: dict) -> np.ndarray:
        rows = np.zeros((len(texts), config.get('num_terms', 3000)),
                        np.float32)
        idf = np.asarray(self.meta['text_state']['idf'])
        vocabulary = self._vocabulary
        for row, text in zip(rows, texts, strict=True):
            counts = Counter(vocabulary[token]
                             for token in self._tokens(text, config)
                             if token in vocabulary)
            for column, count in counts.items():
                if config.get('sublinear_tf'):
                    count = 1 + np.log(count)
                weighting = config.get('weighting', 'count')
                row[column] = {'count': count, 'binary': 1,
                               'tfidf': count * idf[column]}[weighting]
            if config.get('norm') == 'l2' and counts:
                row /= np.linalg.norm(row)
        return rows

    def _tokens(self, text: str, config: dict) -> Iterator[str]:
        # Half a surrogate pair is no character.
        text = text.encode('utf-16', 'surrogatepass').decode(
            'utf-16', 'replace')
        if self._tokenizer.normalizer is not None:
            text = self._tokenizer.normalizer.normalize_str(text)
        units = [unit for unit, _ in
                 self._tokenizer.pre_tokenizer.pre_tokenize_str(text)]
        first, last = (config.get('tokenizer') or {}).get('ngrams', (1, 1))
        for n in range(first, last + 1):
            for start in range(len(units) - n + 1):
                yield ' '.join(units[start:start + n])


def _trimmed(inputs: Arrays) -> Arrays:
    """Without the last columns in which every text is padding."""
    mask = inputs.get('attention_mask')
    if mask is None and 'text' in inputs and inputs['text'].dtype == np.int64:
        mask = inputs['text']
    if mask is None or not len(mask):
        return inputs
    used = np.flatnonzero(mask.any(0))
    length = int(used[-1]) + 1 if len(used) else 1
    return {name: rows[:, :length] for name, rows in inputs.items()}


def _known(step: dict) -> str:
    """Kind of a transform that can be done here, options and all."""
    kind = step['type'].rpartition('.')[2]
    if kind not in _OPTIONS:
        raise ValueError(f'{kind} is not known here: give images() an array')
    for name, value in step.items():
        values = _OPTIONS[kind].get(name, ())
        if name != 'type' and values is not None and value not in values:
            raise ValueError(f'{kind} with {name}={value!r} is not known '
                             'here: give images() an array')
    return kind


def _decoded(picture: Picture, step: dict) -> np.ndarray:
    """Pixels, (H, W, 3), or (H, W, 1) of grey ones."""
    from PIL import Image, ImageOps
    kind = _known(step)
    if not kind.startswith('Load'):
        raise ValueError('transforms must begin with the one that loads, '
                         f'got {kind}: give images() an array')
    if not isinstance(picture, Image.Image):
        with Image.open(picture, formats=_FORMATS) as opened:
            _reduce(opened, step.get('min_side'))
            opened.load()
            picture = opened
    picture = ImageOps.exif_transpose(picture)
    grey = step.get('color_type', 'color') == 'grayscale'
    if picture.mode.startswith('I'):
        # Of 16 bits the upper eight: Pillow would clip at 255.
        picture = Image.fromarray(np.clip(
            np.asarray(picture).astype(np.int64) >> 8, 0, 255
        ).astype(np.uint8))
    array = np.asarray(picture.convert('L' if grey else 'RGB'))
    if grey:
        return array[..., None]
    # OpenCV's order
    return array[..., ::-1] if kind == 'LoadImageFromFile' else array


def _reduce(picture: Any, min_side: Optional[int]) -> None:
    """Have a large JPEG decoded at a part of its size, as in training."""
    if min_side is None or picture.format not in ('JPEG', 'MPO'):
        return
    width, height = picture.size
    scale = max((scale for scale in (1, 2, 4, 8)
                 if min(width, height) // scale >= min_side), default=1)
    if scale > 1:
        picture.draft(None, (width // scale, height // scale))


def _new_size(kind: str, step: dict,
              shape: tuple[int, ...]) -> tuple[int, int]:
    height, width = shape[:2]
    if kind == 'Resize':
        scale = step['scale']
        size = (scale, scale) if isinstance(scale, int) else tuple(scale)
        if step.get('keep_ratio'):
            factor = min(max(size) / max(height, width),
                         min(size) / min(height, width))
            return int(width * factor + 0.5), int(height * factor + 0.5)
        return size
    if kind == 'ResizeEdge':
        edge, side = step['scale'], step.get('edge', 'short')
        by_width = {'short': width < height, 'long': width > height,
                    'width': True, 'height': False}[side]
        if by_width:
            return edge, int(edge * height / width)
        return int(edge * width / height), edge
    size = step.get('size', 256)
    scale = size / min(height, width)
    return (max(round(width * scale), size), max(round(height * scale), size))


def _resized(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear without smoothing, as OpenCV does it."""
    width, height = size
    if array.shape[:2] == (height, width):
        return array
    rows, row_share = _places(array.shape[0], height)
    columns, column_share = _places(array.shape[1], width)
    row_share = row_share[:, None, None]
    tall = (array[rows[0]] * (1 - row_share) + array[rows[1]] * row_share)
    column_share = column_share[None, :, None]
    wide = (tall[:, columns[0]] * (1 - column_share)
            + tall[:, columns[1]] * column_share)
    return np.clip(np.rint(wide), 0, 255).astype(np.uint8)


def _places(old: int, new: int
            ) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    at = (np.arange(new) + 0.5) * (old / new) - 0.5
    at = np.clip(at, 0, old - 1).astype(np.float32)
    low = np.floor(at).astype(int)
    return (low, np.minimum(low + 1, old - 1)), at - low


def _cropped(array: np.ndarray,
             size: int | tuple[int, int]) -> np.ndarray:
    width, height = (size, size) if isinstance(size, int) else size
    # Halves go to the even number, as mmcv rounds them.
    top = max(0, round((array.shape[0] - height) / 2))
    left = max(0, round((array.shape[1] - width) / 2))
    return array[top:top + height, left:left + width]
