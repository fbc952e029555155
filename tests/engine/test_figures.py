"""Retrieval figures in words."""
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from chtn_plugin.engine.figures import (
    describe_figures,
    reported_protocol,
    retrieval_metric_of,
)

METRIC = dict(type='RetrievalMetric', protocol='map-min@50')


class Split(list):
    metainfo = dict(split='val')


@pytest.mark.parametrize('evaluator', [
    METRIC, [dict(type='Other'), METRIC],
    dict(type='Evaluator', metrics=[METRIC])])
def test_finds_the_metric_wherever_it_stands(evaluator):
    cfg = Config(dict(test_evaluator=evaluator))
    assert retrieval_metric_of(cfg).protocol == 'map-min@50'


def test_refuses_an_evaluator_without_the_metric():
    with pytest.raises(KeyError, match='val_evaluator must have a Retrieval'):
        retrieval_metric_of(Config(dict(val_evaluator=dict(type='Other'))),
                            'val_evaluator')


def test_names_protocol_split_and_chance_of_each_direction():
    cfg = Config(dict(test_evaluator=METRIC))
    assert describe_figures(cfg, Split('abc'), {
        'retrieval/i2t_mAP@50': .5, 'retrieval/i2t_chance': .125,
        'retrieval/mean_mAP@50': .25}).splitlines() == [
            'protocol map-min@50, split val, 3 items',
            '  image to text i2t_mAP@50  0.5000 (chance 0.1250)',
            '  mean of both  mean_mAP@50 0.2500']


def test_ranks_of_pairs_have_one_digit_and_shares_four():
    lines = describe_figures(Config(), Split(), {
        't2i_pair_median_rank': 3., 't2i_pair_median_rank_chance': 50.,
        't2i_pair_recall@1': .5}, protocol='mine').splitlines()
    assert lines[0] == 'protocol mine, split val, 0 items'
    assert lines[1].split('  ')[-1].split() == ['3.0', '(chance', '50.0)']
    assert lines[2].split()[-1] == '0.5000'


def test_a_configuration_without_the_metric_is_named_as_such():
    assert describe_figures(Config(), Split(), {}) == (
        'protocol of the configuration, split val, 0 items')


def test_the_protocol_that_an_evaluator_used_is_its_metrics():
    evaluator = SimpleNamespace(metrics=[
        object(), SimpleNamespace(reported='chtn-map-all:dot')])
    assert reported_protocol(evaluator) == 'chtn-map-all:dot'
    assert reported_protocol(None) == ''
