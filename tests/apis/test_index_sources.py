"""Where an index looks for its sources after a move."""
from __future__ import annotations

import pytest

from chtn_plugin.apis.index_sources import IndexSources


@pytest.fixture
def places(tmp_path):
    """``home/index`` with two sources, ``home/cats`` and ``home/dogs``."""
    for name in ('index', 'cats', 'dogs'):
        (tmp_path / 'home' / name).mkdir(parents=True)
    (tmp_path / 'home/cats/0.png').touch()
    entries = []
    sources = IndexSources(tmp_path / 'home/index', entries)
    for number, name in enumerate(('cats', 'dogs')):
        assert sources.register(tmp_path / 'home' / name) == number
    return tmp_path, entries


def test_an_entry_keeps_the_way_from_the_index(places):
    folder, entries = places
    assert entries[0] == dict(path='../cats', home=str(folder / 'home/index'))


def test_a_known_source_keeps_its_number(places):
    folder, entries = places
    sources = IndexSources(folder / 'home/index', entries)
    assert sources.number(folder / 'home/dogs') == 1
    assert sources.number(folder / 'home/../home/cats') == 0
    assert sources.number(folder / 'home/cows') == 2
    assert sources.register(folder / 'home/dogs') == 1 and len(entries) == 2


def test_a_picture_is_stored_as_seen_from_its_source(places):
    folder, entries = places
    sources = IndexSources(folder / 'home/index', entries)
    stored = sources.relative(str(folder / 'home/cats/0.png'), 0)
    assert stored == '0.png'
    assert sources.picture(stored, 0) == str(folder / 'home/cats/0.png')


def test_sources_that_moved_along_are_found(places):
    folder, entries = places
    (folder / 'home').rename(folder / 'new')
    sources = IndexSources(folder / 'new/index', entries)
    assert sources.current(1) == str(folder / 'new/dogs')
    assert sources.number(folder / 'new/dogs') == 1


def test_sources_of_an_index_that_moved_alone_are_found(places):
    folder, entries = places
    (folder / 'far').mkdir()
    (folder / 'home/index').rename(folder / 'far/index')
    sources = IndexSources(folder / 'far/index', entries)
    assert sources.current(0) == str(folder / 'home/cats')
    assert sources.picture('0.png', 0) == str(folder / 'home/cats/0.png')


def test_what_is_seen_from_here_comes_before_the_old_home(places):
    # A copy of all: its own cats are source 0, and so are the old ones.
    folder, entries = places
    (folder / 'copy/index').mkdir(parents=True)
    (folder / 'copy/cats').mkdir()
    sources = IndexSources(folder / 'copy/index', entries)
    assert sources.current(0) == str(folder / 'copy/cats')
    assert sources.number(folder / 'home/cats') == 0


def test_a_source_that_is_gone_is_named_from_here(places):
    folder, entries = places
    (folder / 'home/dogs').rmdir()
    assert IndexSources(folder / 'home/index', entries).current(1) == str(
        folder / 'home/dogs')
