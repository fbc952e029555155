"""Read files of torch.save: bounded, checked, and without running them."""
from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Optional

import torch
from torch import Tensor


def torn(path: str) -> Optional[str]:
    """Say what is wrong with a checkpoint file, or None.

    Reads all of it and compares checksums, without building anything: about
    a second a gigabyte.

    Args:
        path: The file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [info.filename for info in archive.infolist()
                      if info.compress_type != zipfile.ZIP_STORED]
            if packed:
                # torch never compresses; a small file could unpack to a
                # huge one.
                return f'{packed[0]} in it is compressed'
            broken = archive.testzip()
    except FileNotFoundError:
        return 'there is no such file'
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError,
            ValueError, RuntimeError) as error:
        return str(error)
    return f'{broken} fails its checksum' if broken else None


def kind_of(path: str) -> str:
    """Tell from its first bytes what a file may be.

    Returns:
        ``'zip'`` (of torch since 2020), ``'pickle'`` (of torch before),
        ``'empty'`` or ``'other'``.
    """
    with open(path, 'rb') as file:
        begin = file.read(2)
    if not begin:
        return 'empty'
    return ('zip' if begin == b'PK' else
            'pickle' if begin[:1] == b'\x80' else 'other')


def read_torch_file(path: str, trust: bool = False,
                    allowed: Sequence[Any] = ()) -> Any:
    """Read a file of ``torch.save`` to the processor.

    Args:
        path: The file.
        trust: Build whatever it holds, programs too.
        allowed: What it may hold beside tensors and plain data, as
            ``torch.serialization.safe_globals`` takes it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is a folder, torn, no file of torch, holds what could
            run a program while it is not trusted, or tensors that are larger
            than the file.
    """
    if os.path.isdir(path):
        raise ValueError(f'a checkpoint must be a file: {path} is a folder')
    if not os.path.isfile(path):
        raise FileNotFoundError(f'checkpoint not found: {path}')
    kind = kind_of(path)
    if kind == 'other':
        raise ValueError(
            f'{path} is no checkpoint that torch reads: it must begin as a '
            'file of torch.save does. Weights of other formats: '
            'tools/convert_weights.py')
    # Before 2020 torch wrote no zip files; those can not be checked.
    fault = None if kind == 'pickle' else torn(path)
    if fault:
        raise ValueError(f'a checkpoint must be whole: {path} is torn '
                         f'({fault})')
    # The context would remove types that the process allowed before.
    known = torch.serialization.get_safe_globals()
    more = [each for each in allowed if each not in known]
    try:
        with (nullcontext() if trust else
              torch.serialization.safe_globals(more)):
            loaded = torch.load(path, map_location='cpu',
                                weights_only=not trust)
    except pickle.UnpicklingError as error:
        match = re.search(r'(?:GLOBAL|global) ([\w.]+)', str(error))
        if trust or not match:
            raise _unreadable(path, error) from error
        raise ValueError(
            'a checkpoint must hold tensors and plain data only: '
            f'{path} holds {match[1]}, which could run a program. If you '
            'trust its author: --trust-checkpoint (in Python, trust=True)'
        ) from error
    # A damaged pickle makes torch raise errors of any type.
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError,
            IndexError, AttributeError, AssertionError, MemoryError,
            RecursionError, UnicodeDecodeError, OverflowError) as error:
        if trust and not isinstance(error, (RuntimeError, EOFError, OSError)):
            raise
        raise _unreadable(path, error) from error
    for name, tensor in _tensors(loaded):
        storage = tensor.untyped_storage().nbytes()
        if not tensor.is_sparse and (
                tensor.numel() * tensor.element_size() > storage):
            raise ValueError(
                'a checkpoint must hold every number that it declares: '
                f'{name} of {path} is {tuple(tensor.shape)}, and has '
                f'{storage} bytes')
    return loaded


def check_state_dict(state: Any, path: str) -> dict[str, Tensor]:
    """Require weights: names to tensors, all of finite numbers.

    Args:
        state: What should be a state dictionary.
        path: The file it is of, for the message.

    Returns:
        It.

    Raises:
        ValueError: It is none; the message names the entry.
    """
    if not isinstance(state, Mapping):
        raise ValueError('weights must be a dictionary of tensors: '
                         f'{path} holds a {type(state).__name__}')
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError('weights must be tensors by name: '
                             f'{name!r} of {path} is a '
                             f'{type(value).__name__}')
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError('weights must be finite numbers: '
                             f'{name} of {path} holds NaN or infinity')
    return dict(state)


def _unreadable(path: str, error: BaseException) -> ValueError:
    reason = str(error).split('\n')[0][:200] or type(error).__name__
    return ValueError(f'{path} is no checkpoint that torch reads: {reason}')


def _tensors(value: Any, name: str = '') -> Iterator[tuple[str, Tensor]]:
    """Every strided tensor in a structure of plain data, with its place.

    Without recursion: a pickle may be nested as deep as it likes.
    """
    todo, seen = [(name, value)], set()
    while todo:
        name, value = todo.pop()
        if isinstance(value, Tensor):
            if value.layout == torch.strided:
                yield name, value
        elif isinstance(value, (Mapping, list, tuple)):
            if id(value) in seen:
                continue
            seen.add(id(value))
            items = (value.items() if isinstance(value, Mapping) else
                     enumerate(value))
            todo += [(f'{name}.{key}' if name else str(key), item)
                     for key, item in items]
