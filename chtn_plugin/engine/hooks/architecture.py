"""The configuration in a checkpoint, complete without other files."""
from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner


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
        for key, module in (
            ('backbone', getattr(getattr(model, 'trunk', None), 'backbone',
                                 None)),
            ('text_encoder', getattr(model, 'text_encoder', None))):
            architecture = getattr(module, 'architecture', None)
            config = runner.cfg.get('model', {}).get(key)
            if architecture is not None and config is not None:
                config['architecture'] = architecture
