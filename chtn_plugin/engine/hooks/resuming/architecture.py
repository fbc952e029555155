"""Store model architectures in the configuration that checkpoints carry."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

# Where a configuration describes each tower.
_KEYS = {'image': 'backbone', 'text': 'text_encoder'}


@HOOKS.register_module()
class ArchitectureHook(Hook):
    """Writes into the configuration what its models read from folders.

    A transformers model is named by its folder or its name on the hub, which
    whoever gets the checkpoint may not have. This hook sets its
    ``architecture`` in the configuration that every checkpoint carries, so
    that the checkpoint alone rebuilds it.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Complete the configuration of image and text tower."""
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        for name, module in model.towers().items():
            architecture = getattr(module, 'architecture', None)
            if architecture is not None:
                for config in _named(runner.cfg.get('model', {}), _KEYS[name]):
                    config['architecture'] = architecture


def _named(config: Any, key: str) -> Iterator[Any]:
    """Configurations that stand under a key, however deep."""
    if isinstance(config, Mapping):
        for name, value in config.items():
            if name == key and isinstance(value, Mapping):
                yield value
            else:
                yield from _named(value, key)
