"""Compute which images and texts belong together, for pair protocols."""
from __future__ import annotations

from typing import Optional

import numpy as np


def partner_keys(image_idx: np.ndarray, text_idx: np.ndarray,
                 same_text_idx: Optional[np.ndarray] = None,
                 same_image_idx: Optional[np.ndarray] = None
                 ) -> tuple[np.ndarray, np.ndarray]:
    """Compute the partner key of each image and text of a data set.

    An image and a text are partners if an item of the data set holds both,
    or if others lead from one to the other: the texts of one image are
    partners of it all, and so are the images of equal texts, since nothing
    in a text could tell them apart.

    >>> partner_keys(np.array([0, 0, 1, 2]), np.array([0, 1, 2, -1]))
    (array([ 0,  0,  2, -1]), array([ 0,  0,  2, -1]))

    Args:
        image_idx: Image of each of N items, (N,); -1 where it has none.
        text_idx: Text of each item, (N,); -1 where it has none.
        same_text_idx: The same number for items whose texts are equal, (N,);
            -1 where that is not known. None: nowhere known.
        same_image_idx: Likewise for equal images.

    Returns:
        Key of each item's image and of its text, (N,) each: partners share
        it, and what has no partner has -1.
    """
    # Imported here: scoring a file needs none of the data sets' imports.
    from chtn_plugin.datasets.grouping import groups_sharing
    columns = [[None if i < 0 else i for i in column.tolist()]
               for column in (image_idx, text_idx, same_text_idx,
                              same_image_idx) if column is not None]
    groups = np.array(groups_sharing(*columns), dtype=np.int64)
    has_image, has_text = image_idx >= 0, text_idx >= 0
    whole = np.isin(groups, groups[has_image]) & np.isin(groups,
                                                         groups[has_text])
    keys = np.where(whole, groups, -1)
    return (np.where(has_image, keys, -1), np.where(has_text, keys, -1))
