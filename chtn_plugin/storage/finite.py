"""Find the rows of vectors that hold NaN or infinity."""
from __future__ import annotations

from typing import Any

import numpy as np

_NUMBERS_AT_ONCE = 2**22


def nonfinite_rows(rows: Any) -> np.ndarray:
    """Find the rows that hold NaN or infinity; their numbers ascend.

    Args:
        rows: Array or tensor (N, ...) of real numbers, on any device.
    """
    if getattr(rows, 'is_cuda', False):  # one answer crosses, not the rows
        bad = ~rows.isfinite().reshape(len(rows), -1).all(1)
        return bad.nonzero()[:, 0].cpu().numpy()
    if str(getattr(rows, 'dtype', '')) == 'torch.bfloat16':
        rows = rows.float()
    values = np.asarray(rows)
    if values.dtype.kind != 'f':
        return np.zeros(0, dtype=np.int64)
    step = max(1, _NUMBERS_AT_ONCE // max(1, values[:1].size))
    parts = [start + np.flatnonzero(~np.isfinite(
        values[start:start + step]).reshape(
            len(values[start:start + step]), -1).all(1))
        for start in range(0, len(values), step)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])
