import json

import numpy as np
import pytest

from chtn_plugin.evaluation import Embeddings
from chtn_plugin.reporting.run_report import RunReport
from chtn_plugin.reporting.training_log import read_training_log


def _embeddings(labels, **changes):
    labels = np.asarray(labels)
    classes = labels if labels.ndim == 1 else labels.argmax(1)
    rng = np.random.default_rng(0)
    image, text = np.eye(4)[classes] + rng.normal(size=(2, len(labels), 4)) / 9
    fields = dict(image=image, text=text, image_label=labels,
                  text_label=labels, classes=('sea', '<b>sky', 'sun'),
                  meta=dict(text_content=[
                      f'<script>{i}</script>' for i in range(len(labels))]))
    return Embeddings(**{**fields, **changes})


@pytest.mark.parametrize('labels', [
    [0, 1, 2] * 5, np.eye(3)[[0, 1, 2] * 5], [0, 0, 1]])
def test_page_is_whole_and_escaped(labels):
    report = RunReport(_embeddings(labels), 'run <1>', dict(seed=0),
                       'model = dict()', dict(loss_a=([1, 2], [3., 2.])),
                       tsne=False)
    text = report.html()
    assert '<script' not in text
    assert '&lt;b&gt;sky' in text and 'run &lt;1&gt;' in text
    for heading in ('Figures', 'Precision and recall', 'By class',
                    'worst queries', 'What is taken for what', 'Training',
                    'Configuration'):
        assert heading in text
    assert 'chtn-map-all' in text and 'chance' in text and '95 %' in text


def test_figures_are_those_of_the_protocol():
    # all of a class equal, classes apart: every ranking is perfect
    perfect = _embeddings([0, 1] * 4, image=np.eye(2)[[0, 1] * 4],
                          text=np.eye(2)[[0, 1] * 4])
    text = RunReport(perfect, 'r', tsne=False).html()
    assert text.count('<b>1.0000</b>') == 3


def test_partners_have_a_table_where_they_are_known():
    assert 'Finding the very item' not in RunReport(
        _embeddings([0, 1] * 4), 'r', tsne=False).html()
    keys = np.arange(8)
    text = RunReport(_embeddings([0, 1] * 4, image_pair=keys, text_pair=keys),
                     'r', tsne=False).html()
    assert 'Finding the very item' in text
    assert 'pair-median-rank' in text and 'pair-hit-rate@10' in text


@pytest.mark.parametrize('labels', [
    [0, 1, -1] * 5, [[1, 0], [0, 1], [np.nan, np.nan]] * 5])
def test_items_without_class_are_shown_as_such(labels):
    keys = np.arange(15)
    report = RunReport(_embeddings([0, 1, 2] * 5, image_label=np.array(labels),
                                   text_label=np.array(labels),
                                   image_pair=keys, text_pair=keys), 'r',
                       tsne=False)
    text = report.html()
    assert 'no class' in text and '<h2>By class' in text
    assert 'The 20 worst queries' in text


def test_query_without_relevant_item_is_no_worst_query():
    report = RunReport(_embeddings([0, 1, 2], text_label=np.array([0, 1, 1])),
                       'r', tsne=False)
    assert 'The 5 worst queries' in report.html()


def test_common_space_is_drawn():
    pytest.importorskip('sklearn', reason='scikit-learn is not installed')
    report = RunReport(_embeddings([0, 1, 2] * 4, classes=(
        'a', '$x_{$', 'c')), 'r')
    assert 't-SNE' in report.html()
    assert report.scatter.size[0] > 500


def test_one_modality_is_refused():
    with pytest.raises(ValueError, match='no text embeddings'):
        RunReport(Embeddings(image=np.ones((2, 2)), image_label=np.zeros(
            2, int)), 'r').html()


def test_log_of_a_resumed_run_is_one_curve(tmp_path):
    for name, lines in (
            ('1', [dict(loss=3, loss_a=2, lr=1, iter=10),
                   {'retrieval/mean_mAP': .1, 'step': 0},
                   dict(loss=9, loss_a=9, iter=20)]),
            ('2', [dict(loss=1, loss_a=1, iter=20), dict(loss=float('nan'),
                                                         iter=30)])):
        folder = tmp_path / name / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text(
            ''.join(json.dumps(line) + '\n' for line in lines) + '{"cut')
    training, validation = read_training_log(tmp_path)
    assert training['loss_a'] == ([10, 20], [2., 1.])
    assert training['loss'] == ([10, 20], [3., 1.])
    assert 'lr' not in training
    assert validation == {'retrieval/mean_mAP': ([10], [.1])}


def test_no_log_is_no_error(tmp_path):
    assert read_training_log(tmp_path) == ({}, {})
