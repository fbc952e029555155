"""Which draws each rank serves, and where a resumed run goes on."""
from itertools import islice

import pytest

from chtn_plugin.datasets.draws import PassSampler


def draws(rank, world, served=0, number=40, **options):
    sampler = PassSampler(range(10), seed=3, **options)
    sampler.rank, sampler.world_size = rank, world
    sampler.start_after(served)
    return list(islice(sampler, number))


@pytest.mark.parametrize('world', [1, 2, 4])
def test_ranks_are_disjoint_and_cover_every_pass(world):
    shares = [draws(rank, world, number=40 // world, infinite=True)
              for rank in range(world)]
    places = sorted(draw.place for share in shares for draw in share)
    assert places == list(range(40))
    for number in range(4):
        assert sorted(int(draw) for share in shares for draw in share
                      if draw.pass_index == number) == list(range(10))


@pytest.mark.parametrize('served', [4, 12, 20, 28])
@pytest.mark.parametrize('before, after', [(1, 1), (2, 2), (2, 4), (4, 1)])
def test_a_resumed_run_goes_on_at_the_draw_on_any_number_of_ranks(
        served, before, after):
    first = [place for rank in range(before) for place in (
        draw.place for draw in draws(rank, before, number=served // before,
                                     infinite=True))]
    rest = [place for rank in range(after) for place in (
        draw.place for draw in draws(rank, after, served,
                                     (40 - served) // after, infinite=True))]
    assert sorted(first + rest) == list(range(40))


def test_only_the_next_iteration_starts_late():
    sampler = PassSampler(range(10), seed=3)
    whole = list(sampler)
    sampler.start_after(6)
    assert list(sampler) == whole[6:]
    assert list(sampler) == whole
