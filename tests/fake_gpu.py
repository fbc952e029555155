"""A training step on tensors that lie on no CPU, as on a GPU.

torch's ``meta`` device knows shape and type of a tensor, and holds no values.
So an operation between it and the CPU fails as one between a GPU and the CPU
would, and whatever the host asks of it (for which it would wait for a GPU) is
seen.
"""
from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
_COPIES = (aten._to_copy, aten.copy_)
# What needs a value, or a number of rows, that only the device knows.
_QUESTIONS = (aten._local_scalar_dense, aten.nonzero, aten.masked_select,
              aten._unique2, aten.equal, aten.is_nonzero)


class _Watch(TorchDispatchMode):
    """Notes what would wait for a GPU, and answers as if it had."""

    def __init__(self, waits: list[str]) -> None:
        super().__init__()
        self.waits = waits

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (),
                           kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        op = func.overloadpacket
        devices = {value.device.type for value in tree_leaves((args, kwargs))
                   if isinstance(value, Tensor)}
        if op in _QUESTIONS and 'meta' in devices:
            self.waits.append(_place(op))
            if op is aten._local_scalar_dense:
                return 1.0 if args[0].is_floating_point() else 1
        if op in _COPIES:
            to = kwargs.get('device')
            devices |= {torch.device(to).type} if to is not None else set()
            if devices == {'cpu', 'meta'}:
                leaves = op is aten.copy_ and args[0].device.type == 'cpu' or (
                    op is aten._to_copy and args[0].device.type == 'meta')
                if leaves or not (kwargs.get('non_blocking') or (
                        op is aten.copy_ and args[2:3] == (True, ))):
                    self.waits.append(_place(op))
                if leaves and op is aten._to_copy:
                    return torch.ones(args[0].shape, dtype=kwargs.get(
                        'dtype') or args[0].dtype)
        return func(*args, **kwargs)


class _WatchValues(TorchFunctionMode):
    """Notes Python values sent to the device: torch waits for such copies."""

    def __init__(self, waits: list[str]) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func: Any, types: Any, args: Any = (),
                           kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor):
            device, given = kwargs.get('device'), args[0]
            sent = device is not None and torch.device(
                device).type == 'meta' and not isinstance(given, Tensor)
        elif func is Tensor.new_tensor:
            sent = args[0].device.type == 'meta'
        elif func in (Tensor.__getitem__, Tensor.__setitem__):
            sent = args[0].device.type == 'meta' and any(
                isinstance(index, list) or (
                    isinstance(index, Tensor) and index.dim() > 0
                    and index.device.type == 'cpu')
                for index in (args[1] if isinstance(args[1], tuple)
                              else (args[1], )))
        else:
            sent = False
        if sent:
            self.waits.append(_place(func))
        return func(*args, **kwargs)


def _place(op: Any) -> str:
    """The innermost line that is not torch's: package/file:line."""
    frames = [frame for frame in traceback.extract_stack()
              if '/torch/' not in frame.filename
              and 'fake_gpu' not in frame.filename]
    frame = frames[-1]
    package = next((name for name in ('chtn_plugin', 'mmengine',
                                      'transformers')
                    if f'/{name}/' in frame.filename), 'elsewhere')
    where = frame.filename.rpartition('/')[2]
    return f'{package}/{where}:{frame.lineno} {op.__name__}'


@contextmanager
def fake_gpu() -> Iterator[list[str]]:
    """Note every wait for the ``meta`` device.

    Yields:
        A line for each wait so far: where the program asked, and what.
    """
    waits: list[str] = []
    autocast = torch.autocast

    def without_meta(device_type: str, *args: Any, **kwargs: Any) -> Any:
        return (nullcontext() if device_type == 'meta' else
                autocast(device_type, *args, **kwargs))
    with mock.patch.object(torch, 'autocast', without_meta), _Watch(waits), \
            _WatchValues(waits):
        yield waits
