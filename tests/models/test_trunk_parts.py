"""The trunk in parts: stages and norms frozen, memory saved."""
from __future__ import annotations

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import nn

from chtn_plugin.models import Trunk


@MODELS.register_module()
class TrunkPartsNet(BaseModule):
    """Convolution, BN and dropout; a layer that takes no part in it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.body = nn.Sequential(nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5))
        self.dropout = nn.Dropout(0.5)
        self.unused = nn.Linear(2, 2)
        self.initialized = False

    def init_weights(self):
        self.initialized = True

    def forward(self, images):
        return (self.dropout(self.body(self.stem(images))), )


def trunk(**options):
    return Trunk(dict(type='TrunkPartsNet'), (3, 2, 2), **options)


def trained(module):
    return {name for name, p in module.backbone.named_parameters()
            if p.requires_grad}


def test_backbone_initialises_itself():
    # A trunk that is no BaseModule would end MMEngine's descent, and every
    # pretrained checkpoint named by init_cfg would be left unread.
    module = trunk()
    module.init_weights()
    assert module.backbone.initialized


def test_adapt_moves_statistics_and_nothing_else():
    module = trunk(mode='adapt').train()
    before = module.backbone.stem[1].running_mean.clone()
    out = module(torch.rand(4, 3, 2, 2))
    assert not out.requires_grad and not trained(module)
    assert not torch.equal(before, module.backbone.stem[1].running_mean)
    assert not module.backbone.dropout.training


def test_train_trains_all_that_takes_part():
    module = trunk(mode='train').train()
    assert trained(module) == {
        f'{part}.{name}' for part in ('stem.0', 'stem.1', 'body.0', 'body.1')
        for name in ('weight', 'bias')}
    assert module.backbone.dropout.training
    assert module(torch.rand(4, 3, 2, 2)).requires_grad


def test_frozen_parts_stay_as_they_are():
    module = trunk(mode='train', frozen=['stem', 'body.0']).train()
    assert trained(module) == {'body.1.weight', 'body.1.bias'}
    assert not module.backbone.stem[1].training
    assert module.backbone.body[1].training


def test_one_frozen_part_may_be_a_string():
    assert 'stem.0.weight' not in trained(trunk(mode='train', frozen='stem'))


def test_frozen_part_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'layer1' holds none.*'stem'"):
        trunk(mode='train', frozen=['layer1'])


def test_norm_eval_keeps_statistics_and_trains_the_scale():
    module = trunk(mode='train', norm_eval=True).train()
    assert not module.backbone.stem[1].training
    assert 'stem.1.weight' in trained(module)


def test_norms_are_left_to_a_backbone_that_freezes_its_own():
    module = Trunk(dict(type='mmpretrain.ResNet', depth=18, frozen_stages=1),
                   (3, 32, 32), 'train', 'average').train()
    assert not module.backbone.bn1.training
    assert module.backbone.layer4[0].bn1.training


def test_evaluation_mode_reaches_everything():
    for mode in ('adapt', 'train', 'frozen'):
        module = trunk(mode=mode).train().eval()
        assert not any(m.training for m in module.modules())


def test_unknown_stages_are_refused():
    with pytest.raises(ValueError, match="got 'first'"):
        trunk(stages='first')


def test_checkpointing_gives_the_same_gradients():
    grads = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        module = Trunk(dict(type='mmpretrain.ConvNeXt', arch='atto'),
                       (3, 32, 32), 'train', 'average',
                       checkpointing=checkpointing).eval()
        torch.manual_seed(1)
        module(torch.rand(2, 3, 32, 32)).sum().backward()
        grads.append(module.backbone.stages[0][0].depthwise_conv.weight.grad)
    torch.testing.assert_close(*grads)


def test_backbone_without_checkpointing_is_refused():
    with pytest.raises(ValueError, match='TrunkPartsNet has no gradient'):
        trunk(mode='train', checkpointing=True)


def test_learning_rates_fall_with_the_depth():
    from mmengine.optim import build_optim_wrapper
    model = MODELS.build(dict(
        type='CHTN', num_classes=2, num_source_classes=2,
        backbone=dict(type='mmpretrain.ConvNeXt', arch=dict(
            depths=[1, 1, 1, 1], channels=[4, 4, 8, 8])),
        input_shape=(3, 32, 32), trunk_mode='train', pooling='average',
        text_encoder=dict(type='VectorTextEncoder', out_features=3),
        image_pathway=dict(type='Pathway', widths=(4, 4)),
        common_head=dict(type='CommonHead', widths=(4, 4))))
    wrapper = build_optim_wrapper(model, dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=1., weight_decay=0.1),
        constructor='mmpretrain.LearningRateDecayOptimWrapperConstructor',
        paramwise_cfg=dict(layer_decay_rate=0.5)))
    rates = {group['param_name']: group['lr']
             for group in wrapper.optimizer.param_groups}
    assert rates['common_head.fc10.weight'] == 1
    first, last = (rates[f'trunk.backbone.{name}'] for name in (
        'downsample_layers.0.0.weight', 'stages.3.0.depthwise_conv.weight'))
    assert first < last < 1
