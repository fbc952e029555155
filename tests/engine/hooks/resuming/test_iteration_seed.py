"""Randomness that depends on seed and iteration alone."""
from __future__ import annotations

from types import SimpleNamespace

import torch

from chtn_plugin.engine.hooks import IterationSeedHook


def drawn(seed, iteration):
    runner = SimpleNamespace(seed=seed, iter=iteration)
    IterationSeedHook().before_train_iter(runner, 0)
    return torch.rand(2).tolist()


def test_an_iteration_draws_the_same_again():
    first = drawn(3, 10)
    torch.rand(7)
    assert drawn(3, 10) == first


def test_iterations_and_seeds_draw_differently():
    draws = [drawn(seed, iteration) for seed in (0, 1) for iteration in (0, 1)]
    assert len(set(map(tuple, draws))) == 4


def test_no_seed_counts_as_zero():
    assert drawn(None, 5) == drawn(0, 5)


def test_ranks_draw_differently(monkeypatch):
    first = drawn(0, 0)
    monkeypatch.setattr('chtn_plugin.engine.hooks.resuming.'
                        'iteration_seed.get_rank',
                        lambda: 1)
    assert drawn(0, 0) != first
