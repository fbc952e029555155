"""Parse a .caffemodel file with protobuf, without Caffe."""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

# Messages of Caffe's public format and the fields that are read: name,
# number, type (* where it repeats). Packed numbers lie on the wire as their
# bytes in a row, and are declared as such: no 60 million Python floats.
_MESSAGES = {
    'BlobShape': (('dim', 1, 'int64*'), ),
    'BlobProto': (('num', 1, 'int32'), ('channels', 2, 'int32'),
                  ('height', 3, 'int32'), ('width', 4, 'int32'),
                  ('data', 5, 'bytes*'), ('shape', 7, 'BlobShape'),
                  ('double_data', 8, 'bytes*')),
    'BatchNormParameter': (('eps', 3, 'float'), ),
    'LayerParameter': (('name', 1, 'string'), ('type', 2, 'string'),
                       ('bottom', 3, 'string*'), ('top', 4, 'string*'),
                       ('blobs', 7, 'BlobProto*'),
                       ('batch_norm_param', 139, 'BatchNormParameter')),
    'V1LayerParameter': (('bottom', 2, 'string*'), ('top', 3, 'string*'),
                         ('name', 4, 'string'), ('type', 5, 'int32'),
                         ('blobs', 6, 'BlobProto*')),
    'NetParameter': (('name', 1, 'string'),
                     ('layers', 2, 'V1LayerParameter*'),
                     ('layer', 100, 'LayerParameter*')),
}
# Of the old format's enumeration, the types that have weights.
_V1_TYPES = {4: 'Convolution', 14: 'InnerProduct'}
_DEFAULT_EPS = 1e-5


@dataclass(frozen=True)
class CaffeLayer:
    """One layer of a net, with what it learned.

    Attributes:
        name: Its name.
        type: Its type, such as ``'Convolution'``.
        bottoms: Names of the blobs it reads.
        tops: Names of the blobs it writes.
        blobs: Learned arrays, float32; of a convolution weight and bias.
        eps: What batch normalisation adds to the variance.
    """
    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    blobs: tuple[np.ndarray, ...]
    eps: float = _DEFAULT_EPS


def read_caffemodel(path: str | Path) -> list[CaffeLayer]:
    """Read the layers of a net, of the old (V1) or the new format.

    Args:
        path: A ``.caffemodel``.

    Returns:
        Its layers in order.

    Raises:
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: protobuf is not installed.
        ValueError: It is no caffemodel, or a blob is broken.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'caffemodel not found: {path}')
    net = net_parameter()()
    from google.protobuf.message import DecodeError
    try:
        net.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f'{path} is no caffemodel: {error}') from error
    old = [CaffeLayer(layer.name, _V1_TYPES.get(layer.type, str(layer.type)),
                      tuple(layer.bottom), tuple(layer.top),
                      _arrays(layer)) for layer in net.layers]
    new = [CaffeLayer(layer.name, layer.type, tuple(layer.bottom),
                      tuple(layer.top), _arrays(layer),
                      layer.batch_norm_param.eps
                      if layer.batch_norm_param.HasField('eps')
                      else _DEFAULT_EPS) for layer in net.layer]
    layers = new or old
    if not any(layer.blobs for layer in layers):
        raise ValueError(f'{path} is no caffemodel: it holds no layer with '
                         'weights')
    return layers


def _arrays(layer: Any) -> tuple[np.ndarray, ...]:
    return tuple(_array(blob, layer.name) for blob in layer.blobs)


def _array(blob: Any, layer: str) -> np.ndarray:
    raw = (np.frombuffer(b''.join(blob.double_data), '<f8')
           if blob.double_data else
           np.frombuffer(b''.join(blob.data), '<f4'))
    shape = (tuple(blob.shape.dim) if blob.HasField('shape') else
             (blob.num, blob.channels, blob.height, blob.width))
    if raw.size != np.prod(shape, dtype=np.int64):
        raise ValueError(f'a blob must hold as many numbers as its shape '
                         f'says: layer {layer!r} has {raw.size} for '
                         f'{shape}')
    return raw.astype(np.float32).reshape(shape)


@lru_cache(maxsize=1)
def net_parameter() -> type:
    """Return the protobuf message class of a whole net."""
    try:
        from google.protobuf import (
            descriptor_pb2,
            descriptor_pool,
            message_factory,
        )
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('reading a caffemodel needs protobuf: pip '
                                  "install 'protobuf>=4'") from error
    field_type = descriptor_pb2.FieldDescriptorProto
    plain = {'string': field_type.TYPE_STRING, 'bytes': field_type.TYPE_BYTES,
             'int32': field_type.TYPE_INT32, 'float': field_type.TYPE_FLOAT,
             'int64': field_type.TYPE_INT64}
    file = descriptor_pb2.FileDescriptorProto(
        name='chtn_plugin_caffe.proto', package='chtn_plugin.caffe')
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            bare = kind.rstrip('*')
            field = message.field.add(
                name=field_name, number=number,
                type=plain.get(bare, field_type.TYPE_MESSAGE),
                label=(field_type.LABEL_REPEATED if kind.endswith('*')
                       else field_type.LABEL_OPTIONAL))
            if bare not in plain:
                field.type_name = f'.chtn_plugin.caffe.{bare}'
            if bare == 'int64':
                field.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName('chtn_plugin.caffe.NetParameter'))
