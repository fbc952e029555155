"""Ranks by counting: on the processor and in torch, with the same values."""
import numpy as np
import pytest
import torch

from chtn_plugin.evaluation.counting import count_tile
from chtn_plugin.evaluation.counting_device import count_tile_on_device


def on_device(scores, starts, stops):
    return count_tile_on_device(torch.from_numpy(scores), starts, stops)


@pytest.fixture(params=[count_tile, on_device])
def count(request):
    def counted(scores, starts, stops):
        return [part.tolist() for part in request.param(
            np.array(scores, dtype=np.float32), np.array(starts),
            np.array(stops))]
    return counted


def test_counts_items_above_and_items_of_the_same_score(count):
    # Relevant are the columns 1 and 2: above .5 there is .9 alone, and the
    # two share their score.
    assert count([[.9, .5, .5, .1]], [1], [3]) == [[1, 1], [2, 2], [0, 2]]


def test_the_best_relevant_item_comes_first(count):
    assert count([[.1, .7, -.3, .9]], [0], [3]) == [
        [1, 2, 3], [1, 1, 1], [0, 3]]


def test_an_item_that_was_taken_out_has_no_rank(count):
    assert count([[-np.inf, .5, .7]], [0], [2]) == [[1], [1], [0, 1]]


def test_a_row_without_relevant_items_is_empty(count):
    assert count([[.1, .2], [.2, .1]], [1, 0], [1, 1]) == [
        [0], [1], [0, 0, 1]]
