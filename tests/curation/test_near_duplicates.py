"""Near-duplicates as each with each finds them."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chtn_plugin.curation import near_duplicates as module
from chtn_plugin.curation.image_facts import ImageFacts
from chtn_plugin.curation.near_duplicates import near_duplicates


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
