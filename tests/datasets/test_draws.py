"""Draws and the sampler that yields them."""
from __future__ import annotations

import pickle
import random
from itertools import islice

import numpy as np
import pytest
import torch
from mmengine.registry import DATA_SAMPLERS

from chtn_plugin.datasets.draws import Draw, PassSampler, seeded


def facts(draws):
    return [(int(d), d.pass_index, d.seed, d.place) for d in draws]


def of_rank(rank, ranks, monkeypatch, size=5, **options):
    monkeypatch.setattr('chtn_plugin.datasets.draws.get_dist_info',
                        lambda: (rank, ranks))
    return PassSampler(range(size), seed=3, **options)


def random_numbers():
    return random.random(), np.random.rand(), torch.rand(1).item()


def seeded_numbers(*draw):
    with seeded(Draw(*draw)):
        return random_numbers()


def test_draw_is_an_index():
    assert list('abc')[Draw(1, 0, 0, 0)] == 'b'


def test_draw_survives_the_way_to_a_worker():
    draw = Draw(4, 2, 7, 30)
    assert facts([pickle.loads(pickle.dumps(draw))]) == [(4, 2, 7, 30)]


def test_seeded_gives_the_same_numbers_for_the_same_draw():
    assert seeded_numbers(4, 2, 7, 0) == seeded_numbers(4, 2, 7, 9)


@pytest.mark.parametrize('other', [(5, 2, 7, 0), (4, 3, 7, 0), (4, 2, 8, 0)])
def test_seeded_gives_other_numbers_for_another_draw(other):
    first, second = seeded_numbers(4, 2, 7, 0), seeded_numbers(*other)
    assert all(a != b for a, b in zip(first, second, strict=True))


def seed_all():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def test_seeded_puts_back_what_was():
    seed_all()
    expected = random_numbers()
    seed_all()
    seeded_numbers(1, 2, 3, 4)
    assert random_numbers() == expected


def test_seeded_puts_back_after_an_error():
    state = torch.get_rng_state()
    with pytest.raises(KeyError), seeded(Draw(1, 2, 3, 4)):
        raise KeyError
    assert torch.equal(torch.get_rng_state(), state)


def test_plain_index_is_not_seeded():
    with seeded(1):
        first = random_numbers()
    with seeded(1):
        assert random_numbers() != first


def test_a_pass_holds_every_item_once():
    draws = list(PassSampler(range(7), seed=0))
    assert sorted(draws) == list(range(7))


def test_list_order_without_shuffling():
    assert list(PassSampler(range(4), shuffle=False, seed=0)) == [0, 1, 2, 3]


def test_passes_differ_and_repeat():
    sampler = PassSampler(range(50), seed=0)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    sampler.set_epoch(0)
    assert first != second and list(sampler) == first


def test_seeds_differ():
    assert list(PassSampler(range(50), seed=0)) != list(
        PassSampler(range(50), seed=1))


def test_infinite_is_pass_after_pass():
    endless = PassSampler(range(5), seed=3, infinite=True)
    expected = []
    for epoch in range(3):
        finite = PassSampler(range(5), seed=3)
        finite.set_epoch(epoch)
        expected += facts(finite)
    assert facts(islice(endless, 15)) == expected


def test_places_count_from_the_first_pass():
    endless = PassSampler(range(5), infinite=True, seed=0)
    assert [d.place for d in islice(endless, 12)] == list(range(12))


def test_places_of_an_epoch_follow_those_before():
    sampler = PassSampler(range(5), seed=0)
    sampler.set_epoch(2)
    assert [d.place for d in sampler] == [10, 11, 12, 13, 14]


@pytest.mark.parametrize('shuffle', [True, False])
def test_ranks_share_the_stream_of_one(monkeypatch, shuffle):
    options = dict(infinite=True, shuffle=shuffle)
    alone = facts(islice(of_rank(0, 1, monkeypatch, **options), 20))
    ranks = [facts(islice(of_rank(r, 2, monkeypatch, **options), 10))
             for r in (0, 1)]
    assert [draw for pair in zip(*ranks, strict=True) for draw in pair] == (
        alone)


def test_rounding_up_gives_every_rank_as_many(monkeypatch):
    ranks = [of_rank(r, 2, monkeypatch, shuffle=False) for r in (0, 1)]
    assert [list(rank) for rank in ranks] == [[0, 2, 4], [1, 3, 0]]
    assert [len(rank) for rank in ranks] == [3, 3]


def test_without_rounding_up_nothing_comes_twice(monkeypatch):
    ranks = [of_rank(r, 2, monkeypatch, shuffle=False, round_up=False)
             for r in (0, 1)]
    assert [list(rank) for rank in ranks] == [[0, 2, 4], [1, 3]]
    assert [len(rank) for rank in ranks] == [3, 2]


def test_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="'suffle'"):
        DATA_SAMPLERS.build(dict(type='PassSampler', dataset=[1],
                                 suffle=False))
