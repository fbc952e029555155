"""AlexNet in torchvision's layout becomes CHTN's start."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from chtn_plugin.models.conversion import (
    fitted_to,
    read_state_dict,
    start_weights,
    torchvision_layers,
)

BACKBONE = dict(type='AlexNetBN', layout='torchvision')


def config(**options):
    """A CHTN with torchvision's trunk, then 16 and 12 features wide."""
    return dict(
        dict(type='CHTN', num_classes=2, num_source_classes=10,
             backbone=dict(type='AlexNetBN', layout='torchvision',
                           norm=False),
             text_encoder=dict(type='VectorTextEncoder', out_features=3),
             image_pathway=dict(type='Pathway', widths=(16, 12), norm=False),
             common_head=dict(type='CommonHead', widths=(4, 4))), **options)


@pytest.fixture(scope='module')
def alexnet():
    """Torchvision's network with a narrow classifier, random weights."""
    from torchvision.models import alexnet
    with torch.device('meta'):
        made = alexnet(num_classes=10)
        made.classifier[1] = nn.Linear(9216, 16)
        made.classifier[4] = nn.Linear(16, 12)
        made.classifier[6] = nn.Linear(12, 10)
    generator = torch.Generator().manual_seed(0)
    made = made.to_empty(device='cpu').eval()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.05, generator=generator)
    return made


@pytest.fixture
def weights(alexnet):
    return start_weights(torchvision_layers(alexnet.state_dict()))


@torch.no_grad()
def test_source_logits_are_those_of_torchvisions_network(alexnet, weights):
    model = MODELS.build(config()).eval()
    model.load_state_dict(fitted_to(config(), BACKBONE, weights),
                          strict=False)
    image = torch.randn(1, 3, 224, 224,
                        generator=torch.Generator().manual_seed(1))
    source = model.source_pathway(model.trunk(image))['fc7']
    expected = alexnet(image)
    assert expected.std() > 1e-3
    torch.testing.assert_close(model.source_classifier(source), expected)


def test_both_image_pathways_start_alike(weights):
    for part in ('fc6.weight', 'fc6.bias', 'fc7.weight', 'fc7.bias'):
        assert torch.equal(weights[f'image_pathway.{part}'],
                           weights[f'source_pathway.{part}'])


def test_nothing_else_is_touched(weights):
    assert {name.split('.')[0] for name in weights} == {
        'trunk', 'image_pathway', 'source_pathway', 'source_classifier'}


def test_whole_network_fits_the_released_widths():
    from torchvision.models import alexnet
    with torch.device('meta'):
        state = alexnet().state_dict()
    made = start_weights(torchvision_layers(state))
    assert len(fitted_to(None, BACKBONE, made)) == 2 * (5 + 2 * 2 + 1)


def test_model_without_source_takes_no_source_weights(weights):
    kept = fitted_to(config(source_pathway=None), BACKBONE, weights)
    assert not [name for name in kept if name.startswith('source')]
    assert 'image_pathway.fc6.weight' in kept


def test_missing_layer_is_named(alexnet):
    state = alexnet.state_dict()
    del state['classifier.4.bias']
    with pytest.raises(KeyError, match="fc7 is missing: .*'classifier.4.bias'"
                       ', this one has 15 others'):
        torchvision_layers(state)


def test_other_shape_is_named(weights):
    other = config(image_pathway=dict(type='Pathway', widths=(16, 13),
                                      norm=False))
    with pytest.raises(ValueError, match=r'must have the shapes of the '
                       r'model: image_pathway.fc7.weight is \(13, 16\) there '
                       r'and \(12, 16\) in the file'):
        fitted_to(other, BACKBONE, weights)


def test_trunk_of_other_layout_is_named(weights):
    other = config(backbone=dict(type='AlexNetBN', layout='caffe'))
    with pytest.raises(ValueError, match=r'stages.0.conv.weight is '
                       r'\(96, 3, 11, 11\) there and \(64, 3, 11, 11\)'):
        fitted_to(other, BACKBONE, weights)


def test_other_backbone_is_named(weights):
    other = config(backbone=dict(type='SmallConvNet', in_channels=3))
    with pytest.raises(ValueError, match='the model has no trunk.backbone.'):
        fitted_to(other, BACKBONE, weights)


STATE = dict(a=torch.tensor([1.5, 2.0]))


def test_state_dictionaries_are_read(tmp_path):
    torch.save(STATE, tmp_path / 'plain.pth')
    torch.save(dict(state_dict=STATE, epoch=3), tmp_path / 'nested.pth')
    np.savez(tmp_path / 'arrays.npz', a=np.array([1.5, 2.0]))
    for name in ('plain.pth', 'nested.pth', 'arrays.npz'):
        read = read_state_dict(tmp_path / name)
        assert read['a'].tolist() == [1.5, 2.0], name
        assert read['a'].dtype == torch.float32, name


def test_safetensors_are_read(tmp_path):
    from safetensors.torch import save_file
    save_file(STATE, tmp_path / 'a.safetensors')
    assert torch.equal(read_state_dict(tmp_path / 'a.safetensors')['a'],
                       STATE['a'])


class Hostile:
    """What unpickling this would do must not happen."""

    def __reduce__(self):
        return print, ('ran', )


def test_no_code_of_the_file_runs(tmp_path, capsys):
    torch.save(Hostile(), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='without running code: .*a.pth'):
        read_state_dict(tmp_path / 'a.pth')
    assert 'ran' not in capsys.readouterr().out


@pytest.mark.parametrize('name', ['a.pth', 'a.npz', 'a.safetensors'])
def test_unreadable_file_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b'no weights at all')
    with pytest.raises(ValueError, match=rf'{name} (is not|cannot be read)'):
        read_state_dict(tmp_path / name)


@pytest.mark.parametrize('content', [[1, 2], {}, dict(a=1)])
def test_other_content_is_refused(tmp_path, content):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='must map names to tensors: .*a.pth'):
        read_state_dict(tmp_path / 'a.pth')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='weights not found: .*no.pth'):
        read_state_dict(tmp_path / 'no.pth')
