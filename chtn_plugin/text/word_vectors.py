"""Read files of word vectors: GloVe's, word2vec's, and arrays."""
from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Optional, cast

import numpy as np

from ..storage.arrays import ArrayFile
from ..storage.finite import nonfinite_rows

# Beyond these a file is broken or hostile, not word vectors.
_MAX_SIZE = 10_000
_MAX_WORD_BYTES = 10_000


def read_word_vectors(path: str | Path, max_words: Optional[int] = None
                      ) -> tuple[list[str], np.ndarray]:
    r"""Read words and their vectors, in file order (the frequent first).

    ======================  ===============================================
    suffix                  format
    ======================  ===============================================
    ``.txt``, ``.vec``      a line a word, then its numbers; with word2vec's
                            and fastText's first line ``words size``, or
                            without, as GloVe's
    ``.bin``                word2vec's binary
    ``.npz``                arrays ``words`` (strings, or one string with a
                            word a line) and ``vectors`` (W, D)
    ======================  ===============================================

    The first three may end in ``.gz`` besides. A word that comes again
    keeps its first vector.

    Args:
        path: The file.
        max_words: Read the first so many words only.

    Returns:
        The W words and a (W, D) float32 array.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is none of these formats, broken, or holds a number
            that is not finite. The message names file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'word vectors not found: {path}')
    suffixes = path.suffixes[-2:]
    suffix = (suffixes[0] if suffixes and suffixes[-1] == '.gz'
              and len(suffixes) > 1 else path.suffix)
    if suffix == '.npz':
        rows = _from_arrays(path)
    elif suffix in ('.txt', '.vec', '.bin'):
        reader = _from_binary if suffix == '.bin' else _from_lines
        rows = reader(path)
    else:
        raise ValueError('word vectors end in .txt, .vec, .bin (or .gz after '
                         f'it) or .npz, got {path}')
    words: dict[str, np.ndarray] = {}
    for word, vector in rows:
        if max_words is not None and len(words) >= max_words:
            break
        words.setdefault(word, vector)
    if not words:
        raise ValueError(f'word vectors need at least one word: {path} has '
                         'none')
    vectors = np.stack(list(words.values()))
    broken = nonfinite_rows(vectors)
    if len(broken):
        raise ValueError(f'word vectors must be finite: in {path} that of '
                         f'{list(words)[broken[0]]!r} is not')
    return list(words), vectors


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == '.gz':
        return cast(IO[bytes], gzip.open(path))
    return open(path, 'rb')


def _from_lines(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    size = 0
    with _opened(path) as file:
        for number, raw in enumerate(file, 1):
            where = f'{path}:{number}'
            # Only a space parts the fields: some of GloVe's words hold
            # other white space.
            fields = raw.decode('utf-8', 'replace').rstrip().split(' ')
            if number == 1 and len(fields) == 2 and (
                    fields[0].isdecimal() and fields[1].isdecimal()):
                size = int(fields[1])
                continue
            size = size or len(fields) - 1
            # A few of GloVe's words hold spaces.
            word, numbers = ' '.join(fields[:-size]), fields[-size:]
            if not 0 < size <= _MAX_SIZE or not word:
                raise ValueError(f'a line must hold a word and {size} '
                                 f'numbers: {where} has {len(fields)} fields')
            try:
                vector = np.array(numbers, np.float32)
            except ValueError as error:
                raise ValueError(f'a line must hold a word and {size} '
                                 f'numbers: {where}: {error}') from error
            yield word, vector


def _from_binary(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    with _opened(path) as file:
        header = file.readline(64).split()
        if len(header) != 2 or not all(part.isdigit() for part in header):
            raise ValueError("word2vec's binary must begin with the numbers "
                             f'of words and of dimensions: {path} begins with '
                             f'{header}')
        count, size = map(int, header)
        if not 0 < size <= _MAX_SIZE:
            raise ValueError(f'vectors must have 1 to {_MAX_SIZE} numbers: '
                             f'{path} says {size}')
        for number in range(count):
            word = bytearray()
            while (byte := file.read(1)) not in (b' ', b''):
                if byte != b'\n':
                    word += byte
                if len(word) > _MAX_WORD_BYTES:
                    raise ValueError(f'word {number + 1} of {path} does not '
                                     'end')
            raw = file.read(4 * size)
            if len(raw) < 4 * size:
                raise ValueError(f'{path} must hold {count} words, as its '
                                 f'first line says: it ends in word '
                                 f'{number + 1}')
            yield (word.decode('utf-8', 'replace'),
                   np.frombuffer(raw, '<f4').astype(np.float32))


def _from_arrays(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    arrays = ArrayFile(path, 'word vectors')
    missing = {'words', 'vectors'} - set(arrays)
    if missing:
        raise ValueError(f'{path} must hold words and vectors: it has '
                         f'the arrays {list(arrays)}')
    stored, vectors = arrays['words'], arrays.numbers('vectors')
    words = (str(stored).split('\n') if stored.ndim == 0
             else [str(word) for word in stored])
    if vectors.ndim != 2 or len(vectors) != len(words):
        raise ValueError(f'vectors must be (W, D) with a row a word: {path} '
                         f'has {len(words)} words and {vectors.shape}')
    yield from zip(words, vectors.astype(np.float32), strict=True)
