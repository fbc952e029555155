"""CHTN as an MMEngine plugin; importing it makes every part known by name.

Import it before torchvision, transformers or mmpretrain: on a machine
without a GPU it makes their import possible (see ``_torchvision``). The
import itself takes milliseconds: a part is loaded when it is asked for, in
MMEngine's registries (see ``_parts``) as in the packages here (``_lazy``).
"""
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._adafactor import BUILDER, postponed_adafactor
from ._lazy import lazy_names
from ._old_modules import find_old_modules
from ._on_import import around_import
from .version import __version__

if TYPE_CHECKING:
    from . import (
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

__getattr__, __dir__, __all__ = lazy_names(__name__, dict.fromkeys(
    ('apis', 'datasets', 'engine', 'evaluation', 'losses', 'methods',
     'models', 'reporting', 'text'), ()))
__all__.append('__version__')


@contextmanager
def _declared_operators():
    from ._torchvision import declare_missing_operators
    declare_missing_operators()
    yield


@contextmanager
def _filled_registries():
    from ._parts import fill_registries
    yield
    fill_registries(sys.modules['mmengine.registry.root'])


@contextmanager
def _known_configs():
    from ._config_names import find_shipped_configs
    yield
    find_shipped_configs(sys.modules['mmengine.config.config'])


find_old_modules()
around_import('torchvision', _declared_operators)
around_import(BUILDER, postponed_adafactor)
if not around_import('mmengine.registry.root', _filled_registries):
    with _filled_registries():
        pass
if not around_import('mmengine.config.config', _known_configs):
    with _known_configs():
        pass
# Of mmcv-lite; nothing here needs that operator.
warnings.filterwarnings(
    'ignore', 'Fail to import ``MultiScaleDeformableAttention``')
