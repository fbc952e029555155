"""InfoNCE: a contrastive loss that picks each item's partner in a batch."""
from __future__ import annotations

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from .gathering import gather_rows
from .pair_rows import check_pairs, unit_pairs


def info_nce(image: Tensor, text: Tensor, scale: Tensor | float,
             same: Optional[Tensor] = None) -> Tensor:
    r"""Average the cross entropy of finding the partner, in both directions.

    Radford et al. 2021 (https://arxiv.org/abs/2103.00020), figure 3; van den
    Oord et al. 2018 (https://arxiv.org/abs/1807.03748), equation 4:

    .. math::
        -\frac{1}{2B} \sum_b \Big[ \log \frac{e^{s \cos(u_b, v_b)}}
        {\sum_{c} e^{s \cos(u_b, v_c)}} + \log \frac{e^{s \cos(u_b, v_b)}}
        {\sum_{c} e^{s \cos(u_c, v_b)}} \Big]

    On several ranks the negatives are those of all ranks, and the value is
    that of one process on the whole batch.

    Args:
        image: Image vectors, (B, D); their length does not count.
        text: Vectors of their partners, (B, D).
        scale: Inverse temperature s.
        same: Whole numbers, (B,) or (B, K); rows that share one in any
            column are the same thing, and no negatives of each other; -1 is
            shared with none. None: all rows differ.

    Returns:
        Scalar, at least 0; ln B where all cosines are equal.

    Raises:
        ValueError: The shapes differ.
    """
    check_pairs(image, text)
    with torch.autocast(image.device.type, enabled=False):
        image, text = unit_pairs(image, text)
        logits = scale * image @ text.T
        if same is not None:
            # As float64, because the gathering takes floating-point rows.
            keys, = gather_rows(same.to(image.device, torch.float64
                                        ).view(len(same), -1))
            twins = ((keys[:, None] == keys) & (keys >= 0)).any(2)
            twins.fill_diagonal_(False)
            logits = logits.masked_fill(twins, float('-inf'))
        place = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, place)
                + F.cross_entropy(logits.T, place)) / 2
