"""Check, shorten and copy to a device the input of text encoders."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

#: Kinds of text input, and the transform that makes each.
KINDS = {'vectors': 'BagOfWords', 'word numbers': 'WordIndices',
         'tokens': 'HFTokens'}
# Attribute of a tensor of numbers: what it held on the host, (B, L) NumPy.
_HOST = 'chtn_host'


def check_text(text: Any, kind: str) -> None:
    """Refuse the input of another kind of text encoder.

    Args:
        text: ``'vectors'``: floating point (B, D). ``'word numbers'``:
            integers (B, L). ``'tokens'``: a dictionary of (B, L).
        kind: What the encoder takes.

    Raises:
        ValueError: The text is something else.
    """
    if isinstance(text, Mapping):
        what, shape = 'tokens', ''
    else:
        what = 'vectors' if text.is_floating_point() else 'word numbers'
        shape = f' of shape {tuple(text.shape)}'
    if what != kind or (shape and text.dim() != 2):
        raise ValueError(
            f'this text encoder takes {kind}, one row a text, as '
            f'{KINDS[kind]} makes them: got {what}{shape}')


def shortened(text: Any) -> tuple[Any, Optional[np.ndarray]]:
    """Cut the padding that a whole batch shares, before the copy to a device.

    How long a text is, and which it is, is known on the host; asked of a GPU,
    the answer would wait for all its work.

    Args:
        text: Texts on the host, of any of :data:`KINDS`. What is on a device
            already, was shortened before, or is traced for an export stays
            as it is.

    Returns:
        The texts: vectors as they are; word numbers and tokens (B, L) cut to
        (B, L'), save those of a model that takes no mask (SigLIP), which
        reads its padding. And, of word numbers or ``input_ids``, what the
        host knows: (B, L), uncut; None where it knows nothing.
    """
    if torch.jit.is_tracing():
        return text, None
    host = _numbers(text)
    if host is None:
        return text, None
    known = getattr(host, _HOST, None)
    tensors = text.values() if isinstance(text, Mapping) else (text, )
    if known is not None or any(value.device.type != 'cpu'
                                for value in tensors):
        return text, known
    if isinstance(text, Tensor):
        return _cut(text, text != 0), host.numpy()
    mask = text.get('attention_mask')
    return (text if mask is None else {
        name: _cut(value, mask > 0) for name, value in text.items()},
        host.numpy())


def attach_host(text: Any, host: Optional[np.ndarray]) -> None:
    """Let texts on a device carry what the host knows of them.

    As an attribute of the tensor of numbers, so that an encoder that does not
    ask for it sees tensors alone. DDP and FSDP pass a tensor on that is on
    the device already; a copy of it has no such attribute.

    Args:
        text: Texts on their device.
        host: What :func:`shortened` returned beside them.
    """
    numbers = _numbers(text)
    if host is not None and numbers is not None:
        setattr(numbers, _HOST, host)


def _numbers(text: Any) -> Optional[Tensor]:
    """Word numbers, or the numbers of tokens; None of vectors."""
    if isinstance(text, Mapping):
        return text.get('input_ids')
    if isinstance(text, Tensor) and not text.is_floating_point() and (
            text.dim() == 2):
        return text
    return None


def _cut(values: Tensor, used: Tensor) -> Tensor:
    """Columns up to the last in which any row is used, one at least."""
    columns = used.any(0).nonzero()
    length = int(columns[-1]) + 1 if len(columns) else 1
    if length >= values.shape[1]:
        return values
    values_cut = values[:, :length].contiguous()
    # From page-locked memory the copy overlaps computation.
    return values_cut.pin_memory() if values.is_pinned() else values_cut


def on_device(values: Sequence[int], device: torch.device) -> Tensor:
    """Copy numbers to a device without waiting for its work.

    Args:
        values: N whole numbers.
        device: The device.

    Returns:
        (N,) int64.
    """
    tensor = torch.tensor(values, dtype=torch.int64)
    if device.type == 'cuda':
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
