"""The same ranks on every path, however the work is cut."""
import numpy as np
import pytest
import torch
from slow_reference import average_precision as slow_average_precision

from chtn_plugin.evaluation import functional as F
from chtn_plugin.evaluation.counting import count_tile
from chtn_plugin.evaluation.counting_device import count_tile_on_device
from chtn_plugin.evaluation.rank_table import (
    RankTable,
    group_ties,
    item_ranks,
)
from chtn_plugin.evaluation.ranking import rank_tiles
from chtn_plugin.evaluation.relevance import Relevance
from chtn_plugin.evaluation.similarity import Similarity


def clusters(items, classes=3, seed=0, size=8, decimals=None):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, items)
    centres = np.random.default_rng(99).normal(size=(classes, size))
    rows = (rng.normal(size=(items, size)) + centres[labels])
    if decimals is not None:
        rows = np.round(rows, decimals)
    return rows.astype(np.float32), labels


def average_precisions(query, gallery, same=None, ties='group', tile=None,
                       kind='cosine', float64=None, **options):
    similarity = Similarity(query[0], gallery[0], kind, float64=float64)
    if tile is not None:
        similarity.tile = tile
    relevance = Relevance(query[1], gallery[1], same)
    return np.concatenate([value for _, value in rank_tiles(
        similarity, relevance, F.average_precision, ties, **options)])


def slow_cosines(query, gallery):
    a, b = query.astype(float), gallery.astype(float)
    a /= np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-300)
    b /= np.maximum(np.linalg.norm(b, axis=1, keepdims=True), 1e-300)
    return (np.round(a @ b.T * 2**44) / 2**44).astype(np.float32)


def check_against_double_loop(query, gallery, relevant):
    scores = slow_cosines(query[0], gallery[0])
    slow = [slow_average_precision(s, r)
            for s, r in zip(scores, relevant, strict=True)]
    np.testing.assert_allclose(average_precisions(query, gallery), slow,
                               atol=1e-12)


@pytest.mark.parametrize('decimals', [None, 0])
@pytest.mark.parametrize('queries, items, classes', [
    (20, 35, 3), (35, 20, 4), (10, 10, 1), (1, 1, 1), (1, 30, 2),
    (30, 1, 2)])
def test_agrees_with_a_double_loop(queries, items, classes, decimals):
    query = clusters(queries, classes, 1, 3, decimals)
    gallery = clusters(items, classes, 2, 3, decimals)
    check_against_double_loop(query, gallery,
                              query[1][:, None] == gallery[1])


def test_multi_label_agrees_with_a_double_loop():
    rng = np.random.default_rng(0)
    query = clusters(20)[0], rng.random((20, 4)) < .3
    gallery = clusters(30, seed=1)[0], rng.random((30, 4)) < .3
    check_against_double_loop(query, gallery,
                              (query[1][:, None] & gallery[1]).any(2))


def test_one_class_each_gives_the_same_as_single_label():
    query, gallery = clusters(20, decimals=0), clusters(30, seed=1,
                                                        decimals=0)
    for ties in ('group', 'stable'):
        single = average_precisions(query, gallery, ties=ties)
        multi = average_precisions((query[0], np.eye(3)[query[1]]),
                                   (gallery[0], np.eye(3)[gallery[1]]),
                                   ties=ties)
        assert (single == multi).all()


@pytest.mark.parametrize('multi_label', [False, True])
def test_within_one_modality_the_query_itself_is_left_out(multi_label):
    rows, labels = clusters(12)
    known = np.eye(3)[labels] if multi_label else labels
    got = average_precisions((rows, known), (rows, known), np.arange(12))
    scores = slow_cosines(rows, rows)
    for q in range(12):
        others = np.arange(12) != q
        assert got[q] == pytest.approx(slow_average_precision(
            scores[q, others], labels[others] == labels[q]))


OPTIONS = [dict(chunk=1), dict(chunk=7), dict(threads=2),
           dict(compiled=True), dict(compiled=True, threads=2, chunk=50),
           dict(tiles=[0, 1, 2])]


@pytest.mark.parametrize('ties', ['group', 'stable'])
@pytest.mark.parametrize('float64', [False, True])
@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_chunks_threads_and_compiling_change_no_digit(options, float64,
                                                      ties):
    if options.get('compiled'):
        pytest.importorskip('numba')
    query = clusters(300, 5, 1, decimals=0)
    gallery = clusters(700, 5, 2, decimals=0)
    plain = average_precisions(query, gallery, ties=ties, float64=float64,
                               compiled=False, threads=1)
    other = average_precisions(query, gallery, ties=ties, float64=float64,
                               **options)
    assert (plain == other).all()


@pytest.mark.parametrize('tile', [1, 16, 300])
def test_size_of_the_tile_changes_no_digit(tile):
    query, gallery = clusters(300, 5, 1), clusters(700, 5, 2)
    assert (average_precisions(query, gallery)
            == average_precisions(query, gallery, tile=tile)).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16,
                                   torch.float64])
def test_type_of_the_embeddings_changes_no_digit(dtype):
    # Values that every type holds exactly.
    query = clusters(50, 3, 1, decimals=0)
    gallery = clusters(80, 3, 2, decimals=0)
    plain = average_precisions(query, gallery)
    other = average_precisions(
        (torch.from_numpy(query[0]).to(dtype), query[1]),
        (torch.from_numpy(gallery[0]).to(dtype), gallery[1]))
    assert (plain == other).all()


def test_half_precision_is_ranked_in_float32():
    # Cosines 0.99995 and 0.99992 are one number in bfloat16.
    gallery = torch.tensor([[1, .0126], [1, .01]]).bfloat16()
    query = torch.tensor([[1., 0]]).bfloat16()
    got = average_precisions((query, np.array([1])),
                             (gallery, np.array([0, 1])))
    assert got.tolist() == [1]


def test_groups_do_not_depend_on_file_order():
    query = clusters(40, decimals=0, size=2)
    rows, labels = clusters(60, seed=1, decimals=0, size=2)
    turned = np.random.default_rng(5).permutation(60)
    assert (average_precisions(query, (rows, labels))
            == average_precisions(query, (rows[turned], labels[turned]))
            ).all()


@pytest.mark.parametrize('kind', ['dot', 'euclidean'])
def test_other_similarities_rank_as_they_read(kind):
    query, gallery = clusters(9, 2, 1, 3), clusters(15, 2, 2, 3)
    a, b = query[0].astype(float), gallery[0].astype(float)
    scores = (a @ b.T if kind == 'dot' else
              -np.square(a[:, None] - b).sum(2))
    slow = [slow_average_precision(s, gallery[1] == c)
            for s, c in zip(scores, query[1], strict=True)]
    np.testing.assert_allclose(
        average_precisions(query, gallery, kind=kind), slow, atol=1e-12)


def test_zero_vector_has_cosine_0():
    query = np.array([[1., 0]]), np.array([1])
    gallery = np.array([[-1., 0], [0, 0], [1, 1]]), np.array([0, 1, 0])
    assert average_precisions(query, gallery).tolist() == [.5]


@pytest.mark.parametrize('counter', ['numpy', 'slots', 'sorting', 'compiled',
                                     'device'])
@pytest.mark.parametrize('shape, decimals', [
    ((5, 1000), None), ((5, 1000), 1), ((3, 60000), 2), ((3, 60000), None),
    ((4, 3), 0), ((2, 50), -3)])
def test_counters_agree_with_sorting(monkeypatch, counter, shape, decimals):
    from chtn_plugin.evaluation import counting
    if counter == 'slots':
        monkeypatch.setattr(counting, '_FEW_COLUMNS', 0)
        monkeypatch.setattr(counting, '_sort_rows', counting._count_rows)
    if counter == 'sorting':
        monkeypatch.setattr(counting, '_count_rows', counting._sort_rows)
    rng = np.random.default_rng(0)
    scores = rng.normal(size=shape).astype(np.float32)
    if decimals is not None:
        scores = np.round(scores, decimals)
    stops = np.minimum([shape[1], shape[1] // 2, 5, 3, 0][:shape[0]],
                       shape[1])
    starts = np.minimum([0, shape[1] // 3, 2, 3, 0][:shape[0]], stops)
    scores[1, starts[1]:starts[1] + 1] = -np.inf  # an item taken out
    if counter == 'device':
        got = count_tile_on_device(torch.from_numpy(scores), starts, stops)
    else:
        if counter == 'compiled':
            pytest.importorskip('numba')
        got = count_tile(scores, starts, stops, counter == 'compiled')
    before, size, offsets = got
    for q in range(len(scores)):
        one = slice(offsets[q], offsets[q + 1])
        expected = item_ranks(scores[q], slice(starts[q], stops[q]))
        assert (before[one] == expected[0]).all()
        assert (size[one] == expected[1]).all()


@pytest.mark.parametrize('counts', [[3, 0, 2], [300, 200], [0, 0], [1]])
def test_ties_merge_into_groups(counts):
    # Every second relevant item ties with the one before it in its query.
    offsets = np.concatenate([[0], np.cumsum(counts)])
    before = np.concatenate([np.arange(n) // 2 * 2 for n in counts])
    size = np.full(len(before), 2)
    table = group_ties(before.astype(np.int64), size, offsets, 1000)
    for q, count in enumerate(counts):
        groups = slice(table.offsets[q], table.offsets[q + 1])
        starts = np.arange(0, count, 2)
        assert table.before[groups].tolist() == starts.tolist()
        assert table.hits_before[groups].tolist() == starts.tolist()
        assert table.hits[groups].tolist() == np.minimum(
            2, count - starts).tolist()
    assert table.relevant.tolist() == counts
    assert table.tied_items().tolist() == counts


def test_scores_beyond_any_scale_are_still_ranked():
    # The width of this range has no float32 inverse.
    row = np.array([[0, 1e-44, 3e-44, 2e-44]], np.float32)
    for compiled in (False, True):
        if compiled:
            pytest.importorskip('numba')
        before, _, _ = count_tile(row, np.array([1]), np.array([3]),
                                  compiled)
        assert before.tolist() == [0, 2]


def test_names_the_row_that_is_not_finite():
    query, gallery = clusters(5)[0], clusters(6)[0]
    gallery[4, 2] = np.inf
    with pytest.raises(ValueError, match='gallery .* row 4 holds NaN or inf'):
        Similarity(query, gallery)


@pytest.mark.parametrize('wrong, message', [
    (dict(kind='cos'), 'cosine, dot, euclidean'),
    (dict(chunk=0), 'chunk must be at least 1'),
    (dict(threads=0), 'threads must be at least 1'),
    (dict(ties='fair'), 'group, stable, expected')])
def test_refuses_wrong_options(wrong, message):
    with pytest.raises(ValueError, match=message):
        average_precisions(clusters(3), clusters(4), **wrong)


def test_refuses_other_feature_size_and_mixed_labels():
    with pytest.raises(ValueError, match=r'\(2, 3\) and \(2, 4\)'):
        Similarity(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match=r'\(2,\) and \(2, 3\)'):
        Relevance(np.zeros(2), np.zeros((2, 3)))
    with pytest.raises(ValueError, match='0 or 1, row 1 holds 2'):
        Relevance(np.array([[0, 1], [2, 0]]), np.zeros((1, 2)))


def test_overflowing_products_are_an_error():
    huge = np.full((1, 2), 1e30), np.array([0])
    with pytest.raises(ValueError, match='overflow'):
        average_precisions(huge, huge, kind='dot')


def test_share_of_ties_counts_relevant_items():
    table = next(rank_tiles(
        Similarity(np.array([[1., 0]]), np.array([[1., 0], [2, 0], [0, 1]])),
        Relevance(np.array([1]), np.array([1, 0, 1])), lambda t: t))[1]
    assert isinstance(table, RankTable)
    # Of the relevant items 0 and 2 the first ties with the irrelevant 1.
    assert table.tied_items().tolist() == [1]


@pytest.mark.parametrize('multi_label', [False, True])
def test_two_tie_rules_in_one_pass_give_what_each_gives_alone(multi_label):
    rows, labels = clusters(60, size=3, decimals=0)
    if multi_label:
        labels = np.eye(3, dtype=int)[labels]
    both = next(rank_tiles(
        Similarity(rows, rows), Relevance(labels, labels),
        lambda *tables: [F.average_precision(t) for t in tables],
        ('group', 'stable')))[1]
    for rule, value in zip(('group', 'stable'), both, strict=True):
        alone = average_precisions((rows, labels), (rows, labels), ties=rule)
        assert value.tolist() == alone.tolist()
    assert both[0].tolist() != both[1].tolist()


def test_without_numba_the_plain_counter_serves(monkeypatch):
    from chtn_plugin.evaluation import counting

    def missing():
        raise ImportError('no numba')

    monkeypatch.setattr(counting, '_compiled_counter', missing)
    assert not counting.use_compiled(None, 10**12)
    with pytest.raises(ImportError, match=r'chtn-plugin\[fast\]'):
        counting.use_compiled(True, 1)


def test_small_work_does_not_import_numba(monkeypatch):
    from chtn_plugin.evaluation import counting
    monkeypatch.setattr(counting, '_compiled_counter', pytest.fail)
    assert not counting.use_compiled(None, 10_000)


@pytest.mark.parametrize('float64', [False, True])
def test_equal_items_tie_wherever_they_stand(float64):
    # Five different items, 200 copies each: a group is relevant or not, so
    # its size is what every relevant item of it is tied with.
    rows = np.random.default_rng(0).normal(size=(5, 100))
    which = np.random.default_rng(1).permutation(np.arange(1000) % 5)
    table = next(rank_tiles(
        Similarity(rows[:2], rows[which], float64=float64),
        Relevance(np.arange(2), which), lambda t: t))[1]
    assert table.size.tolist() == [200, 200]
    assert table.before.tolist() == [0, 0]
