"""Many strings as one array of bytes, as Arrow lays them out."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Union, overload

import numpy as np

#: Strings that are decoded together while all are gone through.
_CHUNK = 4096


class TextColumn(Sequence[str]):
    """N strings in two arrays, made to Python strings when asked for.

    A list of a million strings takes 60 bytes each beside the characters,
    and the garbage collector goes through it again and again. Two arrays take
    8, may be memory-mapped, and are shared by forked processes.

    Args:
        values: The UTF-8 bytes of all strings behind one another, uint8.
        ends: Where each string ends, from 0, (N + 1) int64.
    """

    def __init__(self, values: np.ndarray, ends: np.ndarray) -> None:
        self.values = values
        self.ends = ends

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextColumn:
        """Pack strings."""
        values, lengths = packed(texts)
        return cls(values, ends_of(lengths))

    def __len__(self) -> int:
        return len(self.ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[str, list[str]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        first, last = self.ends[index], self.ends[index + 1]
        return self.values[first:last].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _CHUNK):
            yield from self.between(first, min(first + _CHUNK, len(self)))

    def between(self, first: int, last: int) -> list[str]:
        """Return the strings of a range, faster than one by one."""
        ends = self.ends[first:last + 1].tolist()
        raw = self.values[ends[0]:ends[-1]].tobytes()
        start = ends[0]
        if raw.isascii():
            text = raw.decode()
            return [text[a - start:b - start]
                    for a, b in zip(ends[:-1], ends[1:], strict=True)]
        return [raw[a - start:b - start].decode()
                for a, b in zip(ends[:-1], ends[1:], strict=True)]

    def lengths(self) -> np.ndarray:
        """Bytes of each string, (N,) int64."""
        return np.diff(self.ends)


def packed(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of strings, uint8, and their lengths, int64."""
    whole = ''.join(texts)
    raw = whole.encode()
    parts: Sequence[Union[str, bytes]] = texts if len(raw) == len(whole) else [
        text.encode() for text in texts]
    return (np.frombuffer(raw, np.uint8),
            np.fromiter(map(len, parts), np.int64, len(parts)))


def ends_of(lengths: np.ndarray) -> np.ndarray:
    """Where parts of these lengths end, from 0, (N + 1) int64."""
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    return ends


def spread(first: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Places of parts that begin at ``first``, one part behind another."""
    total = int(counts.sum())
    starts = ends_of(counts)[:-1]
    return np.arange(total) + np.repeat(first - starts, counts)
