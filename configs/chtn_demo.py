# CHTN on Unicode glyphs: pictures of characters and their names.
#
#   python tools/train.py configs/chtn_demo.py
#
_base_ = ['_base_/datasets/glyphs.py', '_base_/default_runtime.py']

widths = (512, 512)
model = dict(
    type='CHTN',
    num_classes=16,
    num_source_classes=2209,
    backbone=dict(type='SmallConvNet', channels=(16, 32, 64, 128)),
    input_shape=(1, 32, 32),
    trunk_mode='train',
    text_encoder=dict(type='VectorTextEncoder', out_features=1000, norm=None),
    image_pathway=dict(type='Pathway', widths=widths, dropout=0.0),
    common_head=dict(type='CommonHead', widths=widths, dropout=0.0),
    mmd=dict(type='MMDLoss'),
    pair=dict(type='PairwiseLoss', loss_weight=0.001),
    data_preprocessor=dict(
        type='CrossModalDataPreprocessor', mean=[255.0], std=[-255.0]))

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
max_iters = 800
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False,
                       T_max=max_iters)
train_cfg = dict(by_epoch=False, max_iters=max_iters, val_interval=100)
val_cfg = dict()
test_cfg = dict()
