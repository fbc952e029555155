"""Parts of an index on disk: read when asked for, and checked."""
from __future__ import annotations

import json
import os

import numpy as np
import pytest

from chtn_plugin.apis import stored_items
from chtn_plugin.apis.gallery import Gallery
from chtn_plugin.apis.gallery_filter import Filter
from chtn_plugin.apis.index_store import IndexStore
from chtn_plugin.apis.stored_items import Part, StoredItems, runs
from chtn_plugin.storage import row_files
from chtn_plugin.storage.files import sha256
from chtn_plugin.storage.row_files import file_facts

# Rows 0 to 4 over two parts; row 1 is dropped.
NAMES = [['a', 'b', 'c'], ['d', 'e']]
KINDS = [['image', 'image', 'text'], ['text', 'image']]
VECTORS = np.array([[1., 0], [9, 9], [0, 2], [3, 4], [0, 1]], np.float32)


def item(kind, name):
    return dict(kind=kind, id=name, path='sub/p.png' if kind == 'image'
                else None, text=name if kind == 'text' else '', label=kind,
                classes=[kind], stamp='1:1', source=0)


def write_index(folder, old=None):
    """An index by hand; ``old``: of format 2 or 3."""
    folder.mkdir()
    parts = []
    start = 0
    for number, (names, kinds) in enumerate(zip(NAMES, KINDS, strict=True)):
        items = [item(*each) for each in zip(kinds, names, strict=True)]
        rows = VECTORS[start:start + len(items)]
        path = folder / f'part-{number:05d}.npz'
        if old:
            np.savez(path, vectors=rows, items=np.frombuffer(
                json.dumps(items).encode(), np.uint8))
            facts = dict(file=path.name, sha256=sha256(path))
        else:
            np.savez(path, **stored_items.columns_of(items))
            np.save(path.with_suffix('.npy'), rows)
            facts = dict(file_facts(path), kinds=runs(kinds),
                         vectors=file_facts(
                             path.with_suffix('.npy')))
        parts.append(dict(facts, rows=len(items)))
        start += len(items)
    head = dict(format=old or 4, fingerprint='f', model='m', size=2,
                sources=[dict(path='../pictures', home=str(folder))],
                unfinished=[], parts=parts, dropped=[1], skipped=[],
                approximate={})
    if old != 2:
        head['similarity'] = 'dot'
    (folder / 'index.json').write_text(json.dumps(head))
    return folder


@pytest.fixture(params=[None, 3, 2])
def index(request, tmp_path):
    return write_index(tmp_path / 'index', request.param)


def test_every_format_opens_without_what_is_dropped(index):
    gallery = IndexStore(index).gallery()
    assert [each['id'] for each in gallery.items] == ['a', 'c', 'd', 'e']
    assert gallery.count('image') == gallery.count('text') == 2
    # Row d is [3, 4]: of length 1 under cosine, which format 2 means.
    cosine = gallery.similarity == 'cosine'
    np.testing.assert_allclose(
        gallery.rows('text'),
        [[0, 1], [.6, .8]] if cosine else [[0, 2], [3, 4]], rtol=1e-6)
    assert gallery.rows('text').flags.f_contiguous


def test_every_format_finds_the_same_as_a_gallery_in_memory(index):
    store = IndexStore(index)
    vectors, items = store.contents()
    memory = Gallery(vectors, items, similarity=store.similarity)
    query = np.array([.3, .7])
    for kind in ('image', 'text'):
        assert (store.gallery().nearest(query, 2, kind)
                == memory.nearest(query, 2, kind))


@pytest.fixture
def new(tmp_path):
    return write_index(tmp_path / 'index')


def test_opening_reads_no_vector_and_no_item(new, monkeypatch):
    def refuse(*_):
        raise AssertionError('was read')
    monkeypatch.setattr(Part, 'vectors', refuse)
    monkeypatch.setattr(Part, 'column', refuse)
    monkeypatch.setattr(row_files, 'sha256', refuse)
    assert len(IndexStore(new).gallery()) == 4


def test_vectors_are_mapped(new):
    part, _ = IndexStore(new)._parts()[0]
    assert isinstance(part.vectors(), np.memmap)


def test_a_search_looks_for_the_pictures_of_hits_only(new, monkeypatch):
    looked = []
    exists = os.path.exists
    gallery = IndexStore(new).gallery()
    monkeypatch.setattr(os.path, 'exists', lambda path: (
        looked.append(str(path)), exists(path))[1])
    hit, = gallery.find(np.array([0., 1]), 1, 'image')
    assert hit.item['id'] == 'e'
    assert 0 < len([path for path in looked if 'p.png' in path]) <= 2


def test_a_filter_by_label_looks_for_no_picture(new, monkeypatch):
    gallery = IndexStore(new).gallery()
    monkeypatch.setattr(gallery.items, '_locate',
                        lambda path, source: pytest.fail('looked'))
    assert list(gallery.fields('label', 'id'))[1] == dict(label='text',
                                                          id='c')
    found = gallery.find(np.array([0., 1]), 9, 'text',
                         [Filter('text', 'd')])
    assert [each.item['id'] for each in found] == ['d']


def test_labels_are_listed_once(new):
    assert IndexStore(new).gallery().labels == ['image', 'text']


def test_items_are_a_sequence(new):
    items = IndexStore(new).gallery().items
    assert (items[-1]['id'], items[np.int64(1)]['id']) == ('e', 'c')
    assert [each['id'] for each in items[1:3]] == ['c', 'd']
    with pytest.raises(IndexError):
        items[4]


def test_few_parts_stay_in_memory(new, monkeypatch):
    monkeypatch.setattr(stored_items, '_KEPT_PARTS', 1)
    items = IndexStore(new).gallery().items
    assert isinstance(items, StoredItems)
    assert [items[place]['id'] for place in (0, 3, 0)] == ['a', 'e', 'a']
    assert len(items._columns) == 1


def damage(path, keep_time):
    status = path.stat()
    encoded = bytearray(path.read_bytes())
    encoded[-1] ^= 1
    path.write_bytes(encoded)
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize('name', ['part-00001.npy', 'part-00001.npz'])
def test_a_changed_byte_is_found_by_the_files_time(new, name):
    damage(new / name, keep_time=False)
    with pytest.raises(ValueError, match=f'{name} is damaged'):
        IndexStore(new).gallery()


def test_a_changed_byte_under_the_old_time_is_found_by_verifying(new):
    damage(new / 'part-00000.npy', keep_time=True)
    store = IndexStore(new)
    store.gallery()
    with pytest.raises(ValueError, match=r'part-00000\.npy is damaged'):
        store.verify()


def test_missing_vectors_are_said(new):
    (new / 'part-00000.npy').unlink()
    with pytest.raises(ValueError, match=r'part-00000\.npy is missing'):
        IndexStore(new).gallery()


def test_a_copy_is_hashed_and_opens(new):
    for path in new.iterdir():
        os.utime(path, (1, 1))
    store = IndexStore(new)
    assert len(store.gallery()) == 4
    for part in store._parts()[0]:
        part.note_times()
        assert part.facts['stamp'].endswith(':1000000000')


def test_a_vector_that_is_not_finite_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), 'VECTORS', np.where(
        np.arange(5)[:, None] == 3, np.nan, VECTORS))
    gallery = IndexStore(write_index(tmp_path / 'index')).gallery()
    with pytest.raises(ValueError, match=r"text 'd' \(row 0 of part-00001"):
        gallery.nearest(np.array([0., 1]), 1, 'text')


def test_runs_are_equal_values_on_end():
    assert runs(['image', 'image', 'text', 'image']) == [
        ('image', 2), ('text', 1), ('image', 1)]
