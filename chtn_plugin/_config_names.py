"""Let MMEngine find the configurations of this package by name.

``Config.fromfile('chtn_plugin::chtn_demo.py')`` and ``_base_ =
['chtn_plugin::_base_/default_runtime.py']`` work once this package is
imported, as ``'mmpretrain::…'`` does in ``_base_``. MMEngine knows its own
packages only (a table in its source), finds no file that stands outside a
folder there, and would give every part a scope: here all parts are in the
root registries.
"""
from __future__ import annotations

from typing import Any, Optional

from .engine.shipped_configs import PREFIX, config_path


def find_shipped_configs(module: Any) -> None:
    """Teach MMEngine's ``Config`` the names ``chtn_plugin::NAME``.

    Args:
        module: The module ``mmengine.config.config``.
    """
    config = module.Config
    read, locate = config.fromfile, config._get_cfg_path

    def fromfile(filename: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(filename, str) and filename.startswith(PREFIX):
            filename = config_path(filename)
        return read(filename, *args, **kwargs)

    def _get_cfg_path(cfg_path: str, filename: str
                      ) -> tuple[str, Optional[str]]:
        if cfg_path.startswith(PREFIX):
            return config_path(cfg_path), None
        return locate(cfg_path, filename)
    fromfile.__doc__ = read.__doc__
    config.fromfile = staticmethod(fromfile)
    config._get_cfg_path = staticmethod(_get_cfg_path)
