"""Test with each picture and its mirror image."""
from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS


@HOOKS.register_module()
class MirroredTestHook(Hook):
    """Lets a test encode each picture twice, once mirrored, and average.

    ``tools/test.py --tta`` adds it; see ``mirrored`` of
    :class:`~chtn_plugin.models.CrossModalModel`.
    """

    def before_test_epoch(self, runner: Any) -> None:
        """Tell the model."""
        _unwrapped(runner).mirrored = True

    def after_test_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Leave the model as it was."""
        _unwrapped(runner).mirrored = False


def _unwrapped(runner: Any) -> Any:
    model = runner.model
    return model.module if is_model_wrapper(model) else model
