"""Word vectors of a network: from a file, or to be learned."""
from __future__ import annotations

from typing import Any, Optional

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from ...text.word_indices import NUM_SPECIAL, PADDING
from ...text.word_vectors import read_word_vectors
from ..text_inputs import check_text


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

    def forward(self, numbers: Any) -> tuple[Tensor, Tensor]:
        """Vectors (B, L, E) of numbers (B, L), and where words are, (B, L).

        Columns in which the whole batch has padding are left out, save in
        an export, whose size must not depend on the example.

        Raises:
            ValueError: These are no word numbers, or one is not below W.
        """
        check_text(numbers, 'word numbers')
        present = numbers != PADDING
        if numbers.device.type == 'cpu' and not torch.jit.is_tracing():
            if numbers.numel() and int(numbers.max()) >= len(self.weight):
                raise ValueError(
                    f'a word number must be below {len(self.weight)}, the '
                    f'num_words of the model: got {int(numbers.max())}')
            length = max(1, int(present.any(0).sum()))
            numbers, present = numbers[:, :length], present[:, :length]
        # padding_idx keeps the gradient of the padding at zero.
        vectors = nn.functional.embedding(numbers, self.weight,
                                          padding_idx=PADDING)
        return vectors, present
