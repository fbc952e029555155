"""tools/index.py as a user runs it."""
import pytest
from tiny_run import run_tool, write_run


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp('index')
    write_run(folder)
    return folder


def test_build_extend_inspect_search(tiny, tmp_path):
    index = tmp_path / 'index'
    (tmp_path / 'more').mkdir()
    (tmp_path / 'more' / 'broken.png').write_text('no')
    (tmp_path / 'more' / 'names.txt').write_text('cat\nbird\n')
    images = tiny / 'data' / 'images'
    status, out, err = run_tool('index', 'build', tiny / 'run', images,
                                '--out', index)
    assert status == 0, err
    assert f'{images}: 12 items added' in out
    status, out, err = run_tool('index', 'build', tiny / 'run',
                                tmp_path / 'more', '--out', index)
    assert '2 items added' in out
    assert 'skipped broken.png: a picture must be' in out
    status, out, err = run_tool('index', 'inspect', index)
    assert '12 pictures, 2 texts' in out
    assert 'whole' in out
    status, out, err = run_tool('search', tiny / 'run', '--gallery', index,
                                '--text', 'cat')
    assert (status, out.count('.png')) == (0, 10)
    (tmp_path / 'more' / 'broken.png').unlink()
    (tmp_path / 'more' / 'names.txt').write_text('cat\n')
    status, out, err = run_tool('index', 'build', tiny / 'run',
                                tmp_path / 'more', '--out', index)
    assert '0 items added, 1 dropped that are no longer there' in out
    assert 'skipped' not in out


def test_unfinished_sources_are_named(tiny, tmp_path, monkeypatch):
    from chtn_plugin.apis import index_store
    images, words = tiny / 'data' / 'images', tmp_path / 'words.txt'
    words.write_text('cat')

    def failing(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(index_store, 'encode_items', failing)
        status, _, err = run_tool('index', 'build', tiny / 'run', images,
                                  words, '--out', tmp_path / 'index')
    assert status == 130
    assert 'interrupted. What was encoded is kept; the same command' in err
    _, out, _ = run_tool('index', 'build', tiny / 'run', images, '--out',
                         tmp_path / 'index')
    assert f'unfinished: {words}. Build again' in out
    _, out, _ = run_tool('index', 'inspect', tmp_path / 'index')
    assert f'sources    {images}, {words} (unfinished)' in out


def test_faiss_recall_is_shown(tiny, tmp_path):
    pytest.importorskip('faiss', reason='faiss-cpu is not installed')
    status, out, err = run_tool(
        'index', 'build', tiny / 'run', tiny / 'data' / 'pairs.tsv', '--out',
        tmp_path / 'index', '--faiss', 'Flat')
    assert status == 0, err
    assert 'image: Flat finds 100.0% of the exact top 10' in out
    assert 'queries of the other kind' in out


def test_missing_source_is_an_error_in_words(tiny, tmp_path):
    status, _, err = run_tool('index', 'build', tiny / 'run',
                              tmp_path / 'gone', '--out', tmp_path / 'index')
    assert status == 1
    assert 'gallery not found' in err


def test_a_wanted_recall_goes_with_faiss(tiny, tmp_path):
    status, _, err = run_tool(
        'index', 'build', tiny / 'run', tiny / 'data' / 'pairs.tsv', '--out',
        tmp_path / 'index', '--recall', '0.9')
    assert status == 2
    assert '--recall goes with --faiss' in err


def test_threads_make_the_same_index(tiny, tmp_path):
    import numpy as np

    from chtn_plugin.apis.index_store import IndexStore
    found = []
    for workers in (0, 2):
        status, out, err = run_tool(
            'index', 'build', tiny / 'run', tiny / 'data' / 'images',
            '--out', tmp_path / str(workers), '--workers', workers)
        assert status == 0, err
        found.append(IndexStore(tmp_path / str(workers)).contents())
    assert np.array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_fewer_than_no_threads_are_refused(tiny, tmp_path):
    status, out, err = run_tool(
        'index', 'build', tiny / 'run', tiny / 'data' / 'images', '--out',
        tmp_path / 'index', '--workers', -1)
    assert status == 2
    assert '--workers must be 0 or more, got -1' in err
