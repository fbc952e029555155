"""Seed each iteration, so that a resumed run draws the same numbers."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Makes what an iteration draws depend on (seed, rank, iteration) alone.

    Dropout and the sampled MMD draw from torch's global state, which no
    checkpoint holds. Seeding it before every iteration costs some tens of
    microseconds, and a run killed at any point resumes to the same numbers
    as one that was not.
    """
    priority = 'VERY_HIGH'

    def before_train_iter(self, runner: Any, batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Seed torch (CPU and GPU)."""
        entropy = (runner.seed or 0, get_rank(), runner.iter)
        state = np.random.SeedSequence(entropy).generate_state(2)
        seed = int(state[0]) << 32 | int(state[1])
        # torch.manual_seed would queue a call for every GPU not yet in use.
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed(seed)
