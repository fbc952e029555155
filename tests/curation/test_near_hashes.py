"""Hashes that differ in few bits are found by bands, all and only they."""
from __future__ import annotations

import threading

import numpy as np
import pytest

from chtn_plugin.curation import near_hashes
from chtn_plugin.curation.near_hashes import near_hash_pairs


def hashes(size, seed=0, flips=9):
    """Random hashes, half of them a few bits from one of the others."""
    random = np.random.default_rng(seed)
    first = random.integers(0, 1 << 64, size // 2, np.uint64)
    second = first.copy()
    for row in range(len(second)):
        for bit in random.permutation(64)[:row % (flips + 1)]:
            second[row] ^= np.uint64(1 << int(bit))
    return np.unique(np.concatenate([first, second]))


def by_each_with_each(values, bits):
    return {(i, j) for i in range(len(values)) for j in range(i)
            if (int(values[i]) ^ int(values[j])).bit_count() <= bits}


def found(values, bits, workers=1):
    return [(int(j), int(i)) for first, second in near_hash_pairs(
        values, bits, workers) for i, j in zip(first, second, strict=True)]


@pytest.mark.parametrize('design', [
    None, (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4)])
@pytest.mark.parametrize('bits', [0, 1, 6, 9])
def test_pairs_are_those_of_each_with_each_and_come_once(bits, design,
                                                         monkeypatch):
    if design is not None:
        monkeypatch.setattr(near_hashes, '_cheapest', lambda *_: design)
    values = hashes(400)
    pairs = found(values, bits)
    assert set(pairs) == by_each_with_each(values, bits)
    assert len(set(pairs)) == len(pairs)


def test_all_bits_of_one_block_may_differ():
    values = np.array([0, 0b111111 << 20], np.uint64)
    assert found(values, 6) == [(1, 0)]
    assert found(values, 5) == []


def test_crowd_under_one_key_is_gone_through_in_parts(monkeypatch):
    # All but ten low bits agree: nearly all keys do.
    monkeypatch.setattr(near_hashes, '_WINDOW', 7)
    values = np.arange(60, dtype=np.uint64)
    assert set(found(values, 2)) == by_each_with_each(values, 2)


@pytest.mark.parametrize('bits', [0, 1, 6, 16])
@pytest.mark.parametrize('equal', [1, 2, 3])
@pytest.mark.parametrize('parts', [1, 2])
def test_a_key_is_left_whichever_blocks_differ(parts, equal, bits):
    keys = near_hashes._keys(parts, equal, bits)
    blocks = near_hashes._block_count(parts, equal, bits)
    random = np.random.default_rng(0)
    for _ in range(200):
        differing = set(random.permutation(blocks)[:bits].tolist())
        assert any(differing.isdisjoint(key) for key in keys)
    # One more, and a choice leaves none.
    worst = {block for part in np.array_split(np.arange(blocks), parts)
             for block in part[:max(0, len(part) - equal + 1)].tolist()}
    assert len(worst) == bits + 1
    assert not any(worst.isdisjoint(key) for key in keys)


def test_longer_keys_serve_more_hashes():
    designs = [near_hashes._cheapest(10 ** power, 6) for power in range(3, 9)]
    # 9, 14, 17, 20, 21 and 26 bits a key
    assert designs == [(1, 1), (2, 2), (2, 3), (2, 4), (2, 5), (1, 4)]
    assert [len(near_hashes._keys(*design, 6)) for design in designs] == [
        7, 16, 30, 50, 77, 210]


def test_pairs_among_many_come_once_and_few_are_compared(monkeypatch):
    monkeypatch.setattr(near_hashes, '_cheapest', lambda *_: (2, 4))
    compared, popcount = [], near_hashes._popcount
    monkeypatch.setattr(near_hashes, '_popcount', lambda words: (
        compared.append(len(words)), popcount(words))[1])
    values = hashes(40_000)
    pairs = found(values, 6)
    expected = {(i, j) for i, j in pairs if (
        int(values[i]) ^ int(values[j])).bit_count() <= 6}
    assert len(set(pairs)) == len(pairs) == len(expected)
    # By their making none to nine bits differ; by chance none are near.
    assert len(pairs) == 20_000 * 6 // 10
    # Words without another of their key are left out on the way: hardly
    # more than the neighbours, and a few runs of a key.
    assert sum(compared) < 50 * len(values) * 2


@pytest.mark.parametrize('workers', [2, 3])
def test_workers_find_the_same_in_the_same_order(workers, monkeypatch):
    values = hashes(2_000)
    expected, threads = found(values, 6), set()
    close = near_hashes._close
    monkeypatch.setattr(near_hashes, '_close', lambda *given: (
        threads.add(threading.get_ident()), close(*given))[1])
    assert found(values, 6, workers) == expected
    assert 0 < len(threads - {threading.get_ident()}) <= workers


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match='workers must be at least 1, got 0'):
        found(hashes(10), 6, 0)


def test_bits_are_counted_without_numpys_function(monkeypatch):
    monkeypatch.delattr(np, 'bitwise_count', raising=False)
    values = np.array([0, 7, (1 << 64) - 1], np.uint64)
    assert near_hashes._popcount(values).tolist() == [0, 3, 64]


def test_none_and_one_have_no_pairs():
    assert found(np.zeros(0, np.uint64), 6) == []
    assert found(np.zeros(1, np.uint64), 6) == []


def test_too_many_bits_are_refused():
    with pytest.raises(ValueError, match=r'\[0, 16\], got 17'):
        found(np.zeros(2, np.uint64), 17)
