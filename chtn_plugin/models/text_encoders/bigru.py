"""A bidirectional recurrent text encoder over word vectors."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np
import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ...checks import check_choice
from .word_embedding import WordEmbedding

POOLINGS = ('last', 'mean', 'max')


@MODELS.register_module()
class BiGRU(BaseModule):
    """A gated recurrent network read in both directions.

    Args:
        num_words: Numbers W of the text transform ``WordIndices``.
        vector_size: Size E of a word vector.
        vectors: File of word vectors, the same as the text transform's;
            None: random ones.
        trainable: Whether training changes them.
        hidden: Size H of a direction's state; the text's vector has 2H.
        num_layers: How many stand on one another.
        pooling: ``'last'``: the last state of each direction. ``'mean'`` or
            ``'max'`` over the words' states.
        dropout: Share of the outputs dropped in training.
        init_cfg: As everywhere in MMEngine.

    Raises:
        ValueError: The pooling is not one of those above.
    """

    def __init__(self,
                 num_words: int = 30_000,
                 vector_size: int = 300,
                 vectors: Optional[str] = None,
                 trainable: bool = False,
                 hidden: int = 256,
                 num_layers: int = 1,
                 pooling: str = 'max',
                 dropout: float = 0.5,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        check_choice('pooling', pooling, POOLINGS)
        self.pooling = pooling
        self.words = WordEmbedding(num_words, vector_size, vectors,
                                   trainable or vectors is None)
        self.gru = nn.GRU(vector_size, hidden, num_layers, batch_first=True,
                          bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.out_features = 2 * hidden

    def forward(self, text: Any) -> Tensor:
        """Encode word numbers (B, L), 0 pads, as (B, 2H)."""
        vectors, present, known = self.words(text)
        # An empty text counts as one padding word.
        length = present.sum(1).clamp(min=1)
        # In float32 under any autocast: on a GPU it would run in float16
        # where bfloat16 was asked for.
        with torch.autocast(vectors.device.type, enabled=False):
            states = self._states(vectors, length, known)
        if self.pooling == 'last':
            # Not the GRU's second output: one that is used alone cannot be
            # exported to ONNX.
            there, back = states.chunk(2, 2)
            end = (length - 1)[:, None, None].expand(-1, 1, there.shape[2])
            return self.dropout(torch.cat(
                [there.gather(1, end)[:, 0], back[:, 0]], 1))
        if self.pooling == 'max':
            place = torch.arange(states.shape[1], device=states.device)
            outside = place >= length[:, None]
            # A state is never below -1.
            return self.dropout(
                states.masked_fill(outside[..., None], -1).amax(1))
        return self.dropout(states.sum(1) / length[:, None])

    def _states(self, vectors: Tensor, length: Tensor,
                known: Optional[np.ndarray]) -> Tensor:
        """States of both directions at each word, (B, L, 2H)."""
        if known is None:
            packed, _ = self.gru(pack_padded_sequence(
                vectors, length.cpu(), batch_first=True,
                enforce_sorted=False))
            return pad_packed_sequence(packed, batch_first=True)[0]
        # Packing sorts by length and asks the device for the order, twice.
        # Both sides know the lengths: each sorts them for itself.
        order = length.argsort(descending=True, stable=True)
        falling = np.sort(known.clip(min=1))[::-1].copy()
        packed, _ = self.gru(pack_padded_sequence(
            vectors.index_select(0, order), torch.from_numpy(falling),
            batch_first=True))
        states, _ = pad_packed_sequence(packed, batch_first=True)
        return states.index_select(0, order.argsort())
