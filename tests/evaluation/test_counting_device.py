"""Ranks counted in torch are those counted in NumPy."""
from __future__ import annotations

import numpy as np
import torch

from chtn_plugin.evaluation.counting import count_tile
from chtn_plugin.evaluation.counting_device import count_tile_on_device


def counted(scores, starts, stops):
    return [part.tolist() for part in count_tile_on_device(
        torch.tensor(scores), np.array(starts), np.array(stops))]


def test_items_above_and_beside_each_relevant_one():
    # Relevant are the first two, .5 and .9; .9 stands again, .7 between.
    before, size, offsets = counted([[.5, .9, .9, .7, .1]], [0], [2])
    assert before == [0, 3]
    assert size == [2, 1]
    assert offsets == [0, 2]


def test_a_row_without_a_relevant_item_has_no_rank():
    before, _, offsets = counted([[.5, .9], [.3, .2]], [0, 1], [0, 2])
    assert before == [1] and offsets == [0, 0, 1]


def test_an_item_taken_out_is_not_ranked():
    before, _, offsets = counted([[float('-inf'), .9, .7]], [0], [2])
    assert before == [0] and offsets == [0, 1]


def test_it_agrees_with_the_counting_on_the_host():
    draw = np.random.default_rng(0)
    scores = draw.integers(0, 9, (20, 30)).astype(np.float32)  # many ties
    starts = draw.integers(0, 15, 20)
    stops = starts + draw.integers(0, 15, 20)
    for here, there in zip(
            count_tile(scores, starts, stops),
            count_tile_on_device(torch.from_numpy(scores), starts, stops),
            strict=True):
        np.testing.assert_array_equal(here, there)
