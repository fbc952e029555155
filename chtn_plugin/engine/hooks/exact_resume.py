"""A resumed run goes on as if it had not been interrupted."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch.distributed.fsdp import FullyShardedDataParallel

from ...datasets.draws import PassSampler


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Goes on at the very sample, without loading the ones before it again.

    MMEngine's iteration-based loop draws every past batch once more, which
    takes as long as loading them did; its epoch-based loop starts the epoch
    anew. With a ``PassSampler`` this starts at the right draw at once, also
    where the number of ranks or the batch size has changed.

    It also makes up for a validation that a run was killed in, and puts back
    gradients of an update that was not complete, and the loss scale of a
    sharded optimizer. All need checkpoints of ``SafeCheckpointHook``; with
    others it does what it can.
    """
    # After CheckpointHook, whose folder the validation needs.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self._checkpoint: dict[str, Any] = {}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Keep what MMEngine does not ask for."""
        self._checkpoint = dict(
            saved=checkpoint.get('meta', {}).get('chtn', {}),
            gradients=checkpoint.get('gradients', {}),
            beside={name: value for name, value in
                    checkpoint.get('optimizer', {}).items()
                    if name not in ('state', 'param_groups')})

    def before_train(self, runner: Any) -> None:
        """Bring everything to where the checkpoint was saved."""
        loop = runner.train_loop
        kept, self._checkpoint = self._checkpoint, {}
        if loop.iter == 0 or not kept:
            return
        self._start_after(runner, kept['saved'].get('served'))
        _put_back(runner.model, kept['gradients'])
        if isinstance(runner.model, FullyShardedDataParallel):
            _put_beside(runner.optim_wrapper, kept['beside'])
        if kept['saved'] and _owes_validation(runner):
            print_log('The validation of iteration '
                      f'{loop.iter} was not complete: it comes first.',
                      logger='current')
            runner.val_loop.run()

    def _start_after(self, runner: Any, served: Optional[int]) -> None:
        loop, loader = runner.train_loop, runner.train_dataloader
        sampler = loader.sampler
        if not isinstance(sampler, PassSampler) or not loader.batch_size:
            return
        step = loader.batch_size * get_world_size()
        if served is None:
            served = loop.iter * step
        for hook in runner.hooks:
            if hasattr(hook, 'served_before'):
                hook.served_before = (loop.iter, served)
        if hasattr(loop, 'dataloader_iterator'):
            if not sampler.infinite:
                return
            sampler.start_after(served)
            make = type(loop.dataloader_iterator)
            loop.dataloader_iterator = _AfterCalls(make(loader), loop.iter)
        else:
            past = loop.iter - loop.epoch * len(loader)
            if not 0 < past < len(loader):
                return
            served = past * step
            sampler.start_after(served)
        print_log(f'The data go on after draw {served}, without loading '
                  'those before it again.', logger='current')


class _AfterCalls:
    """An iterator whose first calls do nothing.

    The loop calls once for each past iteration, to skip its batch.
    """

    def __init__(self, iterator: Iterator, calls: int) -> None:
        self._iterator = iterator
        self._calls = calls

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        if self._calls:
            self._calls -= 1
            return None
        return next(self._iterator)


def _put_back(model: Any, gradients: dict) -> None:
    model = model.module if is_model_wrapper(model) else model
    parameters = dict(model.named_parameters())
    for name, gradient in gradients.items():
        parameter = parameters[name]
        parameter.grad = gradient.to(parameter.device, copy=True)


def _put_beside(wrapper: Any, beside: dict) -> None:
    """Give a sharded optimizer what FSDP did not load."""
    scaler = getattr(wrapper, 'loss_scaler', None)
    # A run in bf16 saves an empty state, and has nothing to scale.
    if beside.get('loss_scaler') and scaler is not None:
        scaler.load_state_dict(beside['loss_scaler'])
    if 'base_param_settings' in beside:
        wrapper.base_param_settings = beside['base_param_settings']


def _owes_validation(runner: Any) -> bool:
    """Whether the loop would have validated before its next iteration."""
    loop = runner.train_loop
    if runner.val_loop is None or runner.message_hub.runtime_info.get(
            'chtn_validated') == loop.iter:
        return False
    loop._decide_current_val_interval()
    by_iter = hasattr(loop, 'dataloader_iterator')
    now, last = ((loop.iter, loop.max_iters) if by_iter else
                 (loop.epoch, loop.max_epochs))
    if not by_iter and loop.iter != loop.epoch * len(loop.dataloader):
        return False
    return now >= loop.val_begin and (
        now % loop.val_interval == 0 or now == last)
