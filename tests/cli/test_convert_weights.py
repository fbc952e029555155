"""tools/convert_weights.py, as its user calls it."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
import torch

TOOL = Path(__file__).parents[2] / 'tools' / 'convert_weights.py'
CONFIG = """model = dict(
    type='CHTN', num_classes=2, num_source_classes=10,
    backbone=dict(type='AlexNetBN', layout='torchvision'),
    text_encoder=dict(type='VectorTextEncoder', out_features=3),
    image_pathway=dict(type='Pathway', widths=(16, 12)),
    common_head=dict(type='CommonHead', widths=(4, 4)))
"""
SHAPES = {'features.0': (64, 3, 11, 11), 'features.3': (192, 64, 5, 5),
          'features.6': (384, 192, 3, 3), 'features.8': (256, 384, 3, 3),
          'features.10': (256, 256, 3, 3), 'classifier.1': (16, 9216),
          'classifier.4': (12, 16), 'classifier.6': (10, 12)}


def convert(*args):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [str(TOOL), *args])
        runpy.run_path(str(TOOL), run_name='__main__')


VGG = """model = dict(
    type='CHTN', num_classes=2, num_source_classes=10,
    backbone=dict(type='mmpretrain.VGG', depth=11),
    input_shape=(3, 32, 32),
    text_encoder=dict(type='VectorTextEncoder', out_features=3),
    image_pathway=dict(type='Pathway', widths=(16, 12)),
    common_head=dict(type='CommonHead', widths=(4, 4)))
"""


@pytest.fixture
def files(tmp_path):
    state = {}
    for number, (name, shape) in enumerate(SHAPES.items()):
        state[f'{name}.weight'] = torch.full(shape, float(number))
        state[f'{name}.bias'] = torch.full(shape[:1], float(number))
    torch.save(state, tmp_path / 'alexnet.pth')
    (tmp_path / 'config.py').write_text(CONFIG)
    return tmp_path


def test_result_is_a_checkpoint_of_weights_alone(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    convert('torchvision', 'alexnet.pth', 'out/start.pth', '--config',
            'config.py')
    assert 'wrote out/start.pth: 20 tensors' in capsys.readouterr().out
    made = torch.load('out/start.pth', weights_only=True)
    assert made['meta'] == dict(converted_from='torchvision: alexnet.pth')
    assert (made['state_dict']['source_pathway.fc7.weight'] == 6).all()


def test_a_vgg_becomes_a_start(tmp_path, monkeypatch, capsys):
    from mmpretrain.models import VGG as Network
    network = Network(11, num_classes=10)
    network.classifier[0] = torch.nn.Linear(512, 16)
    network.classifier[3] = torch.nn.Linear(16, 12)
    network.classifier[6] = torch.nn.Linear(12, 10)
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={
        f'backbone.{name}': value
        for name, value in network.state_dict().items()}), 'vgg11.pth')
    Path('config.py').write_text(VGG)
    convert('torchvision', 'vgg11.pth', 'start.pth', '--config', 'config.py')
    # weight and bias of 8 convolutions, 2 x (fc6, fc7), fc8
    assert 'wrote start.pth: 26 tensors' in capsys.readouterr().out
    made = torch.load('start.pth', weights_only=True)['state_dict']
    for pathway in ('image', 'source'):
        assert torch.equal(made[f'{pathway}_pathway.fc7.weight'],
                           network.classifier[3].weight)


@pytest.mark.parametrize('args, reason', [
    (('torchvision', 'alexnet.pth', 'out.pth'),
     'weights must have the shapes of the model: image_pathway.fc6.weight is '
     '(4096, 9216) there and (16, 9216) in the file'),
    (('caffe', 'alexnet.pth', 'out.pth'), 'alexnet.pth is no caffemodel'),
], ids=['other widths', 'other format'])
def test_failure_says_why_and_writes_nothing(files, monkeypatch, args,
                                             reason):
    monkeypatch.chdir(files)
    with pytest.raises(SystemExit) as end:
        convert(*args)
    assert f'convert_weights.py: {reason}' in str(end.value)
    assert not (files / 'out.pth').exists()
