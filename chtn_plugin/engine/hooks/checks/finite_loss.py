"""Stop a run whose loss is NaN or infinite."""
from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from itertools import chain
from typing import Any, Optional

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stops the run in the iteration whose loss is NaN or infinite.

    Nothing is saved after it, so the newest checkpoint is a good one.

    Under fp16 a large value may overflow now and then. Loss scaling then
    skips the update, and the run goes on, with a warning, as long as the
    weights and the running statistics stayed finite and the next losses are
    finite again.

    It reads the total loss once an iteration, after all work of the iteration
    was handed to the device.

    Args:
        max_ids: How many ids of the batch the message names.
        max_skipped: How many iterations in a row loss scaling may skip.

    Raises:
        FloatingPointError: The loss is not finite. The message names the
            term, its tap, the batch, and inputs that were not finite before.
    """
    # Runs before hooks that use the loss, and before CheckpointHook.
    priority = 'VERY_HIGH'

    def __init__(self, max_ids: int = 64, max_skipped: int = 8) -> None:
        self.max_ids = max_ids
        self.max_skipped = max_skipped
        self._skipped = 0

    def after_train_iter(self, runner: Any, batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Check the total, and only then look for the reason."""
        if not outputs or math.isfinite(_number(outputs.get('loss', 0.0))):
            self._skipped = 0
            return
        guilty = [_named(name, _number(value))
                  for name, value in outputs.items()
                  if name.startswith('loss_')
                  and not math.isfinite(_number(value))]
        samples = (data_batch or {}).get('data_samples', {})
        ids = samples.get('sample_idx', ())
        ids = [int(value) for value in ids]
        more = f' and {len(ids) - self.max_ids} more' * (
            len(ids) > self.max_ids)
        bad = list(_not_finite((data_batch or {}).get('inputs', {}), 'inputs',
                               ids))
        inputs = (f'not finite in the batch already: {"; ".join(bad)}'
                  if bad else 'the inputs of the batch are finite, so the '
                  'weights or the learning rate are to blame')
        last = runner.message_hub.runtime_info.get('last_ckpt')
        message = (
            f'the loss must be finite: iteration {runner.iter + 1}, rank '
            f'{get_rank()}: {", ".join(guilty) or "only the total"}; '
            f'sample_idx {ids[:self.max_ids]}{more}; {inputs}; last '
            f'checkpoint before it: {last}')
        if bad or not self._may_skip(runner):
            raise FloatingPointError(message)
        print_log(f'{message}. Loss scaling skips this update '
                  f'({self._skipped} in a row, of at most '
                  f'{self.max_skipped})', logger='current',
                  level=logging.WARNING)

    def _may_skip(self, runner: Any) -> bool:
        """Whether loss scaling kept the iteration from doing harm."""
        wrapper = getattr(runner, 'optim_wrapper', None)
        scaler = getattr(wrapper, 'loss_scaler', None)
        if scaler is None or not scaler.is_enabled():
            return False
        self._skipped += 1
        # An overflow may already stand in the running statistics.
        return self._skipped <= self.max_skipped and all(
            bool(torch.isfinite(value).all()) for value in chain(
                runner.model.parameters(), runner.model.buffers())
            if value.is_floating_point())


def _number(value: float | torch.Tensor) -> float:
    return float(value.detach() if isinstance(value, torch.Tensor) else value)


def _named(name: str, value: float) -> str:
    parts = name.split('_')[1:]
    tap = f', tap {parts[-1]}' if parts[-1].startswith('fc') else ''
    return f'{name} is {value} (term {parts[0]}{tap})'


def _not_finite(value: Any, where: str, ids: list[int]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _not_finite(item, f'{where}.{key}', ids)
    elif isinstance(value, torch.Tensor) and value.is_floating_point():
        rows = (~torch.isfinite(value)).flatten(1).any(1).nonzero()[:, 0]
        if len(rows):
            # Source images stand beside the pairs, and have rows of their own.
            own = 'source' in where or len(ids) != len(value)
            names = rows.tolist() if own else [ids[row] for row in rows]
            yield (f'{where} of {"row" if own else "sample_idx"} '
                   f'{names[:8]}')
