# chtn_demo.py in MMEngine's pure Python form: files are imported under
# read_base(), classes by their own names, so that an editor finds both. All
# tools take it like any other; do not build on files that have a _base_.
#
#   python tools/train.py configs/chtn_demo_lazy.py
#   python tools/test.py configs/chtn_demo_lazy.py work_dirs/chtn_demo_lazy
#
# Expect what chtn_demo.py says: they are equal key by key.
from mmengine.config import read_base
from mmengine.optim import CosineAnnealingLR, OptimWrapper
from torch.optim import SGD

with read_base():
    from ._base_.datasets.glyphs import *  # noqa: F403
    from ._base_.default_runtime import *  # noqa: F403

from chtn_plugin.engine.fused_optimizer import FusedOptimWrapperConstructor
from chtn_plugin.losses import MMDLoss, PairwiseLoss
from chtn_plugin.methods import CHTN
from chtn_plugin.models import (
    CommonHead,
    CrossModalDataPreprocessor,
    Pathway,
    VectorTextEncoder,
)
from chtn_plugin.models.backbones import SmallConvNet

widths = (512, 512)
model = dict(
    type=CHTN,
    similarity='dot',
    num_classes=16,
    num_source_classes=2191,
    backbone=dict(type=SmallConvNet, channels=(16, 32, 64, 128)),
    input_shape=(1, 32, 32),
    trunk_mode='train',
    text_encoder=dict(type=VectorTextEncoder, out_features=1000, norm=None),
    image_pathway=dict(type=Pathway, widths=widths),
    common_head=dict(type=CommonHead, widths=widths),
    mmd=dict(type=MMDLoss),
    pair=dict(type=PairwiseLoss, loss_weight=0.001),
    cls_weights=dict(source=0.1),
    data_preprocessor=dict(
        type=CrossModalDataPreprocessor, mean=[255.0], std=[-255.0]))

max_iters = 300
train_dataloader.update(batch_size=128)  # noqa: F405
optim_wrapper = dict(
    type=OptimWrapper,
    constructor=FusedOptimWrapperConstructor,
    optimizer=dict(type=SGD, lr=0.1, momentum=0.9, weight_decay=5e-3),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = dict(type=CosineAnnealingLR, by_epoch=False,
                       T_max=max_iters)
train_cfg = dict(by_epoch=False, max_iters=max_iters, val_interval=100)
val_cfg = dict()
test_cfg = dict()
