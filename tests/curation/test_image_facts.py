"""Near-duplicates as each with each finds them; facts are kept."""
from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from layouts import picture

from chtn_plugin.curation import image_facts as module
from chtn_plugin.curation.image_facts import (
    ImageFacts,
    image_facts,
    near_duplicates,
)


def generated(size, seed=0):
    """Facts of pictures of which many are near others, copies, or alike."""
    random = np.random.default_rng(seed)
    facts = []
    for number in range(size):
        if number % 3 == 0 or not facts:
            thumbnail = random.integers(0, 256, (16, 16, 3), np.uint8)
            dhash = int(random.integers(0, 1 << 63))
        else:
            # Near an earlier one: by thumbnail, by hash, by both or neither.
            old = facts[random.integers(len(facts))]
            spread = random.choice([2, 6, 40])
            thumbnail = np.clip(old.thumbnail + random.normal(
                0, spread, (16, 16, 3)), 0, 255).astype(np.uint8)
            dhash = old.dhash
            for bit in random.permutation(64)[:random.integers(0, 9)]:
                dhash ^= 1 << int(bit)
        facts.append(ImageFacts(None, f'{number}', dhash, thumbnail))
    facts += [replace(fact) for fact in facts[::7]]  # copies
    facts.append(ImageFacts(None, 'flat', 0, np.zeros((16, 16, 3), np.uint8)))
    facts.append(ImageFacts('broken'))
    return {f'{number:04}': fact for number, fact in enumerate(facts)}


def by_each_with_each(facts, bits=6, correlation=0.995):
    """What this was before: a product of all with all."""
    usable = [path for path, fact in facts.items()
              if fact.thumbnail is not None and not fact.one_colour]
    rows = np.stack([facts[path].thumbnail for path in usable]).reshape(
        len(usable), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    close = rows @ rows.T >= correlation
    return sorted(
        tuple(sorted((usable[i], usable[j])))
        for i, j in zip(*np.nonzero(close), strict=True)
        if i < j and facts[usable[i]].sha256 != facts[usable[j]].sha256 and (
            facts[usable[i]].dhash ^ facts[usable[j]].dhash).bit_count()
        <= bits)


@pytest.mark.parametrize('chunk', [1024, 5])
def test_near_duplicates_are_those_of_each_with_each(monkeypatch, chunk):
    monkeypatch.setattr(module, '_CHUNK', chunk)
    facts = generated(500)
    expected = by_each_with_each(facts)
    assert len(expected) > 100
    assert near_duplicates(facts) == expected


def test_pictures_of_one_hash_are_compared_each_with_each(monkeypatch):
    monkeypatch.setattr(module, '_CHUNK', 4)
    facts = {path: replace(fact, dhash=int(path) % 2)
             for path, fact in generated(60).items()}
    assert near_duplicates(facts) == by_each_with_each(facts)


@pytest.fixture
def pictures(tmp_path):
    return [picture(tmp_path / f'{seed}.png', seed) for seed in range(5)]


def same(one, other):
    return (one.problem, one.sha256, one.dhash, one.size) == (
        other.problem, other.sha256, other.dhash, other.size) and (
        np.array_equal(one.thumbnail, other.thumbnail))


def test_workers_see_the_same_in_the_same_order(pictures):
    one, several = image_facts(pictures), image_facts(pictures, 3)
    assert list(one) == list(several)
    assert all(same(one[path], several[path]) for path in one)


def test_workers_find_the_same_near_duplicates(monkeypatch):
    facts = generated(120)
    expected, given = near_duplicates(facts), []
    pairs = module.near_hash_pairs
    monkeypatch.setattr(module, 'near_hash_pairs', lambda *arguments: (
        given.append(arguments[2]), pairs(*arguments))[1])
    assert near_duplicates(facts, workers=3) == expected != []
    assert given == [3]
    with pytest.raises(ValueError, match='workers must be at least 1, got 0'):
        near_duplicates(facts, workers=0)


def test_one_content_of_two_hashes_is_no_pair():
    # As two versions of a decoder may see the same file.
    thumbnail = np.random.default_rng(0).integers(0, 256, (16, 16, 3),
                                                  np.uint8)
    facts = {name: ImageFacts(None, content, dhash, thumbnail)
             for name, content, dhash in (('a', 'same', 5), ('b', 'same', 4),
                                          ('c', 'other', 5))}
    assert near_duplicates(facts) == [('a', 'c'), ('b', 'c')]


def test_no_pictures_have_no_near_duplicates():
    assert near_duplicates({}) == []


def test_no_workers_are_refused(pictures):
    with pytest.raises(ValueError, match='at least 1, got 0'):
        image_facts(pictures, 0)


def test_second_look_opens_no_picture(pictures, tmp_path, monkeypatch):
    first = image_facts(pictures, cache=tmp_path / 'cache')
    monkeypatch.setattr(module, '_facts', None)
    second = image_facts(pictures, cache=tmp_path / 'cache')
    assert list(first) == list(second)
    assert all(same(first[path], second[path]) for path in first)


def test_picture_that_is_written_anew_is_looked_at_anew(pictures, tmp_path):
    old = image_facts(pictures, cache=tmp_path / 'cache')
    path, status = pictures[2], pictures[2].stat()
    picture(path, 77)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    new = image_facts(pictures, cache=tmp_path / 'cache')
    assert [name for name in old if not same(old[name], new[name])] == [
        str(path)]


def test_broken_and_missing_pictures_are_not_kept(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'no picture')
    paths = [tmp_path / 'a.png', tmp_path / 'b.png']
    for _ in range(2):
        facts = image_facts(paths, cache=tmp_path / 'cache')
        assert all(facts[str(path)].problem for path in paths)
    picture(paths[0])
    assert image_facts(paths, cache=tmp_path / 'cache')[
        str(paths[0])].problem is None


def test_what_was_seen_before_a_kill_is_kept(pictures, tmp_path, monkeypatch):
    seen = []

    def killed_at_the_last(path):
        seen.append(path)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return looked_at(path)

    looked_at = module._facts
    monkeypatch.setattr(module, '_BETWEEN_WRITES', 2)
    monkeypatch.setattr(module, '_CHUNK', 1)
    monkeypatch.setattr(module, '_facts', killed_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        image_facts(pictures, cache=tmp_path / 'cache')
    assert len(image_facts(pictures, cache=tmp_path / 'cache')) == 5
    assert len(seen) == 6
