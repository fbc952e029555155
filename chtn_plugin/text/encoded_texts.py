"""Hold the encoded texts of a data set, from which batches are taken."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import scipy.sparse
import torch
from torch import Tensor


class EncodedTexts:
    """Encoded texts of a data set, of which batches are taken.

    Args:
        rows: One row a text: a sparse matrix (N, D), a tensor (N, ...) or a
            mapping of tensors.
    """

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __len__(self) -> int:
        if isinstance(self.rows, Mapping):
            return len(next(iter(self.rows.values())))
        return self.rows.shape[0]

    def take(self, indices: Sequence[int]) -> Tensor | dict[str, Tensor]:
        """Return rows of a batch, dense: (B, ...) or a dictionary of such."""
        if isinstance(self.rows, Mapping):
            return {name: rows[indices] for name, rows in self.rows.items()}
        rows = self.rows[indices]
        if scipy.sparse.issparse(rows):
            return torch.from_numpy(rows.toarray())
        return rows
