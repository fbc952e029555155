"""Old import path of ``chtn_plugin.engine.hooks``."""
import warnings

from .engine.hooks import *  # noqa: F401, F403

warnings.warn('chtn_plugin.hooks has moved: import from '
              'chtn_plugin.engine.hooks', DeprecationWarning, stacklevel=2)

__path__: list[str] = []  # its modules have moved, too: see _old_modules
