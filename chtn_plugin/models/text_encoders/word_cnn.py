"""The convolutional sentence encoder of Kim (2014)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from .word_embedding import WordEmbedding


@MODELS.register_module()
class WordCNN(BaseModule):
    """Convolutions over word vectors, each kept where it is strongest.

    Convolutional Neural Networks for Sentence Classification
    (https://arxiv.org/abs/1408.5882): windows of 3, 4 and 5 words, 100
    filters each, ReLU, maximum over the places. A window may reach past
    either end of the text, as long as it holds one of its words; so a text of
    one word has a vector, and how far its batch is padded changes nothing.

    Args:
        num_words: Numbers W of the text transform ``WordIndices``.
        vector_size: Size E of a word vector.
        vectors: File of word vectors, the same as the text transform's;
            None: random ones (Kim's CNN-rand).
        trainable: Whether training changes them (CNN-non-static).
        kernel_sizes: Lengths of the windows, in words.
        channels: Filters of each length.
        dropout: Share of the outputs dropped in training.
        init_cfg: As everywhere in MMEngine.

    Attributes:
        out_features: Size of a text's vector, all filters together.
    """

    def __init__(self,
                 num_words: int = 30_000,
                 vector_size: int = 300,
                 vectors: Optional[str] = None,
                 trainable: bool = False,
                 kernel_sizes: Sequence[int] = (3, 4, 5),
                 channels: int = 100,
                 dropout: float = 0.5,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if not kernel_sizes or min(kernel_sizes) < 1:
            raise ValueError('kernel_sizes must be positive numbers of words,'
                             f' got {list(kernel_sizes)}')
        self.words = WordEmbedding(num_words, vector_size, vectors,
                                   trainable or vectors is None)
        self.kernel_sizes = tuple(kernel_sizes)
        self.convs = nn.ModuleList(_conv(vector_size, channels, size)
                                   for size in kernel_sizes)
        self.dropout = nn.Dropout(dropout)
        self.out_features = channels * len(kernel_sizes)

    def forward(self, text: Any) -> Tensor:
        """Encode word numbers (B, L), 0 pads, as (B, out_features)."""
        vectors, present, _ = self.words(text)
        maps = vectors.transpose(1, 2)
        length = present.sum(1, keepdim=True)
        outputs = []
        for size, conv in zip(self.kernel_sizes, self.convs, strict=True):
            value = F.relu(conv(maps))
            # Window j holds the words j - size + 1 to j; the last that holds
            # any begins at the text's last word.
            place = torch.arange(value.shape[2], device=value.device)
            last = length + size - 1
            inside = (place < last) & (length > 0)
            outputs.append(
                value.masked_fill(~inside[:, None], 0).amax(2))
        return self.dropout(torch.cat(outputs, 1))


def _conv(vector_size: int, channels: int, size: int) -> nn.Conv1d:
    conv = nn.Conv1d(vector_size, channels, size, padding=size - 1)
    nn.init.kaiming_normal_(conv.weight)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
