"""Writes small .caffemodel files, in the wire format's own terms."""
from __future__ import annotations

import struct

import numpy as np


def varint(value: int) -> bytes:
    out = b''
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, content: bytes | str | int) -> bytes:
    """One field: a number as varint, all else with its length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    if isinstance(content, str):
        content = content.encode()
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array, legacy: bool = False, double: bool = False) -> bytes:
    """A BlobProto; ``legacy`` has four dimensions in place of a shape."""
    array = np.asarray(array)
    values = array.astype('<f8' if double else '<f4').tobytes()
    data = field(8 if double else 5, values)
    if legacy:
        shape = (1, ) * (4 - array.ndim) + array.shape
        return b''.join(field(k, n) for k, n in enumerate(shape, 1)) + data
    return data + field(7, field(1, b''.join(map(varint, array.shape))))


def layer(name: str, kind: str, bottom: str, top: str, *arrays,
          eps: float | None = None, **options) -> bytes:
    """A layer of the new format, as a field of the net."""
    content = field(1, name) + field(2, kind) + field(3, bottom)
    content += field(4, top)
    content += b''.join(field(7, blob(a, **options)) for a in arrays)
    if eps is not None:
        content += field(139, b'\x1d' + struct.pack('<f', eps))
    return field(100, content)


def old_layer(name: str, kind: int, bottom: str, top: str,
              *arrays) -> bytes:
    """A layer of the old format (V1), as a field of the net."""
    content = field(2, bottom) + field(3, top) + field(4, name)
    content += field(5, kind)
    content += b''.join(field(6, blob(a, legacy=True)) for a in arrays)
    return field(2, content)
