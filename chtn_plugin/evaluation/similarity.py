"""Similarity of queries and gallery, tile by tile, the same on any machine."""
from __future__ import annotations

from typing import Optional

import numpy as np
import torch
from torch import Tensor

from .protocols import check_similarity

# Below this many multiplications the product runs in float64 and is rounded
# to float32 once: every device, thread count and library then agrees.
_EXACT_PRODUCTS = 2**31
# Cosines below this are noise of float64; orthogonal vectors must score 0.
_COSINE_STEP = 2.**-44
_TILE_SCORES = 2**24
_ROWS_AT_ONCE = 2**16


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
            ``'euclidean'`` (the nearest item scores highest).
        device: Where the products run. None: the processor.
        float64: Compute in float64. None: if the product is small, on a
            GPU, or if the kind is Euclidean, which loses digits to
            cancellation.

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
        work = len(query) * gallery.numel()
        if float64 is None:
            # GPUs may be set to multiply float32 in ten bits (TF32).
            float64 = (work <= _EXACT_PRODUCTS or kind == 'euclidean'
                       or torch.device(device or 'cpu').type == 'cuda')
        self.kind = kind
        self.dtype = torch.float64 if float64 else torch.float32
        self.device = torch.device('cpu' if device is None else device)
        self._query, self._gallery = query, gallery
        self.tile = max(1, min(128, _TILE_SCORES // max(1, len(gallery))))
        if self.device.type != 'cpu':
            self.tile *= 4
        self._columns: Optional[Tensor] = None

    @property
    def shape(self) -> tuple[int, int]:
        """Queries and gallery items."""
        return len(self._query), len(self._gallery)

    def load(self, order: Optional[np.ndarray] = None) -> None:
        """Put the gallery on the device, in the given order of its items."""
        self._columns = self._rows(self._gallery, order, gallery=True)

    def scores(self, start: int, out: Optional[Tensor] = None) -> Tensor:
        """Scores of the tile that begins at query ``start``, (tile, G).

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
        if self.dtype == torch.float32:
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
        """A buffer for :meth:`scores`."""
        return torch.empty(self.tile, len(self._gallery), dtype=torch.float32,
                           device=self.device)

    def _rows(self, rows: Tensor, order: Optional[np.ndarray],
              gallery: bool = False) -> Tensor:
        """Rows ready to be multiplied, copied piece by piece."""
        width = rows.shape[1] + (self.kind == 'euclidean')
        ready = torch.empty(len(rows), width, dtype=self.dtype,
                            device=self.device)
        index = None if order is None else torch.from_numpy(order)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            stop = min(start + _ROWS_AT_ONCE, len(rows))
            part = (rows[start:stop] if index is None
                    else rows[index[start:stop]])
            # On the processor, so that every device gets the same numbers.
            part = part.cpu().double()
            if self.kind == 'cosine':
                norm = part.square().sum(1, keepdim=True).sqrt()
                part = part / norm.clamp(min=torch.finfo(part.dtype).tiny)
            elif self.kind == 'euclidean':
                # The query's own length shifts all its scores alike.
                last = (-part.square().sum(1, keepdim=True) / 2 if gallery
                        else torch.ones(len(part), 1, dtype=part.dtype))
                part = torch.cat([part, last], 1)
            ready[start:stop] = part.to(self.dtype)
        return ready


def embedding_matrix(embeddings: Tensor | np.ndarray, name: str) -> Tensor:
    """Check embeddings and return them as a tensor, (N, D).

    Raises:
        ValueError: Not a matrix of real numbers, or a row holds NaN or
            infinity.
    """
    matrix = torch.as_tensor(embeddings).detach()
    if matrix.ndim != 2 or matrix.is_complex():
        raise ValueError(f'{name} embeddings must be a real matrix (N, D), '
                         f'got {matrix.dtype} {tuple(matrix.shape)}')
    if matrix.is_floating_point():
        for start in range(0, len(matrix), _ROWS_AT_ONCE):
            finite = matrix[start:start + _ROWS_AT_ONCE].isfinite().all(1)
            if not finite.all():
                row = start + int((~finite).nonzero()[0])
                raise ValueError(f'{name} embeddings must be finite, row '
                                 f'{row} holds NaN or infinity')
    return matrix
