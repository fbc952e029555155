"""Resume a run at the very sample at which it was interrupted."""
from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch.distributed.fsdp import FullyShardedDataParallel

from ....datasets.draws import PassSampler


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
    # Runs after CheckpointHook, whose folder the validation needs.
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
        saved = kept['saved']
        self._count_on(runner, saved.get('served'))
        _put_back(runner.model, kept['gradients'])
        if isinstance(runner.model, FullyShardedDataParallel):
            _put_beside(runner.optim_wrapper, kept['beside'])
        if hasattr(loop, 'dataloader_iterator'):
            between_epochs = True
            self._skip_served(runner, saved.get('served'))
        else:
            between_epochs = self._go_on_in_epoch(runner, saved)
        if saved and between_epochs and _owes_validation(runner):
            print_log('The validation of iteration '
                      f'{loop.iter} was not complete: it comes first.',
                      logger='current')
            runner.val_loop.run()

    def _count_on(self, runner: Any, served: Optional[int]) -> None:
        """Tell the hook that saves how many draws came before."""
        if served is None:
            served = runner.iter * _step(runner)
        for hook in runner.hooks:
            if hasattr(hook, 'served_before'):
                hook.served_before = (runner.iter, served)

    def _skip_served(self, runner: Any, served: Optional[int]) -> None:
        """Have an iteration-based loop begin behind what was served."""
        loop, loader = runner.train_loop, runner.train_dataloader
        sampler = loader.sampler
        if not isinstance(sampler, PassSampler) or (
                not sampler.infinite or not loader.batch_size):
            return
        if served is None:
            served = loop.iter * _step(runner)
        sampler.start_after(served)
        make = type(loop.dataloader_iterator)
        loop.dataloader_iterator = _AfterCalls(make(loader), loop.iter)
        _say_draw(served)

    def _go_on_in_epoch(self, runner: Any, saved: Mapping) -> bool:
        """Have an epoch-based loop go on where its epoch was left.

        A checkpoint that was saved by iteration, at an epoch's last, is of
        an epoch whose end (schedules, the hooks of its end) is still to come.

        Returns:
            Whether the run stands between two epochs.
        """
        loop, loader = runner.train_loop, runner.train_dataloader
        length = saved.get('epoch_length', len(loader))
        past = saved.get('epoch_iters', loop.iter - loop.epoch * length)
        if past >= length:
            runner.call_hook('after_train_epoch')
            loop._epoch += 1
            return True
        if past <= 0:
            return True
        if length != len(loader):
            raise ValueError(
                'within an epoch a run goes on with the batch size and the '
                f'ranks that it had: the checkpoint stands {past} iterations '
                f'into an epoch of {length}, which now has {len(loader)}. '
                'One at the end of an epoch may go on with others')
        if isinstance(loader.sampler, PassSampler) and loader.batch_size:
            loader.sampler.start_after(past * _step(runner))
            for hook in runner.hooks:
                if hasattr(hook, 'past_of_epoch'):
                    hook.past_of_epoch = past
            _say_draw(past * _step(runner))
            return False
        print_log(
            f'{type(loader.sampler).__name__} can not be set forward: epoch '
            f'{loop.epoch + 1} starts anew, its first {past} iterations are '
            'trained twice; a PassSampler goes on at the very sample',
            logger='current', level=logging.WARNING)
        return False


def _step(runner: Any) -> int:
    """Draws of an iteration, of all ranks together."""
    return (runner.train_dataloader.batch_size or 0) * get_world_size()


def _say_draw(served: int) -> None:
    print_log(f'The data go on after draw {served}, without loading '
              'those before it again.', logger='current')


class _AfterCalls:
    """An iterator whose first calls do nothing.

    MMEngine's loop calls once for each past iteration, to skip its batch;
    that of onedl-mmengine skips them all by ``skip_iter``.
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

    def skip_iter(self, num_iters: int) -> None:
        """Skip that many calls, of the first ones before any batch."""
        for _ in range(num_iters):
            next(self)


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
    return now >= loop.val_begin and (
        now % loop.val_interval == 0 or now == last)
