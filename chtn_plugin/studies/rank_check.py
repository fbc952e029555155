"""Train one step of a method in several processes of this machine."""
from __future__ import annotations

import os
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import torch.distributed
import torch.multiprocessing
from mmengine.registry import MODELS
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

_SECONDS = 180


def states_after_one_step(config: dict, method: type,
                          batch: tuple[dict, dict], ranks: int,
                          folder: Path) -> list[dict[str, Tensor]]:
    """Train one step on several ranks, each with a share of the batch.

    Args:
        config: Configuration of the model.
        method: Its class, so that a new process imports and registers it.
        batch: Inputs and data samples; each rank gets every ``ranks``-th row.
        ranks: Number of processes.
        folder: Gets the ranks' rendezvous and results.

    Returns:
        The trained parameters of each rank after the step.

    Raises:
        TimeoutError: The ranks wait for each other without end.
    """
    # Forked processes would hang in autograd, which has threads by now.
    processes = torch.multiprocessing.start_processes(
        _step, (config, method, batch, ranks, str(folder)), ranks,
        join=False, start_method='spawn')
    end = time.monotonic() + _SECONDS
    while not processes.join(timeout=5):
        if time.monotonic() > end:
            for process in processes.processes:
                process.kill()
            raise TimeoutError(f'{ranks} ranks did not end one step within '
                               f'{_SECONDS} s: does each take part in every '
                               'collective?')
    return [torch.load(folder / f'rank{rank}.pt', weights_only=True)
            for rank in range(ranks)]


class _LossOf(torch.nn.Module):
    """DDP wraps a forward pass; this one is the loss."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: dict, samples: dict) -> Tensor:
        return self.model.parse_losses(self.model.loss(inputs, samples))[0]


def _step(rank: int, config: dict, method: type, batch: tuple[dict, dict],
          ranks: int, folder: str) -> None:
    import chtn_plugin  # noqa: F401  (registers its parts in this process)
    if method.__name__ not in MODELS:
        MODELS.register_module(module=method)
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank,
        world_size=ranks)
    torch.manual_seed(0)
    model = MODELS.build(deepcopy(config)).train()
    wrapped = DistributedDataParallel(_LossOf(model), broadcast_buffers=False)
    inputs, samples = ({name: value[rank::ranks] for name, value in
                        part.items()} for part in batch)
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad], lr=0.01)
    wrapped(inputs, samples).backward()
    optimizer.step()
    torch.save({name: p.detach() for name, p in model.named_parameters()
                if p.requires_grad}, f'{folder}/rank{rank}.pt')
    # Nobody leaves before all are through the last exchange of gradients.
    while not all(Path(folder, f'rank{other}.pt').exists()
                  for other in range(ranks)):
        time.sleep(0.05)
    # Not through Python's own end: taking down DDP waits for threads of the
    # process group that wait for the interpreter.
    os._exit(0)
