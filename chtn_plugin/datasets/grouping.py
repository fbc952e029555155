"""Group items that share content, so that no split parts them."""
from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Hashable, Sequence
from functools import cache
from pathlib import Path
from typing import Optional

import numpy as np
from tqdm import tqdm

from ..storage.shards import file_sha256, is_file
from ..text.tokenizer import Tokenizer
from .manifest import PairRecord

#: A text that two splits share leaks if it has so many tokens; short ones
#: ("a cat") come up twice by themselves.
LEAKING_TOKENS = 5
_GAPS = re.compile(r'[\W_]+')


def folded(text: str) -> str:
    """Return a text's words in one case and normal form, single blanks."""
    if not text.isascii():
        text = unicodedata.normalize('NFKC', text)
    return _GAPS.sub(' ', text.casefold()).strip()


def groups_sharing(*contents: Sequence[Optional[Hashable] | list[str]]
                   ) -> list[int]:
    """Group items that share a content, be it through others.

    >>> groups_sharing(['a', 'b', 'a', 'd'], [1, 2, 3, 2])
    [0, 1, 0, 1]
    >>> groups_sharing([['a', 'b'], ['c'], ['b'], []])
    [0, 1, 0, 3]

    Args:
        contents: Sequences of N contents. A list holds several contents of
            one item; None equals nothing.

    Returns:
        Group of each of N items: the number of its first member.
    """
    parent = list(range(len(contents[0])))

    def find(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for column in contents:
        first: dict[Hashable, int] = {}
        for index, content in enumerate(column):
            for key in content if isinstance(content, list) else [content]:
                if key is not None:
                    one = find(first.setdefault(key, index))
                    other = find(index)
                    parent[max(one, other)] = min(one, other)
    return [find(index) for index in range(len(parent))]


def num_tokens(content: str) -> int:
    """Count words of a folded text, or characters where scripts have none."""
    return len(_tokenizer()(content))


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer()


def text_contents(records: Sequence[PairRecord], min_tokens: int = 0
                  ) -> list[list[str]]:
    """Return the words of each pair's texts, for :func:`groups_sharing`.

    Args:
        records: The pairs.
        min_tokens: Shorter texts are left out. Where all of a pair's are,
            they count joined to one.

    Returns:
        For each pair its texts' words, each once; empty where it has none.
    """
    contents = []
    for record in records:
        texts = [folded(text) for text in record.texts]
        long = [text for text in texts
                if not min_tokens or num_tokens(text) >= min_tokens]
        joined = ' '.join(filter(None, texts))
        if not long and num_tokens(joined) >= min_tokens:
            long = [joined]
        contents.append(list(dict.fromkeys(filter(None, long))))
    return contents


def image_contents(records: Sequence[PairRecord],
                   root: Optional[Path]) -> list[Optional[str]]:
    """Hash of each pair's image file; None where it has none.

    Args:
        records: The pairs.
        root: Folder of the images; None: the path stands for the content.

    Raises:
        FileNotFoundError: An image is missing; the manifest's line is named.
    """
    if root is None:
        return [record.image for record in records]
    contents = []
    for record in tqdm(records, 'compare images', unit='pair', delay=2,
                       disable=None):
        path = record.image and root / record.image
        if path and not is_file(path):
            raise FileNotFoundError(f'image not found: {path}, named at '
                                    f'{record.where}')
        contents.append(path and file_sha256(path))
    return contents


def row_contents(features: np.ndarray) -> list[bytes]:
    """Return the bytes of each row of (N, D) features."""
    return [row.tobytes() for row in np.ascontiguousarray(features)]


def first_equal_rows(features: np.ndarray) -> list[int]:
    """Find for each row of (N, D) features the first row that equals it."""
    first: dict[bytes, int] = {}
    return [first.setdefault(hashlib.blake2b(row.data, digest_size=16)
                             .digest(), index)
            for index, row in enumerate(np.ascontiguousarray(features))]
