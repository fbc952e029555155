"""The Wikipedia data set, read in its original layout."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from mmengine.registry import DATASETS

from ..text.text_transform import TextTransform
from .cross_modal import CrossModalDataset
from .manifest import PairRecord
from .wikipedia_files import CLASSES, read_wikipedia


@DATASETS.register_module()
class WikipediaDataset(CrossModalDataset):
    """Wikipedia's pairs (Rasiwasia et al., ACM MM 2010), or a set like it.

    Args:
        text: The text transform.
        pipeline: Image transforms; they end in one image size.
        data_root: Folder in the original archive's layout: the two lists,
            ``images/<class>/<id>.jpg``, ``texts/<id>.xml``.
        split: ``'train'``, ``'val'`` (cut from the training list) or
            ``'test'`` (all 693).
        val_fraction: Share of the training list that becomes ``'val'``.
        val_seed: Which share that is.
        fraction: Share of the remaining training pairs that is used.
        fraction_seed: Which share that is.
        classes: Class names in label order.
        lazy_init: Whether to read nothing until first use.
        fold: ``(k, K)`` of cross-validation, see the base class.

    Raises:
        FileNotFoundError: Something is missing; the message says what, where
            it was looked for and how to get it.
    """

    def __init__(self,
                 text: dict | TextTransform,
                 pipeline: Sequence,
                 data_root: str = 'data/wikipedia',
                 split: str = 'train',
                 val_fraction: float = 0.1,
                 val_seed: int = 0,
                 fraction: float = 1.0,
                 fraction_seed: int = 0,
                 classes: Optional[Sequence[str]] = CLASSES,
                 lazy_init: bool = False,
                 fold: Optional[Sequence[int]] = None) -> None:
        self.val_fraction = val_fraction
        self.val_seed = val_seed
        super().__init__(
            '', text, pipeline, data_root, split, fraction=fraction,
            fraction_seed=fraction_seed, classes=classes,
            lazy_init=lazy_init, val_seed=val_seed, fold=fold)

    def read_records(self) -> list[PairRecord]:
        """Read the pairs of the original lists."""
        return read_wikipedia(self.data_root, self.val_fraction,
                              self.val_seed)
