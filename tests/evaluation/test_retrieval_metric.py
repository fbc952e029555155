"""The metric of the training loop."""
import copy
import pickle

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS

from chtn_plugin.evaluation import (
    RetrievalMetric,
    load_embeddings,
    score_embeddings,
)
from chtn_plugin.evaluation.gathering import gather_items

# Two images, two texts each. Image 0 (class 0) is near texts 0, 1 and 2;
# image 1 (class 1) near text 3.
IMAGES = torch.tensor([[1., 0], [0, 1]])
TEXTS = torch.tensor([[1., .1], [1, .2], [1, .3], [0, 1]])
# i2t of image 0: ranks 1, 2 of its texts: AP 1. Image 1: text 3 first, text
# 2 second: AP 1. t2i: texts 0, 1, 3 find theirs first, text 2 second: 1/2.
EXPECTED = {'i2t_mAP': 1., 't2i_mAP': (1 + 1 + 1 / 2 + 1) / 4}


def samples(texts=TEXTS, images=IMAGES):
    return [dict(sample_idx=i, image_idx=i // 2, text_idx=i,
                 label=torch.tensor(i // 2), image_repr=images[i // 2],
                 text_repr=texts[i]) for i in range(len(texts))]


def evaluated(items, size=None, **options):
    metric = RetrievalMetric(**options)
    metric.dataset_meta = dict(classes=('cat', 'dog'), split='test')
    for start in range(0, len(items), 3):
        metric.process(None, items[start:start + 3])
    return metric.evaluate(len(items) if size is None else size)


def test_figures_of_a_ranking_worked_out_by_hand():
    got = evaluated(samples())
    for key, value in EXPECTED.items():
        assert got[f'retrieval/{key}'] == value
    assert got['retrieval/mean_mAP'] == (1 + 3.5 / 4) / 2
    # One of two images is right: found first or second alike.
    assert got['retrieval/t2i_chance'] == (1 + 1 / 2) / 2
    assert got['retrieval/t2i_tie_share'] == 0


def test_is_built_from_a_config_and_works_in_an_evaluator():
    evaluator = Evaluator([METRICS.build(dict(type='RetrievalMetric',
                                              ks=[1]))])
    evaluator.dataset_meta = dict(classes=('cat', 'dog'))
    evaluator.process(samples())
    assert evaluator.evaluate(4)['retrieval/t2i_P@1'] == 3 / 4


def test_each_class_and_cuts_on_request():
    got = evaluated(samples(), per_class=True, ks=(1, 2))
    assert got['retrieval/t2i_mAP/cat'] == 1
    assert got['retrieval/t2i_mAP/dog'] == (1 / 2 + 1) / 2
    assert got['retrieval/i2t_P@1'] == 1
    assert got['retrieval/i2t_R@1'] == 1 / 2
    assert got['retrieval/i2t_R@2'] == 1


def test_another_protocol_stands_in_the_key():
    got = evaluated(samples(), protocol='map-relevant@1')
    assert got['retrieval/i2t_mAP[map-relevant@1]'] == 1 / 2
    assert 'retrieval/i2t_mAP' not in got


def test_logs_the_protocol_with_the_figures(caplog):
    from mmengine.logging import MMLogger
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        evaluated(samples())
    finally:
        logger.removeHandler(caplog.handler)
    assert 'protocol chtn-map-all: i2t 1.0000 (chance' in caplog.text


def test_items_without_image_or_text_count_where_they_can():
    items = samples()
    items.append(dict(sample_idx=4, image_idx=2, text_idx=-1, label=1,
                      image_repr=torch.tensor([1., 0]), text_repr=None))
    items.append(dict(sample_idx=5, image_idx=-1, text_idx=4, label=1,
                      text_repr=torch.tensor([0., 1])))
    metric = RetrievalMetric()
    metric.process(None, items)
    got = metric.evaluate(6)
    # Image 2 (class 1) ranks texts of class 0, 0, 1, then 1 and 1 tied.
    third = (1 / 3 + 3 / 5 * 2) / 3
    assert got['retrieval/i2t_mAP'] == pytest.approx((1 + 1 + third) / 3)


def test_multi_label_items():
    items = samples()
    for item in items:
        item['label'] = torch.tensor([1., 0] if item['image_idx'] == 0
                                     else [0., 1])
    got = evaluated(items, per_class=True)
    assert got['retrieval/t2i_mAP'] == EXPECTED['t2i_mAP']
    assert got['retrieval/t2i_mAP/dog'] == (1 / 2 + 1) / 2


def test_rows_of_classes_are_kept_small():
    metric = RetrievalMetric()
    items = samples()
    for item in items:
        item['label'] = torch.tensor([1., 0])
    metric.process(None, items[:2])
    for item in items[2:]:
        item['label'] = torch.tensor([float('nan')] * 2)
    metric.process(None, items[2:])
    assert [batch['label'].dtype for batch in metric.results] == [
        np.bool_, np.float32]
    embeddings = metric.embeddings(gather_items(metric.results, 4))
    assert embeddings.text_label[0].tolist() == [1, 0]
    assert np.isnan(embeddings.text_label[2]).all()


def test_a_wrong_number_among_classes_is_refused():
    items = samples()
    for item in items:
        item['label'] = torch.tensor([2., 0])
    with pytest.raises(ValueError, match='must be 0 or 1, row 0 holds 2'):
        evaluated(items)


def test_written_embeddings_score_the_same(tmp_path):
    rng = torch.Generator().manual_seed(0)
    items = samples(torch.randn(40, 5, generator=rng),
                    torch.randn(20, 5, generator=rng))
    for item in items:
        item['label'] = item['image_idx'] % 3
    path = tmp_path / 'embeddings.npz'
    got = evaluated(items, out_file=str(path), out_meta=dict(seed=7),
                    ks=(5,))
    read = load_embeddings(path)
    assert read.meta == dict(split='test', seed=7)
    assert read.classes == ('cat', 'dog')
    scores = score_embeddings(read, ['chtn-map-all', 'precision@5'])
    assert [s.value for s in scores] == [
        got[f'retrieval/{key}'] for key in ('i2t_mAP', 't2i_mAP', 'i2t_P@5',
                                            't2i_P@5')]


def test_order_of_arrival_changes_nothing():
    rng = torch.Generator().manual_seed(1)
    items = samples(torch.randn(40, 5, generator=rng),
                    torch.randn(20, 5, generator=rng))
    turned = [items[i] for i in np.random.default_rng(0).permutation(40)]
    assert evaluated(items) == evaluated(turned)


@pytest.mark.parametrize('change, message', [
    (lambda items: items[:1] + items[2:], 'missing sample_idx 1$'),
    (lambda items: items + items[2:3], 'doubled sample_idx 2$'),
    (lambda items: items[:3] + [dict(items[3], sample_idx=9)],
     'missing sample_idx 3; unknown sample_idx 9$'),
    (lambda items: items[:3] + [dict(items[3], image_idx=0)],
     'share one image must share its classes: image_idx 0 '),
    (lambda items: [], 'none came')])
def test_incomplete_or_doubled_sets_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        evaluated(change(samples()), size=4)


def test_long_lists_of_missing_items_are_cut():
    with pytest.raises(ValueError, match='23 and 76 more'):
        evaluated(samples(), size=100)


def test_not_a_number_is_an_error_that_names_the_row():
    texts = TEXTS.clone()
    texts[2, 0] = float('nan')
    with pytest.raises(ValueError, match='gallery .* row 2 holds NaN'):
        evaluated(samples(texts))


def test_a_failed_evaluation_leaves_nothing_behind():
    metric = RetrievalMetric()
    metric.process(None, samples()[:2])
    with pytest.raises(ValueError):
        metric.evaluate(4)
    metric.process(None, samples())
    assert metric.evaluate(4)['retrieval/i2t_mAP'] == 1


def test_survives_copying_and_pickling():
    metric = pickle.loads(pickle.dumps(copy.deepcopy(RetrievalMetric())))
    metric.process(None, samples())
    assert metric.evaluate(4)['retrieval/i2t_mAP'] == 1


def test_bfloat16_representations_are_kept_in_float32():
    got = evaluated(samples(TEXTS.bfloat16(), IMAGES.bfloat16()))
    assert got['retrieval/i2t_mAP'] == 1


@pytest.mark.parametrize('options, error, message', [
    (dict(protocol='map'), KeyError, 'chtn-map-all'),
    (dict(directions=['t2v']), ValueError, 'i2t, t2i'),
    (dict(out_file='out.pkl'), ValueError, '.npz'),
    (dict(collect_device='gpu'), ValueError, "'cpu'"),
    (dict(ks=[0]), KeyError, 'from 1'),
    (dict(topk=5), TypeError, 'topk'),
    (dict(pairs=['hit-rate@1']), ValueError, 'pair protocols, such as pair-'),
    (dict(similarity='cos'), ValueError, 'cosine, dot, euclidean')])
def test_refuses_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        RetrievalMetric(**options)


# Pairs.


def test_partners_are_looked_for_beside_the_classes():
    got = evaluated(samples())
    # Image 0 finds its text 0 first, image 1 its text 3; text 2, of image 1,
    # finds image 0 first.
    assert got['retrieval/i2t_pair_hit_rate@1'] == 1
    assert got['retrieval/t2i_pair_hit_rate@1'] == 3 / 4
    assert got['retrieval/mean_pair_hit_rate@1'] == 7 / 8
    assert got['retrieval/i2t_pair_median_rank'] == 1
    assert got['retrieval/t2i_pair_hit_rate@1_chance'] == 1 / 2
    assert got['retrieval/t2i_pair_median_rank_chance'] == 1.5


def test_pairs_may_be_left_out_or_chosen():
    assert not any('pair' in key for key in evaluated(samples(), pairs=()))
    got = evaluated(samples(), pairs=['pair-hit-rate@2'])
    assert got['retrieval/t2i_pair_hit_rate@2'] == 1
    assert 'retrieval/t2i_pair_hit_rate@1' not in got


def test_without_partners_nothing_is_said_of_pairs():
    items = [dict(item, **{f'{part}_idx': -1})
             for item, part in zip(samples(), ('text', 'image') * 2,
                                   strict=True)]
    items[2]['image_idx'] = 1
    assert not any('pair' in key for key in evaluated(items))


def test_equal_texts_are_partners_of_both_images():
    items = samples(TEXTS[[0, 0]], IMAGES)
    for item in items:
        item['image_idx'] = item['sample_idx']
        item['image_repr'] = IMAGES[item['image_idx']]
    assert evaluated(items)['retrieval/t2i_pair_hit_rate@1'] == 1 / 2
    items = [dict(item, same_text_idx=0) for item in items]
    got = evaluated(items)
    assert got['retrieval/t2i_pair_hit_rate@1'] == 1
    assert got['retrieval/i2t_pair_hit_rate@1'] == 1


def test_unlabelled_pairs_count_for_pairs_alone(tmp_path):
    items = samples()
    extra = [dict(sample_idx=4, image_idx=2, text_idx=4, label=-1,
                  image_repr=torch.tensor([-1., 0]),
                  text_repr=torch.tensor([-1., -.1]))]
    got = evaluated(items + extra, out_file=str(tmp_path / 'e.npz'))
    alone = evaluated(items)
    for key in ('i2t_mAP', 't2i_mAP', 't2i_chance'):
        assert got[f'retrieval/{key}'] == alone[f'retrieval/{key}']
    assert got['retrieval/t2i_pair_hit_rate@1'] == 4 / 5
    stored = load_embeddings(tmp_path / 'e.npz')
    assert stored.text_label.tolist() == [0, 0, 1, 1, -1]
    assert stored.image_pair.tolist() == [0, 2, 4]
    assert stored.text_pair.tolist() == [0, 0, 2, 2, 4]


def test_without_any_class_only_pairs_are_reported():
    items = samples()
    for item in items:
        del item['label']
    got = evaluated(items)
    assert got['retrieval/t2i_pair_hit_rate@1'] == 3 / 4
    assert 'retrieval/i2t_mAP' not in got


# The similarity that a model is made for.


def test_similarity_follows_the_predictions(tmp_path):
    # By the product every image is nearest to the long text 3.
    texts = torch.tensor([[1., 0], [1, 0], [0, 1], [9, 9]])
    items = samples(texts)
    said = [dict(item, similarity='dot') for item in items]
    path = tmp_path / 'e.npz'
    got = evaluated(said, out_file=str(path))
    # Image 0 finds text 3, then its own two, tied: their group ends third.
    assert got['retrieval/i2t_mAP'] == (2 / 3 + 1) / 2
    assert evaluated(items)['retrieval/i2t_mAP'] == 1
    assert got == evaluated(items, similarity='dot')
    wins = evaluated(said, protocol='chtn-map-all:cosine')
    assert wins['retrieval/i2t_mAP'] == 1
    stored = load_embeddings(path)
    assert stored.meta['similarity'] == 'dot'
    assert score_embeddings(stored, ['chtn-map-all'])[0].protocol.name == (
        'chtn-map-all:dot')


def test_predictions_of_two_similarities_are_an_error():
    items = [dict(item, similarity=kind) for item, kind in
             zip(samples(), ['dot', 'dot', 'cosine', 'dot'], strict=True)]
    with pytest.raises(ValueError, match="agree .*'cosine', 'dot'"):
        evaluated(items)


def test_the_protocol_that_was_used_is_kept_with_its_similarity():
    metric = RetrievalMetric()
    assert metric.reported == ''
    metric.process(None, [dict(item, similarity='dot') for item in samples()])
    metric.evaluate(4)
    assert metric.reported == 'chtn-map-all:dot'


@pytest.mark.parametrize('options', [
    {}, dict(protocol='map-min@50'), dict(ks=(1, 5), per_class=True),
    dict(directions=('i2i', 't2t')), dict(prefix='mine')])
def test_every_key_of_a_result_is_known_before(options):
    metric = RetrievalMetric(**options)
    assert set(evaluated(samples(), **options)) <= metric.keys(('cat', 'dog'))


def test_labels_of_one_class_alone_are_refused():
    items = [dict(item, label=torch.tensor(0), image_idx=item['sample_idx'])
             for item in samples()]
    with pytest.raises(ValueError, match=r'chance must be below 0.999: i2t '
                                         'has 1.0000 .*one class alone'):
        evaluated(items, pairs=())
    # Whether the very partner is found means something all the same.
    assert not any('mAP' in key for key in evaluated(items))
