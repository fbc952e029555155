"""A table of word vectors, read from a file or learned."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from ...text.word_indices import NUM_SPECIAL, PADDING
from ...text.word_vectors import read_word_vectors
from ..text_inputs import check_text, shortened


class WordEmbedding(nn.Module):
    """The vector of each word number; that of the padding is zero.

    The file is read by :meth:`init_weights`, which MMEngine calls before it
    trains, and never after: a checkpoint holds the vectors.

    Args:
        num_words: Numbers W there are, as in the text transform.
        size: Size E of a vector.
        vectors: File of word vectors, the same as the text transform's.
            None: random ones.
        trainable: Whether training changes them.
    """

    def __init__(self, num_words: int, size: int,
                 vectors: Optional[str] = None,
                 trainable: bool = True) -> None:
        super().__init__()
        self.vectors = vectors
        self.size = size
        self.weight = nn.Parameter(torch.empty(num_words, size),
                                   requires_grad=trainable)
        # Uniform with the spread of GloVe's vectors, after Kim (2014).
        nn.init.uniform_(self.weight, -0.5, 0.5)
        with torch.no_grad():
            self.weight[PADDING] = 0

    @torch.no_grad()
    def init_weights(self) -> None:
        """Read the vectors from the file, where there is one.

        Raises:
            ValueError: Its vectors have another size.
        """
        if self.vectors is None:
            return
        words, vectors = read_word_vectors(self.vectors,
                                           len(self.weight) - NUM_SPECIAL)
        if vectors.shape[1] != self.size:
            raise ValueError(f'vector_size is {self.size}, but {self.vectors}'
                             f' holds vectors of {vectors.shape[1]}')
        self.weight.zero_()
        self.weight[NUM_SPECIAL:NUM_SPECIAL + len(words)] = torch.from_numpy(
            vectors)
        print_log(f'{len(words)} word vectors read from {self.vectors}',
                  logger='current')

    def forward(self, text: Any
                ) -> tuple[Tensor, Tensor, Optional[np.ndarray]]:
        """Look the vectors up.

        Columns in which the whole batch has padding are left out where that
        is known without waiting for a device, save in an export, whose size
        must not depend on the example.

        Args:
            text: Word numbers (B, L), 0 pads.

        Returns:
            Vectors (B, L, E); where words are, (B, L); and how many words
            each text has, (B,), on the host, None if it does not know.

        Raises:
            ValueError: These are no word numbers, or one is not below W.
        """
        check_text(text, 'word numbers')
        text, host = shortened(text)
        if host is not None and host.size and host.max() >= len(self.weight):
            raise ValueError(
                f'a word number must be below {len(self.weight)}, the '
                f'num_words of the model: got {int(host.max())}')
        # padding_idx keeps the gradient of the padding at zero.
        vectors = nn.functional.embedding(text, self.weight,
                                          padding_idx=PADDING)
        return (vectors, text != PADDING,
                None if host is None else (host != PADDING).sum(1))
