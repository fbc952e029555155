"""Compute similarities tile by tile, with equal results on any machine."""
from __future__ import annotations

from typing import Optional

import numpy as np
import torch
from torch import Tensor

from chtn_plugin.storage.finite import nonfinite_rows

from ..checks import check_device
from .exact_search import unit_rows_of_any_length
from .protocols import check_similarity

# Below this many multiplications the product runs in float64 and is rounded
# to float32 once: every device, thread count and library then agrees.
_EXACT_PRODUCTS = 2**31
# Cosines below this are noise of float64; orthogonal vectors must score 0.
_COSINE_STEP = 2.**-44
_TILE_SCORES = 2**24
_NUMBERS_AT_ONCE = 2**19


class Similarity:
    """Scores of Q queries against G gallery items, computed in fixed tiles.

    A score is the similarity rounded to float32, whatever the type of the
    embeddings. Small products are computed in float64 first (and cosines
    rounded to 2^-44, far above its noise), so equal pairs tie everywhere;
    larger ones in float32, where the last bit may differ between devices but
    not between chunk sizes, thread counts or ranks, because tiles are the
    same always.

    Args:
        query: Embeddings, (Q, D).
        gallery: Embeddings, (G, D).
        kind: ``'cosine'`` (0 for a zero vector), ``'dot'``, or
            ``'euclidean'`` (the nearest item scores highest; distances are
            computed from differences, so a common offset costs no digit, at
            4 times the time of a product for D = 64, 11 times for 512).
        device: Where the products run. None: the processor.
        float64: Compute in float64. None: if the product is small, on a
            GPU, or if the kind is Euclidean.

    Raises:
        ValueError: Sizes differ, an embedding is not finite (the message
            names the row), or the kind is unknown.
    """

    def __init__(self,
                 query: Tensor | np.ndarray,
                 gallery: Tensor | np.ndarray,
                 kind: str = 'cosine',
                 device: Optional[str | torch.device] = None,
                 float64: Optional[bool] = None) -> None:
        query = embedding_matrix(query, 'query')
        gallery = embedding_matrix(gallery, 'gallery')
        if query.shape[1] != gallery.shape[1]:
            raise ValueError('query and gallery must share the feature size, '
                             f'got {tuple(query.shape)} and '
                             f'{tuple(gallery.shape)}')
        check_similarity(kind)
        self.device = check_device('cpu' if device is None else device)
        work = len(query) * gallery.numel()
        if float64 is None:
            # GPUs may be set to multiply float32 in ten bits (TF32).
            float64 = (work <= _EXACT_PRODUCTS or kind == 'euclidean'
                       or self.device.type == 'cuda')
        self.kind = kind
        self.dtype = torch.float64 if float64 else torch.float32
        self._query, self._gallery = query, gallery
        self.tile = max(1, min(128, _TILE_SCORES // max(1, len(gallery))))
        if self.device.type != 'cpu':
            self.tile *= 4
        self._columns: Optional[Tensor] = None
        self._shift = (_distance_shift(query, gallery)
                       if kind == 'euclidean' else 0)

    @property
    def shape(self) -> tuple[int, int]:
        """Queries and gallery items."""
        return len(self._query), len(self._gallery)

    def load(self, order: Optional[np.ndarray] = None) -> None:
        """Put the gallery on the device, in the given order of its items."""
        self._columns = self._rows(self._gallery, order)

    def scores(self, start: int, out: Optional[Tensor] = None) -> Tensor:
        """Compute the tile of scores from query ``start`` on, (tile, G).

        The tile keeps its size at the end of the queries; rows beyond them
        hold zeros.

        Args:
            start: A multiple of :attr:`tile`.
            out: Receives the scores, as :meth:`empty_tile` makes it.
        """
        if self._columns is None:
            self.load()
        assert self._columns is not None
        rows = self._rows(self._query[start:start + self.tile], None)
        if len(rows) < self.tile:
            rows = torch.cat([rows, rows.new_zeros(
                self.tile - len(rows), rows.shape[1])])
        if out is None:
            out = self.empty_tile()
        if self.kind == 'euclidean':
            out.copy_(torch.cdist(
                rows, self._columns,
                compute_mode='donot_use_mm_for_euclid_dist').neg_())
        elif self.dtype == torch.float32:
            torch.mm(rows, self._columns.T, out=out)
        else:
            exact = torch.mm(rows, self._columns.T)
            if self.kind == 'cosine':
                exact.div_(_COSINE_STEP).round_().mul_(_COSINE_STEP)
            out.copy_(exact)
        if self.kind != 'cosine' and not out.isfinite().all():
            raise ValueError(f'{self.kind} similarities must fit float32, '
                             'some overflow: scale the embeddings down')
        return out

    def empty_tile(self) -> Tensor:
        """Return a buffer for :meth:`scores`."""
        return torch.empty(self.tile, len(self._gallery), dtype=torch.float32,
                           device=self.device)

    def _rows(self, rows: Tensor, order: Optional[np.ndarray]) -> Tensor:
        """Rows ready to be multiplied, copied piece by piece."""
        ready = torch.empty(len(rows), rows.shape[1], dtype=self.dtype,
                            device=self.device)
        index = None if order is None else torch.from_numpy(order)
        step = max(1, _NUMBERS_AT_ONCE // max(1, rows.shape[1]))
        for start in range(0, len(rows), step):
            stop = min(start + step, len(rows))
            part = (rows[start:stop] if index is None
                    else rows[index[start:stop]])
            # On the processor, so that every device gets the same numbers.
            part = part.cpu().double()
            if self.kind == 'cosine':
                part = _unit(part)
            elif self._shift:
                part = torch.from_numpy(np.ldexp(part.numpy(), self._shift))
            ready[start:stop] = part.to(self.dtype)
        return ready


def embedding_matrix(embeddings: Tensor | np.ndarray, name: str) -> Tensor:
    """Check embeddings and return them as a tensor, (N, D).

    Raises:
        ValueError: Not a matrix of real numbers, or a row holds NaN or
            infinity.
    """
    matrix = torch.as_tensor(embeddings).detach()
    if matrix.ndim != 2 or matrix.is_complex() or not matrix.shape[1]:
        raise ValueError(f'{name} embeddings must be a real matrix (N, D), '
                         f'got {matrix.dtype} {tuple(matrix.shape)}')
    broken = nonfinite_rows(matrix)
    if len(broken):
        raise ValueError(f'{name} embeddings must be finite, row '
                         f'{broken[0]} holds NaN or infinity')
    return matrix


def _unit(rows: Tensor) -> Tensor:
    """Rows (N, D) float64 scaled to length 1; rows of zeros stay so."""
    norm = rows.square().sum(1, keepdim=True).sqrt()
    unit = rows / norm.clamp(min=torch.finfo(rows.dtype).tiny)
    # Where squares leave the range of float64, or lose digits at its end.
    odd = ~((norm[:, 0] > 1e-140) & (norm[:, 0] < 1e140))
    if odd.any():
        unit[odd] = torch.from_numpy(
            unit_rows_of_any_length(rows[odd].numpy()))
    return unit


def _distance_shift(*parts: Tensor) -> int:
    """Power of two that brings distances into the range of float32."""
    largest = max(float(part.abs().max()) if part.numel() else 0.
                  for part in parts)
    exponent = int(np.frexp(largest)[1])
    return 0 if -60 < exponent < 60 else -exponent
