"""What a text encoder is given: its kinds, its length, its host's copy."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

#: Kinds of text input, and the transform that makes each.
KINDS = {'vectors': 'BagOfWords', 'word numbers': 'WordIndices',
         'tokens': 'HFTokens'}
#: Key under which the numbers of a text stay on the host, (B, L) NumPy.
HOST = 'host'


def check_text(text: Any, kind: str) -> None:
    """Refuse the input of another kind of text encoder.

    Args:
        text: ``'vectors'``: floating point (B, D). ``'word numbers'``:
            integers (B, L), or :func:`shortened` ones. ``'tokens'``: a
            dictionary of (B, L).
        kind: What the encoder takes.

    Raises:
        ValueError: The text is something else.
    """
    if isinstance(text, Mapping) and 'numbers' in text:
        text = text['numbers']
    if isinstance(text, Mapping):
        found, shape = 'tokens', ''
    else:
        found = 'vectors' if text.is_floating_point() else 'word numbers'
        shape = f' of shape {tuple(text.shape)}'
    if found != kind or (shape and text.dim() != 2):
        raise ValueError(
            f'this text encoder takes {kind}, one row a text, as '
            f'{KINDS[kind]} makes them: got {found}{shape}')


def shortened(text: Any) -> Any:
    """Cut the padding that a whole batch shares, before the copy to a device.

    How long a text is, and which it is, is known on the host; asked of a GPU,
    the answer would wait for all its work. So the numbers stay here too, as a
    NumPy array, which neither a data preprocessor nor DDP moves.

    Args:
        text: Texts on the host, of any of :data:`KINDS`. What is on a device
            already, was shortened before, or is traced for an export comes
            back as it is.

    Returns:
        Vectors as they are. Word numbers (B, L) as a dictionary: ``numbers``
        (B, L') and ``host`` (B, L). Tokens as a dictionary: each tensor cut to
        (B, L'), save those of a model that takes no mask (SigLIP), which
        reads its padding; and ``host``, their ``input_ids`` (B, L).
    """
    if torch.jit.is_tracing():
        return text
    if isinstance(text, Tensor):
        if text.device.type != 'cpu' or text.is_floating_point() or (
                text.dim() != 2):
            return text
        return {'numbers': _cut(text, text != 0), HOST: text.numpy()}
    if not isinstance(text, Mapping) or HOST in text or (
            'input_ids' not in text) or any(
            value.device.type != 'cpu' for value in text.values()):
        return text
    mask = text.get('attention_mask')
    cut = text if mask is None else {
        name: _cut(value, mask > 0) for name, value in text.items()}
    return {**cut, HOST: text['input_ids'].numpy()}


def _cut(values: Tensor, used: Tensor) -> Tensor:
    """Columns up to the last in which any row is used, one at least."""
    columns = used.any(0).nonzero()
    length = int(columns[-1]) + 1 if len(columns) else 1
    if length >= values.shape[1]:
        return values
    values_cut = values[:, :length].contiguous()
    # From page-locked memory the copy overlaps computation.
    return values_cut.pin_memory() if values.is_pinned() else values_cut


def split_host(text: Mapping[str, Any]
               ) -> tuple[dict[str, Tensor], Optional[np.ndarray]]:
    """Take the host's copy out of what :func:`shortened` returned.

    Args:
        text: The dictionary; one without such a copy passes too.

    Returns:
        The tensors, and the numbers (B, L) on the host or None.
    """
    tensors = {name: value for name, value in text.items() if name != HOST}
    return tensors, text.get(HOST)


def on_device(values: Sequence[int], device: torch.device) -> Tensor:
    """Copy numbers to a device without waiting for its work.

    Args:
        values: N whole numbers.
        device: The device.

    Returns:
        (N,) int64.
    """
    made = torch.tensor(values, dtype=torch.int64)
    if device.type == 'cuda':
        made = made.pin_memory()
    return made.to(device, non_blocking=True)
