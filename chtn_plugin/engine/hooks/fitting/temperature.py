"""Find on held-out rows how far a pair teacher may trust either modality."""
from __future__ import annotations

from typing import Any, Optional

import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch import Tensor

from ....losses.pair_teacher import likeliest_temperature
from .fit import training_rows


@HOOKS.register_module()
class TeacherTemperatureHook(Hook):
    """Sets the temperatures of a model's pair teacher on validation rows.

    Where the warm-up of a :class:`~chtn_plugin.losses.PairTeacherLoss` with
    ``temper_every`` ends, and every so many iterations from then on, the
    network scores the validation pairs without its dropout, and each modality
    gets the temperature that makes their classes likeliest. Rows that trained
    the network cannot tell it: of them it is always sure.

    The temperatures are state of the loss. Every rank has those of rank 0.
    Without such a teacher, or validation pairs with a class, all stays as it
    is.

    Args:
        fewest: Validation pairs with a class, below which nothing is fitted.
        batch_size: Pairs a pass through the towers.

    Raises:
        ValueError: An option is less than 1.
    """
    # Runs after FeatureCacheHook, whose features it reads.
    priority = 'LOW'

    def __init__(self, fewest: int = 30, batch_size: int = 256) -> None:
        for name, value in (('fewest', fewest), ('batch_size', batch_size)):
            if value < 1:
                raise ValueError(f'{name} must be at least 1, got {value}')
        self.fewest = fewest
        self.batch_size = batch_size

    def before_train_iter(self, runner: Any, batch_idx: int,
                          data_batch: Any = None) -> None:
        """Fit, where the teacher begins and every so often after."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        teacher: Any = getattr(model, 'pair_teacher', None)
        every = getattr(teacher, 'temper_every', 0)
        if not every:
            return
        past = runner.iter - teacher.warm_up
        if past < 0 or past % every:
            return
        rows = self._held_out(runner, model)
        if rows is None:
            return
        image, text, label = rows
        scores = model.teacher_scores(image, text)
        found = torch.tensor([likeliest_temperature(part.cpu(), label)
                              for part in scores]).to(teacher.temperatures)
        broadcast(found)
        teacher.temperatures.copy_(found)
        print_log('temperatures of the pair teacher, on '
                  f'{len(label)} validation pairs: pictures '
                  f'{found[0]:.1f}, texts {found[1]:.1f}', logger='current')

    def _held_out(self, runner: Any, model: Any
                  ) -> Optional[tuple[Tensor, Tensor, Tensor]]:
        """Vectors and classes of the validation pairs that have a class."""
        loop = runner.val_loop
        dataset = getattr(getattr(loop, 'dataloader', None), 'dataset', None)
        if dataset is None:
            return None
        image, text, label = training_rows(model, dataset, self.batch_size)
        if label.dim() != 1:
            return None
        known = label >= 0
        if int(known.sum()) < self.fewest:
            return None
        device = next(model.parameters()).device
        return (image[known].to(device), text[known].to(device), label[known])
