"""Printing configurations, seeing inputs, counting, and reading logs."""
from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MODEL = dict(
    type='CHTN', num_classes=2, num_source_classes=2,
    backbone=dict(type='SmallConvNet', channels=(4, ), in_channels=3),
    input_shape=(3, 4, 4), pooling='average',
    text_encoder=dict(type='VectorTextEncoder', out_features=8),
    image_pathway=dict(type='Pathway', widths=(5, 6)),
    common_head=dict(type='CommonHead', widths=(7, 7)))


def run(monkeypatch, tool, *arguments):
    monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
    runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')


@pytest.fixture
def config(tmp_path, pairs):
    dataset = dict(type='CrossModalDataset', ann_file='pairs.tsv',
                   data_root=str(pairs),
                   pipeline=[dict(type='LoadRGBImage')],
                   text=dict(type='BagOfWords', num_terms=8))
    path = tmp_path / 'tiny.py'
    Config(dict(model=MODEL, train_dataloader=dict(dataset=dict(
        dataset, split='train')), test_dataloader=dict(dataset=dict(
            dataset, split='test')))).dump(str(path))
    return path


def test_printed_config_is_the_merged_one(monkeypatch, config, capsys):
    run(monkeypatch, 'print_config.py', config, '--cfg-options',
        'model.pooling=max')
    text = capsys.readouterr().out
    assert Config.fromstring(text, '.py').model.pooling == 'max'


def test_printed_config_refuses_what_nothing_reads(monkeypatch, config):
    with pytest.raises(SystemExit, match='poling'):
        run(monkeypatch, 'print_config.py', config, '--cfg-options',
            'model.poling=max')


def test_browsing_draws_the_batch(monkeypatch, config, tmp_path, capsys):
    run(monkeypatch, 'browse_dataset.py', config, '-o', tmp_path / 'seen',
        '-p', 'test')
    path = tmp_path / 'seen' / 'tiny_test.png'
    assert str(path) in capsys.readouterr().out
    with Image.open(path) as picture:
        assert min(picture.size) > 100


def test_flops_are_counted_by_hand(monkeypatch, config, capsys):
    run(monkeypatch, 'analysis_tools/get_flops.py', config)
    lines = capsys.readouterr().out.splitlines()
    # conv 3·4·9 weights and BN 2·4; fc6 4·5+5, fc7 5·6+6; head 6·7+7, 7·7+7,
    # 7·2+2
    head = 49 + 56 + 16
    image = 108 + 8 + 25 + 36 + head
    text = 2 * 8 + 45 + 36 + head
    assert f'{image / 1e6:.3f} M' in lines[2]
    assert f'{text / 1e6:.3f} M' in lines[3]


@pytest.mark.parametrize('encoder, expected', [
    (dict(type='WordCNN', num_words=5, vector_size=2, channels=1), (1, 9)),
    (dict(type='VectorTextEncoder', out_features=8), (1, 8))])
def test_flops_feed_each_text_encoder(encoder, expected):
    from mmengine.registry import MODELS

    from chtn_plugin.models.complexity import text_input
    built = MODELS.build(encoder).eval()
    text = text_input(built, 9)
    assert tuple(text.shape) == expected
    assert built(text).shape == (1, built.out_features)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / 'run' / '20260101' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    rows = [dict(loss=2., time=0.1, iter=10, step=10),
            dict({'retrieval/mean_mAP': 0.5}, step=0),
            dict(loss=1., time=0.3, iter=20, step=20)]
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows) + '{"lo')
    return tmp_path / 'run'


def test_curves_are_drawn(monkeypatch, log, tmp_path):
    run(monkeypatch, 'analysis_tools/analyze_logs.py', 'plot_curve', log,
        '--keys', 'loss', 'retrieval/mean_mAP', '--out', tmp_path / 'c.png')
    with Image.open(tmp_path / 'c.png') as picture:
        assert picture.size[0] > 100


def test_a_validation_counts_where_training_stood(log):
    from chtn_plugin.cli.analyze_logs import read_log
    assert [row['step'] for row in read_log(log)] == [10, 10, 20]


def test_unknown_key_names_those_there_are(monkeypatch, log):
    with pytest.raises(SystemExit, match="no 'lost'; it has .*loss"):
        run(monkeypatch, 'analysis_tools/analyze_logs.py', 'plot_curve', log,
            '--keys', 'lost', '--out', 'x.png')


def test_time_of_an_iteration(monkeypatch, log, capsys):
    run(monkeypatch, 'analysis_tools/analyze_logs.py', 'cal_train_time', log)
    assert 'median 0.2000 s' in capsys.readouterr().out


def test_seen_text_reads_back_what_was_encoded():
    from chtn_plugin.text import BagOfWords, WordIndices
    from chtn_plugin.text.decoding import seen_text
    words = WordIndices(num_words=9, max_length=4)
    words.fit(['a cat'])
    assert seen_text(words, words(['cat bird a'])) == ['cat [unknown] a']
    bag = BagOfWords(num_terms=9)
    bag.fit(['a cat'])
    assert seen_text(bag, bag(['cat cat a'])) == ['cat:2 a:1']
    assert seen_text(None, torch.zeros(2, 5)) == ['vector (5,)'] * 2
