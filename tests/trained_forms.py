"""Trained methods on tiny ready features, for their tests."""
from __future__ import annotations

from typing import Any

import torch
from closed_forms import made as built
from closed_forms import pairs

__all__ = ['batch', 'made', 'step', 'trained']


def made(method: str, **options: Any) -> Any:
    """A method over vectors of 6 and 5 numbers, the same weights each time."""
    torch.manual_seed(0)
    return built(method, **options)


def batch(count: int = 12, seed: int = 0
          ) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and data samples, as the data preprocessor returns them."""
    image, text, label = pairs(count, seed=seed)
    return dict(image=image, text=text), dict(label=label)


def step(model: Any, optimizer: Any, count: int = 48) -> dict[str, float]:
    """One update on a batch of pairs; the terms before it."""
    terms = model(*batch(count), mode='loss')
    optimizer.zero_grad()
    sum(value for name, value in terms.items() if 'loss' in name).backward()
    optimizer.step()
    return {name: value.item() for name, value in terms.items()}


def trained(model: Any, steps: int = 60, rate: float = .05
            ) -> tuple[dict[str, float], dict[str, float]]:
    """Train; the terms of the first and of the last step."""
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=.9)
    model.train()
    terms = [step(model, optimizer) for _ in range(steps)]
    model.eval()
    return terms[0], terms[-1]
