"""Check the class labels of a batch, and compute classification losses."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from .cross_modal_model import Encoded, present_items

_UNLABELLED = (
    ". A pair without a class stands among those with one: only='labelled' in "
    'the training data set leaves such out, HybridTransferDataset serves them '
    'beside the others (unlabelled=...)')


def check_label(label: Tensor, num_classes: int, name: str = 'label'
                ) -> Tensor:
    """Check labels against the model, and share several of one item.

    Args:
        label: Class numbers (B,), or multi-hot (B, C).
        num_classes: Number C of classes.
        name: What to call them in a message.

    Returns:
        (B,) as it came, or (B, C) scaled to rows that sum to 1.

    Raises:
        ValueError: A class number is out of range, or C differs.
    """
    if label.dim() == 1:
        # On a GPU the check would wait for it; there the loss asserts.
        if label.device.type == 'cpu' and len(label) and not (
                0 <= int(label.min()) <= int(label.max()) < num_classes):
            raise ValueError(
                f'{name} must be below {num_classes}, the classes of '
                f'the model: got {int(label.max())} (least '
                f'{int(label.min())})' + (_UNLABELLED if label.min() == -1
                                          else ''))
        return label
    if label.shape[1] != num_classes:
        raise ValueError(f'{name} must have {num_classes} columns, one a '
                         f'class of the model: got {label.shape[1]}')
    if label.device.type == 'cpu' and label.isnan().any():
        raise ValueError(f'{name} must be 0 or 1, got NaN' + _UNLABELLED)
    return label / label.sum(1, keepdim=True)


def class_shares(label: Optional[Tensor], size: int,
                 num_classes: int) -> np.ndarray:
    """Return the share of each class in each row, (N, C) float64.

    Args:
        label: Class of each row, (N,), -1 where it is unknown; or multi-hot
            (N, C), all 0 or NaN where it is. None: of no row.
        size: Number N of rows.
        num_classes: Number C of classes.

    Returns:
        Rows that sum to 1; 0 throughout where the class is unknown.

    Raises:
        ValueError: A class number is out of range, or C differs.
    """
    shares = np.zeros((size, num_classes))
    if label is not None and num_classes:
        label = label.cpu()
        known = label >= 0 if label.dim() == 1 else label.sum(1) > 0
        checked = check_label(label[known], num_classes).numpy()
        where = np.flatnonzero(known.numpy())
        if checked.ndim == 1:
            shares[where, checked] = 1
        else:
            shares[where] = checked
    return shares


def check_whole_pairs(data_samples: Mapping[str, Tensor]) -> None:
    """Refuse a training batch in which an item lacks image or text.

    Raises:
        ValueError: It has such items; the message counts them.
    """
    missing = {name: _count_missing(present_items(data_samples,
                                                  f'{name}_idx'))
               for name in ('image', 'text')}
    if any(missing.values()):
        raise ValueError(
            'training needs whole pairs: this batch has '
            f'{missing["image"]} without image and '
            f"{missing['text']} without text; unpaired='drop' "
            'in the training data set leaves them out')


def supervise(terms: dict[str, Tensor], name: str, logits: Tensor,
              label: Tensor, weight: float = 1.0) -> None:
    """Add a cross entropy, and the accuracy to be logged.

    Args:
        terms: Gets ``loss_cls_<name>`` and ``accuracy_<name>``.
        name: Of the modality or domain.
        logits: (B, C).
        label: As :func:`check_label` returns it.
        weight: Factor on the cross entropy.
    """
    terms[f'loss_cls_{name}'] = weight * F.cross_entropy(logits.float(),
                                                         label)
    top = logits.detach().argmax(1)
    hit = top == label if label.dim() == 1 else label.gather(
        1, top[:, None]) > 0
    terms[f'accuracy_{name}'] = hit.float().mean()


def supervise_pair(terms: dict[str, Tensor], pair: Mapping[str, Encoded],
                   label: Optional[Tensor]) -> None:
    """Add the cross entropies of both sides, where a classifier is.

    Args:
        terms: As of :func:`supervise`.
        pair: The encoded sides, by modality.
        label: As :func:`check_label` returns it; None: there is no
            classifier.
    """
    for name, encoded in pair.items():
        if encoded.logits is not None:
            assert label is not None
            supervise(terms, name, encoded.logits, label)


def _count_missing(present: Optional[Tensor]) -> int:
    return 0 if present is None else int((~present).sum())
