"""Prepare public data sets, one module for each."""
from .base import Preparation, prepare
from .features import FEATURES, XMEDIA
from .imagenet import IMAGENET, TINY_IMAGENET
from .nuswide import NUSWIDE
from .openmoji import OPENMOJI
from .pairs import PAIRS
from .pascal import PASCAL
from .wiki import WIKI

#: Every data set that ``tools/prepare_dataset.py`` knows, by name.
PREPARATIONS: dict[str, Preparation] = {
    preparation.name: preparation
    for preparation in (WIKI, PASCAL, NUSWIDE, XMEDIA, IMAGENET,
                        TINY_IMAGENET, FEATURES, PAIRS, OPENMOJI)
}

__all__ = ['PREPARATIONS', 'Preparation', 'prepare']
