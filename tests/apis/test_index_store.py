import json
import os
import shutil

import numpy as np
import pytest
from tiny_run import write_run

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.approximate_search import approximate_index
from chtn_plugin.apis.index_store import IndexStore
from chtn_plugin.storage.files import sha256
from chtn_plugin.storage.locks import FolderLock


@pytest.fixture
def index(model, pictures, tmp_path):
    store = IndexStore(tmp_path / 'index')
    assert store.build(model, pictures, progress=False) == [(3, 0)]
    return tmp_path / 'index'


def _build(index, model, *sources):
    return IndexStore(index).build(model, *sources, progress=False)


def _hits(model, source, text='cat word1'):
    model.index(source)
    return [(hit.id, hit.score) for hit in model.search(text=text).hits]


def test_index_answers_as_the_folder(model, index, pictures):
    assert _hits(model, index) == _hits(model, pictures)


def test_building_again_adds_only_what_is_new(model, index, pictures):
    assert _build(index, model, pictures) == [(0, 0)]
    shutil.copy(pictures / '0.png', pictures / 'new.png')
    assert _build(index, model, pictures) == [(1, 0)]
    assert IndexStore(index).count == 4


def test_changed_picture_is_encoded_anew(model, index, pictures):
    shutil.copy(pictures / '2.png', pictures / '0.png')
    os.utime(pictures / '0.png', (1, 1))
    assert _build(index, model, pictures) == [(1, 0)]
    assert IndexStore(index).count == 3
    assert sorted(_hits(model, index)) == sorted(_hits(model, pictures))


def test_two_sources_may_use_one_name(model, index, pictures, tmp_path):
    shutil.copytree(pictures, tmp_path / 'others')
    IndexStore(index).build(model, tmp_path / 'others', progress=False)
    assert IndexStore(index).count == 6


@pytest.fixture
def cut_off(model, monkeypatch):
    """Fails a build at its third picture."""
    loaded = []
    load = model.load_image

    def failing(path):
        if len(loaded) == 2:
            raise KeyboardInterrupt
        loaded.append(path)
        return load(path)

    def build(folder, *sources):
        with monkeypatch.context() as patch:
            patch.setattr(model, 'load_image', failing)
            patch.setattr(model, 'batch_size', 1)
            with pytest.raises(KeyboardInterrupt):
                IndexStore(folder).build(model, *sources, part_size=1,
                                         progress=False)
    return build


def test_work_that_was_cut_off_goes_on(model, pictures, tmp_path, cut_off):
    folder = tmp_path / 'index'
    cut_off(folder, pictures)
    with pytest.raises(ValueError, match='must be finished.* has 2 items'):
        model.index(folder)
    assert len(IndexStore(folder).gallery(unfinished=True)) == 2
    assert _build(folder, model, pictures) == [(1, 0)]
    assert sorted(_hits(model, folder)) == sorted(_hits(model, pictures))


def test_whole_is_only_what_has_every_source(model, pictures, tmp_path,
                                             cut_off):
    folder, words = tmp_path / 'index', tmp_path / 'words.txt'
    words.write_text('cat')
    cut_off(folder, pictures)
    assert _build(folder, model, words) == [(1, 0)]
    with pytest.raises(ValueError, match=f'to come, of {pictures}. Build'):
        model.index(folder)
    assert _build(folder, model, pictures) == [(1, 0)]
    assert len(model.index(folder)) == 4


def test_sources_after_the_one_that_was_cut_off_are_missed(
        model, pictures, tmp_path, cut_off):
    folder, words = tmp_path / 'index', tmp_path / 'words.txt'
    words.write_text('cat')
    cut_off(folder, pictures, words)
    assert _build(folder, model, pictures) == [(1, 0)]
    with pytest.raises(ValueError, match=f'of {words}. Build'):
        model.index(folder)
    with pytest.raises(FileNotFoundError, match='gallery not found'):
        _build(folder, model, words, tmp_path / 'misspelt')
    assert _build(folder, model, words) == [(1, 0)]
    assert IndexStore(folder).complete


def test_what_a_source_no_longer_has_is_dropped(model, index, pictures,
                                                tmp_path):
    shutil.copytree(pictures, tmp_path / 'others')
    _build(index, model, tmp_path / 'others')
    (pictures / '1.png').unlink()
    assert _build(index, model, pictures) == [(0, 1)]
    assert sorted(hit[0] for hit in _hits(model, index)) == [
        '0.png', '0.png', '1.png', '2.png', '2.png']
    assert _build(index, model, pictures, tmp_path / 'others') == [
        (0, 0), (0, 0)]


def test_index_of_another_model_is_refused(model, index, tmp_path):
    other = RetrievalInferencer(write_run(tmp_path / 'other', seed=5),
                                show_progress=False)
    with pytest.raises(ValueError, match='of the model that searches it'):
        other.index(index)
    with pytest.raises(ValueError, match='of the model that searches it'):
        IndexStore(index).build(other, tmp_path / 'pictures', progress=False)


@pytest.mark.parametrize('damage, said', [
    (lambda p: (p / 'part-00000.npz').unlink(), 'missing'),
    (lambda p: (p / 'part-00000.npz').write_bytes(b'half'), 'damaged'),
    (lambda p: (p / 'index.json').write_text('{"format"'), 'damaged'),
    (lambda p: (p / 'index.json').write_text('[]'), 'damaged'),
    (lambda p: (p / 'index.json').write_text('{"format": 1}'),
     'must be of format 4: .* build it anew')])
def test_damage_is_said(model, index, damage, said):
    damage(index)
    with pytest.raises(ValueError, match=said):
        model.index(index)


def test_unreadable_pictures_are_kept_as_a_list(model, pictures, tmp_path):
    (pictures / 'broken.png').write_text('no')
    store = IndexStore(tmp_path / 'index')
    store.build(model, pictures, progress=False)
    assert [name for _, name, _ in store.head['skipped']] == ['broken.png']
    shutil.copy(pictures / '0.png', pictures / 'broken.png')
    assert store.build(model, pictures, progress=False) == [(1, 0)]
    assert store.head['skipped'] == []


def test_one_name_in_two_sources_is_skipped_twice(model, pictures, tmp_path):
    (pictures / 'broken.png').write_text('no')
    shutil.copytree(pictures, tmp_path / 'others')
    _build(tmp_path / 'index', model, pictures, tmp_path / 'others')
    shutil.copy(pictures / '0.png', tmp_path / 'others' / 'broken.png')
    _build(tmp_path / 'index', model, tmp_path / 'others')
    (_, reason), = model.index(tmp_path / 'index').skipped
    assert str(pictures / 'broken.png') in reason


def _picture_folder(model, index):
    model.index(index)
    return os.path.dirname(model.search(text='cat').hits[0].path)


def test_index_and_pictures_may_move_together(model, index, pictures,
                                              tmp_path):
    moved = tmp_path / 'moved'
    moved.mkdir()
    index.rename(moved / 'index')
    pictures.rename(moved / 'pictures')
    assert os.path.samefile(_picture_folder(model, moved / 'index'),
                            moved / 'pictures')
    assert _build(moved / 'index', model, moved / 'pictures') == [(0, 0)]
    # The place is known anew: now the index may move on alone.
    (moved / 'index').rename(tmp_path / 'index')
    assert os.path.samefile(_picture_folder(model, tmp_path / 'index'),
                            moved / 'pictures')


def test_index_alone_may_move(model, index, pictures, tmp_path):
    away = tmp_path / 'far' / 'away' / 'index'
    away.parent.mkdir(parents=True)
    index.rename(away)
    assert os.path.samefile(_picture_folder(model, away), pictures)
    assert _build(away, model, pictures) == [(0, 0)]
    assert _build(away, model, tmp_path / 'far' / '..' / 'pictures') == [
        (0, 0)]
    assert os.path.samefile(_picture_folder(model, away), pictures)


def test_manifest_finds_its_pictures_from_a_moved_index(model, tiny,
                                                        tmp_path):
    (tmp_path / 'away').mkdir()
    _build(tmp_path / 'index', model, tiny / 'data' / 'pairs.tsv')
    (tmp_path / 'index').rename(tmp_path / 'away' / 'index')
    assert os.path.samefile(
        _picture_folder(model, tmp_path / 'away' / 'index'),
        tiny / 'data' / 'images')


def test_folder_with_other_files_is_refused(model, pictures):
    with pytest.raises(ValueError, match='folder of its own'):
        IndexStore(pictures).build(model, pictures, progress=False)


def test_source_without_items_is_refused(model, tmp_path):
    (tmp_path / 'none').mkdir()
    with pytest.raises(ValueError, match='at least one picture or text'):
        IndexStore(tmp_path / 'index').build(model, tmp_path / 'none')


def test_two_builders_exclude_each_other(model, index, pictures):
    with FolderLock(index, 'rule', 'advice'):
        with pytest.raises(RuntimeError, match='only one process'):
            IndexStore(index).build(model, pictures, progress=False)


def test_no_such_index(tmp_path):
    with pytest.raises(FileNotFoundError, match='index not found'):
        IndexStore(tmp_path / 'none').gallery()


def test_faiss_recall_is_measured_with_the_other_kind(model, tiny, tmp_path):
    pytest.importorskip('faiss', reason='faiss-cpu is not installed')
    store = IndexStore(tmp_path / 'index')
    store.build(model, tiny / 'data' / 'pairs.tsv', progress=False)
    told = approximate_index(store, model, 'Flat')
    assert told['image']['recall'] == told['text']['recall'] == 1
    exact = [h.score for h in _search(model, tiny / 'data' / 'pairs.tsv')]
    faiss = [h.score for h in _search(model, tmp_path / 'index')]
    np.testing.assert_allclose(faiss, exact, atol=1e-6)
    # Built anew under another name: until the head names it, the old is whole.
    first = {facts['file'] for facts in told.values()}
    again = approximate_index(store, model, 'HNSW8')
    files = {path.name for path in (tmp_path / 'index').glob('*.faiss')}
    assert files == {facts['file'] for facts in again.values()}
    assert not files & first
    (tmp_path / 'index' / again['image']['file']).write_bytes(b'half')
    with pytest.raises(ValueError, match='damaged'):
        model.index(tmp_path / 'index')


def test_what_was_added_meanwhile_is_kept(model, tiny, tmp_path):
    pytest.importorskip('faiss', reason='faiss-cpu is not installed')
    ours = IndexStore(tmp_path / 'index')
    ours.build(model, tiny / 'data' / 'pairs.tsv', progress=False)
    words = tmp_path / 'words.txt'
    words.write_text('cat word1\n')
    theirs = IndexStore(tmp_path / 'index')
    theirs.build(model, words, progress=False)
    approximate_index(ours, model, 'Flat')
    assert IndexStore(tmp_path / 'index').count == theirs.count
    with ours.changing(), pytest.raises(RuntimeError, match='only one'):
        theirs.build(model, words, progress=False)


def _search(model, source):
    model.index(source)
    return model.search(text='cat word1', topk=5).hits


def test_faiss_for_pictures_alone_asks_with_the_vocabulary(model, index):
    pytest.importorskip('faiss', reason='faiss-cpu is not installed')
    told = approximate_index(IndexStore(index), model, 'Flat')
    assert told['image']['queries'] == 500
    head = json.loads((index / 'index.json').read_text())
    assert head['approximate']['image']['recall'] == 1
    with pytest.raises(ValueError, match='FAISS refuses'):
        approximate_index(IndexStore(index), model, 'NoSuchIndex')


def test_an_index_of_an_older_format_is_extended(model, index, pictures):
    head = json.loads((index / 'index.json').read_text())
    part, = head['parts']
    with np.load(index / part['file']) as columns:
        fields = {name: json.loads(columns[name].tobytes())
                  for name in columns.files}
    items = [dict(zip(fields, values, strict=True))
             for values in zip(*fields.values(), strict=True)]
    np.savez(index / part['file'], items=np.frombuffer(
        json.dumps(items).encode(), np.uint8),
        vectors=np.load(index / part['vectors']['file']))
    (index / part['vectors']['file']).unlink()
    head.update(format=3, parts=[dict(
        file=part['file'], rows=3, sha256=sha256(index / part['file']))])
    (index / 'index.json').write_text(json.dumps(head))
    shutil.copy(pictures / '0.png', pictures / 'new.png')
    assert _build(index, model, pictures) == [(1, 0)]
    assert json.loads((index / 'index.json').read_text())['format'] == 4
    assert _hits(model, index) == _hits(model, pictures)
