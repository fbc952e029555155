"""Read losses from the device only when they are logged."""
from __future__ import annotations

from typing import Any, Optional

import torch
from mmengine.hooks import CheckpointHook, LoggerHook, RuntimeInfoHook
from mmengine.registry import HOOKS
from torch import Tensor


@HOOKS.register_module()
class BatchedLossesHook(RuntimeInfoHook):
    """MMEngine's RuntimeInfoHook, which does not wait for a GPU.

    MMEngine reads each of a dozen losses and accuracies in each iteration,
    and each reading waits for the GPU. This keeps them there until they are
    needed (when the loss is logged, before a checkpoint or a validation, at
    the end), and reads all of them at once. The histories are the same, value
    by value. In between they end where the values were last read.

    Args:
        max_pending: Values to keep at most.
    """

    def __init__(self, max_pending: int = 10_000) -> None:
        self.max_pending = max_pending
        self._pending: list[tuple[str, Tensor]] = []

    def after_train_iter(self, runner: Any, batch_idx: int,
                         data_batch: Any = None,
                         outputs: Optional[dict] = None) -> None:
        """Keep what the iteration returned; read all if that is due."""
        for name, value in (outputs or {}).items():
            if isinstance(value, Tensor):
                self._pending.append((f'train/{name}', value.detach()))
            else:
                runner.message_hub.update_scalar(f'train/{name}', value)
        if len(self._pending) >= self.max_pending or self._is_due(
                runner, batch_idx):
            self.read(runner)

    def after_train_epoch(self, runner: Any) -> None:
        """Read what is left of the epoch."""
        self.read(runner)

    def before_val(self, runner: Any) -> None:
        """Read all: the validation may save a best checkpoint."""
        self.read(runner)
        super().before_val(runner)

    def after_train(self, runner: Any) -> None:
        """Read what is left."""
        self.read(runner)
        super().after_train(runner)

    def read(self, runner: Any) -> None:
        """Put all values kept so far into the message hub."""
        if not self._pending:
            return
        names, values = zip(*self._pending, strict=True)
        self._pending = []
        numbers = torch.stack([value.reshape(()) for value in values])
        for name, number in zip(names, numbers.tolist(), strict=True):
            runner.message_hub.update_scalar(name, number)

    def _is_due(self, runner: Any, batch_idx: int) -> bool:
        """Whether a hook behind this one reads the message hub."""
        if self.is_last_train_iter(runner):
            return True
        for hook in runner.hooks:
            if isinstance(hook, LoggerHook) and self.every_n_inner_iters(
                    batch_idx, hook.interval):
                return True
            if (isinstance(hook, CheckpointHook) and not hook.by_epoch
                    and self.every_n_train_iters(runner, hook.interval,
                                                 hook.save_begin)):
                return True
        return self.end_of_epoch(runner.train_dataloader, batch_idx)
