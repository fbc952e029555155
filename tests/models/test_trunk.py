"""The trunk: its size is found out, its mode says what training changes."""
from __future__ import annotations

import re

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from chtn_plugin.models import Trunk
from chtn_plugin.models.trunk import set_memory_format


@MODELS.register_module()
class TrunkTestNet(nn.Module):
    """1×1 convolution, BN and dropout; ends in what ``shape`` asks for."""

    def __init__(self, shape: str = 'map') -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1)
        self.norm = nn.BatchNorm2d(2)
        self.dropout = nn.Dropout(0.5)
        self.shape = shape

    def forward(self, images):
        out = self.dropout(self.norm(self.conv(images)))
        return {'map': out, 'stages': (out[:, :1], out),
                'vector': out.mean((2, 3)), 'volume': out[None]}[self.shape]


@MODELS.register_module()
class TrunkTestDouble(nn.Module):
    """Features to twice the features."""

    def forward(self, features):
        return 2 * features


def trunk(shape='map', **options):
    return Trunk(dict(type='TrunkTestNet', shape=shape), (1, 3, 4), **options)


def images(batch=5):
    return torch.randn(batch, 1, 3, 4,
                       generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('shape, pooling, size', [
    ('map', 'flatten', 2 * 3 * 4), ('map', 'average', 2),
    ('stages', 'average', 2), ('vector', 'flatten', 2)])
def test_size_is_found_out(shape, pooling, size):
    made = trunk(shape, pooling=pooling)
    assert made.out_features == size
    assert made(images()).shape == (5, size)


def test_finding_out_leaves_the_statistics_alone():
    assert trunk().backbone.norm.num_batches_tracked == 0


def test_ready_features_pass_unchanged():
    features = torch.rand(2, 7)
    made = Trunk(None, (7, ))
    assert made.out_features == 7 and torch.equal(made(features), features)


def test_a_frozen_trunk_returns_its_own_output():
    made = trunk(mode='frozen', pooling='average').train()
    output = made(images())
    assert made(output) is output


@pytest.mark.parametrize('mode, vectors, reason', [
    ('adapt', (5, 2), "need mode 'frozen'.*got 'adapt'"),
    ('train', (5, 2), "need mode 'frozen'.*got 'train'"),
    ('frozen', (5, 3), r'\(B, 2\), got \(5, 3\)')])
def test_vectors_that_cannot_be_its_output_are_refused(mode, vectors, reason):
    with pytest.raises(ValueError, match=reason):
        trunk(mode=mode, pooling='average')(torch.zeros(vectors))


def test_a_backbone_of_vectors_is_run_on_vectors():
    made = Trunk(dict(type='TrunkTestDouble'), (2, ), 'frozen')
    assert made(torch.ones(3, 2)).tolist() == [[2., 2.]] * 3


def test_average_is_over_the_places():
    made = trunk(mode='frozen', pooling='average').eval()
    whole = trunk(mode='frozen').eval()
    whole.load_state_dict(made.state_dict())
    torch.testing.assert_close(
        made(images()), whole(images()).view(5, 2, 12).mean(2))


def test_adapt_gathers_statistics_with_frozen_weights():
    made = trunk(mode='adapt').train()
    before = {name: value.clone() for name, value in
              made.backbone.named_parameters()}
    assert not made(images()).requires_grad
    assert made.backbone.norm.num_batches_tracked == 1
    assert all(torch.equal(before[name], value) and not value.requires_grad
               for name, value in made.backbone.named_parameters())


def test_adapt_normalises_by_the_batch():
    made = trunk(mode='adapt', pooling='average').train()
    made.backbone.dropout.p = 0
    torch.testing.assert_close(made(images()).mean(0), torch.zeros(2),
                               atol=1e-5, rtol=0)


def test_adapt_drops_nothing():
    made = trunk(mode='adapt').train()
    assert torch.equal(made(images()), made(images()))


def test_train_trains_everything():
    made = trunk(mode='train').train()
    made(images()).sum().backward()
    assert all(p.grad is not None for p in made.backbone.parameters())
    assert made.backbone.norm.num_batches_tracked == 1


def test_frozen_changes_nothing():
    made = trunk(mode='frozen').train()
    assert not made(images()).requires_grad
    assert made.backbone.norm.num_batches_tracked == 0


def test_nothing_changes_in_evaluation():
    made = trunk(mode='adapt').train().eval()
    made(images())
    assert made.backbone.norm.num_batches_tracked == 0


@pytest.mark.parametrize('options, reason', [
    (dict(mode='freeze'), "mode of the trunk .* got 'freeze'"),
    (dict(pooling='sum'), "pooling must be one of .* got 'sum'"),
])
def test_unknown_option_is_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        trunk(**options)


def test_output_that_is_no_map_and_no_vector_is_refused():
    with pytest.raises(ValueError, match=r'got \(1, 1, 2, 3, 4\)'):
        trunk('volume')


def test_unknown_backbone_is_refused():
    with pytest.raises(KeyError, match='NoSuchNet'):
        Trunk(dict(type='NoSuchNet'), (1, 3, 4))


def test_images_of_another_size_are_refused_with_both_sizes():
    trunk = Trunk(dict(type='SmallConvNet', in_channels=3, channels=(4, )),
                  (3, 8, 8), 'train')
    with pytest.raises(ValueError, match=r'\(3, 8, 8\): those of '
                       r'\(3, 16, 16\) end in vectors of 256, not of 64'):
        trunk(torch.zeros(2, 3, 16, 16))
    with pytest.raises(ValueError, match=r'\(6,\): those of \(7,\)'):
        Trunk(None, (6, ))(torch.zeros(2, 7))


def test_normalized_vectors_have_length_1():
    config = dict(type='SmallConvNet', in_channels=3, channels=(4, ))
    trunk = Trunk(config, (3, 8, 8), 'frozen', 'average', normalized=True)
    vectors = trunk(torch.rand(3, 3, 8, 8))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    # What comes from the cache is scaled already.
    assert torch.equal(trunk(vectors), vectors)


@MODELS.register_module()
class TrunkTestView(nn.Module):
    """Flattens by ``view``, which images channels-last do not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, images):
        return self.conv(images).view(len(images), -1)


LAYOUTS = dict(last=torch.channels_last, first=torch.contiguous_format)


def lies(weight, layout):
    return weight.is_contiguous(memory_format=LAYOUTS[layout])


def two_layouts(config, mode):
    """The same network twice, and pictures."""
    made = []
    for channels_last in (True, False):
        torch.manual_seed(0)
        made.append(Trunk(config, (3, 64, 64), mode, 'average',
                          channels_last=channels_last))
    made[1].load_state_dict(made[0].state_dict())
    return (*made, torch.randn(4, 3, 64, 64))


@pytest.mark.parametrize('config, dtype', [
    (dict(type='AlexNetBN'), torch.float32),
    (dict(type='mmpretrain.ResNet', depth=18), torch.float32),
    # In float32 this one is off by 3e-5 in one layout, 5e-5 in the other.
    (dict(type='mmpretrain.ShuffleNetV2'), torch.float64)],
    ids=['AlexNetBN', 'ResNet', 'ShuffleNet'])
def test_outputs_agree_whichever_way_weights_lie(config, dtype):
    last, first, pictures = two_layouts(config, 'frozen')
    assert any(p.dim() == 4 and lies(p, 'last') and not lies(p, 'first')
               for p in last.parameters())
    assert all(lies(p, 'first') for p in first.parameters())
    pictures = pictures.to(dtype)
    vectors = first.to(dtype)(pictures)
    # Random networks make large numbers, and small ones of their differences.
    torch.testing.assert_close(last.to(dtype)(pictures), vectors, rtol=0,
                               atol=1e-5 * vectors.abs().max().item())


def test_gradients_agree_whichever_way_weights_lie():
    config = dict(type='SmallConvNet', in_channels=3, channels=(8, 16))
    last, first, pictures = two_layouts(config, 'train')
    for made in (last, first):
        made.train()(pictures).square().mean().backward()
    for one, other in zip(last.parameters(), first.parameters(),
                          strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4,
                                   atol=1e-5)


def test_a_checkpoint_passes_from_one_layout_to_the_other(tmp_path):
    config = dict(type='AlexNetBN')
    last, first, _ = two_layouts(config, 'frozen')
    torch.save(last.state_dict(), tmp_path / 'last.pth')
    for parameter in first.parameters():
        parameter.data.zero_()
    first.load_state_dict(torch.load(tmp_path / 'last.pth'))
    for one, other in zip(last.parameters(), first.parameters(),
                          strict=True):
        assert torch.equal(one, other)
    assert all(lies(p, 'first') for p in first.parameters())


def test_a_backbone_that_cannot_run_channels_last_keeps_its_layout():
    made = Trunk(dict(type='TrunkTestView'), (3, 4, 4), 'train')
    assert made.out_features == 2 * 4 * 4
    assert lies(made.backbone.conv.weight, 'first')
    assert made.backbone.training


@pytest.mark.parametrize('width, layout', [(4, 'first'), (8, 'last')])
def test_narrow_layers_stay_as_they_are(width, layout):
    # Channels-last, gradients of four channels corrupt the memory of a CPU
    # without AVX-512.
    made = Trunk(dict(type='SmallConvNet', in_channels=3,
                      channels=(width, 16)), (3, 16, 16), 'train')
    weight = next(p for p in made.parameters() if p.dim() == 4)
    assert lies(weight, layout)


def test_other_weights_of_four_dimensions_stay():
    holder = nn.Conv2d(3, 2, 2)
    holder.table = nn.Parameter(torch.zeros(1, 3, 5, 5))
    set_memory_format(holder, torch.channels_last)
    assert lies(holder.weight, 'last')
    assert not lies(holder.table, 'last')


NET = dict(type='SmallConvNet', in_channels=3)


@pytest.mark.parametrize('backbone, mode, said', [
    (NET, 'frozen', r"not trained \(trunk_mode='frozen'\)"),
    (NET, 'adapt', r"not trained \(trunk_mode='adapt'\)"),
    (NET, 'train', None)])
def test_weights_that_nothing_gave_are_told(backbone, mode, said):
    reason = Trunk(backbone, (3, 16, 16), mode, 'average').why_random()
    assert (reason is None) if said is None else re.search(said, reason)


def test_weights_that_a_configuration_names_are_not_random():
    made = Trunk(NET, (3, 16, 16), 'frozen', 'average')
    made.names_weights = True
    assert made.why_random() is None


@pytest.mark.parametrize('backbone, shape, mode, said', [
    (None, (5, ), 'frozen', 'ready features already'),
    (NET, (3, 16, 16), 'adapt', 'other features each time'),
    (NET, (3, 16, 16), 'train', 'change with every step'),
    (NET, (3, 16, 16), 'frozen', None)])
def test_an_image_has_one_feature_where_nothing_changes(backbone, shape,
                                                        mode, said):
    reason = Trunk(backbone, shape, mode, 'average').why_uncached()
    assert (reason is None) if said is None else said in reason


def test_a_frozen_tower_with_a_part_that_is_trained_is_not_cached():
    made = Trunk(NET, (3, 16, 16), 'frozen', 'average')
    next(made.backbone.parameters()).requires_grad_(True)
    assert 'is trained' in made.why_uncached()
