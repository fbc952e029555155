"""Facts of images: by workers, in order, and kept."""
from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from layouts import picture

from chtn_plugin.curation import image_facts as module
from chtn_plugin.curation.image_facts import image_facts


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


def test_others_are_looked_at_while_one_takes_long(pictures, monkeypatch):
    first_and_last = threading.Barrier(2, timeout=60)
    look = module._facts

    def slow(path):
        if str(path) in (str(pictures[0]), str(pictures[-1])):
            first_and_last.wait()
        return look(path)

    monkeypatch.setattr(module, '_facts', slow)
    assert len(image_facts(pictures, 2)) == 5


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
    monkeypatch.setattr(module, '_facts', killed_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        image_facts(pictures, cache=tmp_path / 'cache')
    assert len(image_facts(pictures, cache=tmp_path / 'cache')) == 5
    assert len(seen) == 6
