"""CHTN as an MMEngine plugin; importing it registers every component.

Import it before torchvision, transformers or mmpretrain: on a machine
without a GPU it makes their import possible (see ``_torchvision``).
"""
import warnings

from ._torchvision import declare_missing_operators

declare_missing_operators()
# Of mmcv-lite; nothing here needs that operator.
warnings.filterwarnings(
    'ignore', 'Fail to import ``MultiScaleDeformableAttention``')

from . import (  # noqa: E402
    apis,
    datasets,
    engine,
    evaluation,
    losses,
    methods,
    models,
    reporting,
    text,
)
from .version import __version__  # noqa: E402

__all__ = ['__version__', 'apis', 'datasets', 'engine', 'evaluation',
           'losses', 'methods', 'models', 'reporting', 'text']
