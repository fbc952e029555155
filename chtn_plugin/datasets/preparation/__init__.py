"""Preparation of public data sets, one module each."""
from .base import Preparation, prepare
from .wiki import WIKI

#: Every data set that ``tools/prepare_dataset.py`` knows, by name.
PREPARATIONS: dict[str, Preparation] = {
    preparation.name: preparation for preparation in (WIKI, )
}

__all__ = ['PREPARATIONS', 'Preparation', 'prepare']
