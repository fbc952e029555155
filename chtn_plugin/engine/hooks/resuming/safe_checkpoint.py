"""Save checkpoints so that a run can be killed at any moment."""
from __future__ import annotations

import difflib
import os.path as osp
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Optional

import torch
from mmengine.dist import (
    all_reduce,
    barrier,
    get_world_size,
    is_main_process,
)
from mmengine.fileio import register_backend
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel

from ....version import __version__
from ...checkpoints import FORMAT, sweep_parts
from .atomic_backend import AtomicBackend, write_atomically


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook, for runs that are killed at any moment.

    - A file is written beside, then gets its name: whole, or not there.
    - What a new checkpoint replaces is deleted after it is written, the best
      one too, not before.
    - On several ranks the running statistics of the normalisation layers,
      which each rank gathers over its own batches, are averaged before they
      are saved or validated with.
    - What resuming needs beside MMEngine's state is saved too: how many
      draws were served, which iteration was validated last, the gradients
      gathered so far where ``accumulative_counts`` is above 1 (not of a
      sharded model, which starts an incomplete update anew), and of a
      sharded optimizer the loss scale, which FSDP leaves out.

    Args:
        interval: Iterations (epochs if ``by_epoch``) between checkpoints.
        by_epoch: Whether to count in epochs.
        max_keep_ckpts: How many to keep; -1: all.
        save_last: Whether to save at the end of training in any case.
        save_best: Metric by which to keep the best, as
            ``'retrieval/mean_mAP'``; None: do not.
        rule: ``'greater'`` or ``'less'``: what is better.
        out_dir: Folder; None: the work directory.
        save_optimizer: Whether the optimizer's state is saved. Without it
            there is no resuming.
        save_param_scheduler: Whether the schedules' state is saved.
        save_begin: The first iteration or epoch to save.
        published_keys: As in MMEngine.
    """

    def __init__(self,
                 interval: int = -1,
                 by_epoch: bool = True,
                 max_keep_ckpts: int = -1,
                 save_last: bool = True,
                 save_best: str | list[str] | None = None,
                 rule: str | list[str] | None = None,
                 out_dir: Optional[str] = None,
                 save_optimizer: bool = True,
                 save_param_scheduler: bool = True,
                 save_begin: int = 0,
                 published_keys: str | Sequence[str] | None = None) -> None:
        super().__init__(
            interval, by_epoch, save_optimizer, save_param_scheduler,
            out_dir, max_keep_ckpts, save_last, save_best, rule,
            published_keys=published_keys, save_begin=save_begin)
        self.backend_args: Optional[dict[str, Any]]
        self.keep_ckpt_ids: deque[int]
        self._gradients: dict[str, Tensor] = {}
        self._old_best: dict[Optional[str], Optional[str]] = {}
        # A resumed run adds to the draws that its checkpoint counts.
        self.served_before = (0, 0)
        #: Iterations that the epoch had when a resumed run goes on with it.
        self.past_of_epoch = 0
        self._epoch = (0, 0)
        self._training = False

    def before_train(self, runner: Any) -> None:
        """Find the folder, and clear what a crash left behind."""
        if self.backend_args is None and '://' not in str(
                self.out_dir or runner.work_dir):
            self.backend_args = dict(backend='atomic')
            if hasattr(runner, 'strategy'):
                # A FlexibleRunner's strategies pass no backend on.
                register_backend('atomic', AtomicBackend, force=True,
                                 prefixes='')
        self._check_best(runner)
        self._training = True
        super().before_train(runner)
        if is_main_process() and osp.isdir(str(self.out_dir)):
            sweep_parts(str(self.out_dir))
            # Delete what a killed run was about to delete.
            for path in runner.message_hub.runtime_info.get(
                    'outdated_ckpts', []):
                if path == self._here(path):
                    self._remove(path)
        last = runner.message_hub.runtime_info.get('last_ckpt')
        if last is not None and self.file_backend.isfile(self._here(last)):
            # A resumed run may make up for a validation that the killed one
            # owed. A best score found there is then saved at once.
            self.last_ckpt = self._here(last)
        for key, best in self._best_paths():
            if best is not None:
                # Keep the file of another run from which this one resumes.
                here = self._here(best)
                self._set_best(
                    key, here if self.file_backend.isfile(here) else None)

    def before_train_epoch(self, runner: Any) -> None:
        """Note where the epoch begins."""
        self._epoch = runner.epoch, runner.iter - self.past_of_epoch
        self.past_of_epoch = 0

    def before_val_epoch(self, runner: Any) -> None:
        """Give all ranks the same model."""
        average_statistics(runner.model)

    def after_val_epoch(self, runner: Any, metrics: dict) -> None:
        """Save the best, and delete the one before only then.

        ``Runner.val()`` alone, before a training or after it, saves nothing.

        Raises:
            ValueError: ``save_best`` names a figure that there is not.
        """
        if not self._training:
            return
        _require_figures(self._best_keys(), metrics)
        runner.message_hub.update_info('chtn_validated', runner.iter)
        old = dict(self._best_paths())
        for key in old:
            self._set_best(key, None)
        self._old_best = old
        super().after_val_epoch(runner, metrics)
        self._old_best = {}
        for key, path in old.items():
            new = dict(self._best_paths())[key]
            if new is None:
                self._set_best(key, path)
            elif path and path != new:
                self._remove(path)

    def after_train(self, runner: Any) -> None:
        """Finish as MMEngine does; later validations are not training's."""
        super().after_train(runner)
        self._training = False

    def _best_keys(self) -> list[str]:
        return [key for key in self.save_best or () if key != 'auto']

    def _check_best(self, runner: Any) -> None:
        """Refuse, before anything is trained, a figure that none will give."""
        loop = runner.val_loop
        if loop is None or not self._best_keys():
            return
        metrics = loop.evaluator.metrics
        meta = getattr(loop.dataloader.dataset, 'metainfo', {})
        known = {metric.prefix: metric.keys(meta.get('classes') or ())
                 for metric in metrics if hasattr(metric, 'keys')}
        reported = {key for keys in known.values() for key in keys}
        if len(known) == len(metrics):
            _require_figures(self._best_keys(), reported)
        # Of a user's own metric only the prefix of its keys is known.
        _require_figures([key for key in self._best_keys()
                          if key.rpartition('/')[0] in known], reported)

    def _here(self, path: str) -> str:
        return self.file_backend.join_path(self.out_dir, osp.basename(path))

    def _remove(self, path: str) -> None:
        if is_main_process() and self.file_backend.isfile(path):
            self.file_backend.remove(path)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Add the format's version and what resuming needs."""
        checkpoint['meta']['chtn'] = dict(
            format=FORMAT, version=__version__, world_size=get_world_size(),
            served=self.served(runner, checkpoint['meta']['iter']),
            **self._place_in_epoch(runner, checkpoint['meta']))
        # A FlexibleRunner names weights with the model's wrapper, 'module.'.
        checkpoint['state_dict'] = {
            name.removeprefix('module.'): value
            for name, value in checkpoint['state_dict'].items()}
        if 'optimizer' in checkpoint and self._gradients:
            checkpoint['gradients'] = self._gradients
        if checkpoint.get('optimizer'):
            # FSDP keeps of an optimizer what belongs to parameters alone.
            for name, value in beside_optimizer(runner.optim_wrapper).items():
                checkpoint['optimizer'].setdefault(name, value)

    def _place_in_epoch(self, runner: Any, meta: dict) -> dict[str, int]:
        """How far the epoch of an epoch-based loop is, and how long."""
        if hasattr(runner.train_loop, 'dataloader_iterator'):
            return {}
        epoch, start = self._epoch
        return dict(
            epoch_iters=meta['iter'] - start if meta['epoch'] == epoch else 0,
            epoch_length=len(runner.train_dataloader))

    def served(self, runner: Any, iteration: int) -> int:
        """Draws of all ranks up to an iteration."""
        loader = runner.train_dataloader
        size = getattr(loader, 'batch_size', None) or 0
        first, served = self.served_before
        return served + (iteration - first) * size * get_world_size()

    def _best_paths(self) -> list[tuple[Optional[str], Optional[str]]]:
        if hasattr(self, 'best_ckpt_path_dict'):
            return list(self.best_ckpt_path_dict.items())
        return [(None, getattr(self, 'best_ckpt_path', None))]

    def _set_best(self, key: Optional[str], path: Optional[str]) -> None:
        if key is not None:
            self.best_ckpt_path_dict[key] = path
        elif hasattr(self, 'best_ckpt_path'):
            self.best_ckpt_path = path

    def _save_checkpoint_with_step(self, runner: Any, step: int,
                                   meta: dict) -> None:
        """As MMEngine's, but what is outdated goes after the new is there."""
        outdated: Any = None
        if self.max_keep_ckpts > 0 and not (
                self.keep_ckpt_ids and self.keep_ckpt_ids[-1] == step):
            kept = [*self.keep_ckpt_ids, step]
            if len(kept) > self.max_keep_ckpts:
                outdated = kept.pop(0)
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        outdated = [] if outdated is None else [self.file_backend.join_path(
            self.out_dir, self.filename_tmpl.format(outdated))]
        best = dict(self._best_paths())
        runner.message_hub.update_info('outdated_ckpts', outdated + [
            path for key, path in self._old_best.items()
            if path and best[key] not in (None, path)])
        # Wait for all ranks: if one stopped on a NaN loss, none may save.
        barrier()
        average_statistics(runner.model)
        self._gradients = _gathered_gradients(runner)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir, name, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta,
            by_epoch=self.by_epoch, backend_args=self.backend_args)
        self._gradients = {}
        if not is_main_process():
            return
        write_atomically(osp.join(runner.work_dir, 'last_checkpoint'),
                         str(self.last_ckpt).encode())
        for path in outdated:
            self._remove(path)


def beside_optimizer(wrapper: Any) -> dict[str, Any]:
    """Return what MMEngine saves beside an optimizer's own state.

    Args:
        wrapper: The optimizer wrapper.

    Returns:
        ``loss_scaler`` and ``base_param_settings`` (by which schedules of
        several groups go on), where the wrapper has them.
    """
    saved: dict[str, Any] = {}
    if getattr(wrapper, 'loss_scaler', None) is not None:
        saved['loss_scaler'] = wrapper.loss_scaler.state_dict()
    if getattr(wrapper, 'base_param_settings', None) is not None:
        saved['base_param_settings'] = wrapper.base_param_settings
    return saved


def _require_figures(wanted: Iterable[str], figures: Collection[str]) -> None:
    for key in wanted:
        if key not in figures:
            close = difflib.get_close_matches(key, list(figures), 1)
            raise ValueError(
                'save_best must name a figure that validation gives: got '
                f'{key!r}; ' + (
                    f'did you mean {close[0]!r}?' if close else
                    f'there are {", ".join(sorted(figures)[:20])}'))


@torch.no_grad()
def average_statistics(model: nn.Module) -> None:
    """Average the running statistics of all ranks.

    They are linear in what was gathered, so averaging now and then ends as
    averaging once at the end would.

    Args:
        model: The model; the same on all ranks.
    """
    if get_world_size() == 1:
        return
    for buffer in model.buffers():
        if buffer.is_floating_point():
            all_reduce(buffer, op='mean')


def _gathered_gradients(runner: Any) -> dict[str, Tensor]:
    """Gradients of an update that is not complete yet, averaged over ranks.

    That of rank 0 alone would not do: until an update is complete, each rank
    keeps those of its own batches.
    """
    wrapper = runner.optim_wrapper
    counts = getattr(wrapper, '_accumulative_counts', 1)
    model = runner.model
    if counts == 1 or wrapper.should_update() or isinstance(
            model, FullyShardedDataParallel):
        return {}
    model = model.module if is_model_wrapper(model) else model
    gradients = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            gradient = parameter.grad.detach().clone()
            if get_world_size() > 1:
                all_reduce(gradient, op='mean')
            gradients[name] = gradient.cpu()
    return gradients
