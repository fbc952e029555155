"""FAISS beside an index: tuned for a wanted recall, on real queries."""
import numpy as np
import pytest

from chtn_plugin.evaluation.approximate import (
    build_approximate,
    describe,
    load_approximate,
)

pytest.importorskip('faiss', reason='faiss-cpu is not installed')


@pytest.fixture(scope='module')
def vectors():
    """Rows, and queries from another part of the space."""
    draw = np.random.default_rng(0)
    rows = draw.standard_normal((3000, 16)).astype(np.float32)
    queries = (draw.standard_normal((80, 16)) + 2).astype(np.float32)
    return tuple(each / np.linalg.norm(each, axis=1, keepdims=True)
                 for each in (rows, queries))


def built(folder, vectors, factory, wanted):
    return build_approximate(folder, 'image', vectors[0], factory,
                             vectors[1], wanted=wanted)


@pytest.mark.parametrize('factory, name', [
    ('HNSW8', 'efSearch'), ('IVF32,Flat', 'nprobe'),
    ('RR16,IVF32,Flat', 'nprobe')])
def test_more_is_looked_at_until_the_recall_is_reached(tmp_path, vectors,
                                                       factory, name):
    low = built(tmp_path, vectors, factory, .3)
    high = built(tmp_path, vectors, factory, .99)
    assert list(low['search']) == list(high['search']) == [name]
    assert high['search'][name] > low['search'][name]
    assert low['recall'] >= .3
    assert high['recall'] >= .99
    assert f'with {name} {high["search"][name]} finds' in describe(
        'image', high)


def test_what_was_found_is_kept_in_the_file(tmp_path, vectors):
    told = built(tmp_path, vectors, 'IVF32,Flat', .9)
    index = load_approximate(tmp_path, dict(image=told))['image']
    assert index.nprobe == told['search']['nprobe'] > 1


def test_a_recall_out_of_reach_is_said(tmp_path, vectors):
    # 16 numbers in one byte: all cells are looked at, and it misses most.
    told = built(tmp_path, vectors, 'IVF4,PQ1', 1.)
    assert told['search'] == dict(nprobe=4)
    assert told['recall'] < 1
    assert 'wanted are 100.0%, out of its reach' in describe('image', told)


def test_an_index_without_such_an_option_stays(tmp_path, vectors):
    told = built(tmp_path, vectors, 'Flat', .95)
    assert told['search'] == {}
    assert told['recall'] == 1


@pytest.mark.parametrize('wanted', [0., 1.1])
def test_a_recall_out_of_range_is_refused(tmp_path, vectors, wanted):
    with pytest.raises(ValueError, match='above 0 and at most 1, got'):
        built(tmp_path, vectors, 'Flat', wanted)


def test_a_wanted_recall_needs_queries(tmp_path, vectors):
    with pytest.raises(ValueError, match='needs queries of the other kind'):
        build_approximate(tmp_path, 'image', vectors[0], 'Flat', None,
                          wanted=.9)
