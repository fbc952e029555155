# CHTN after the trunk on Wikipedia's ready features, *recommended* settings.
#
#   python tools/train.py configs/chtn_wiki_features.py
#
_base_ = [
    '_base_/models/chtn_features.py',
    '_base_/datasets/wikipedia_features.py',
    '_base_/default_runtime.py',
]
widths = (512, 512)
standardized = ('image', 'text')
model = dict(
    input_shape=(128, ),
    text_encoder=dict(out_features=100, norm=None),
    image_pathway=dict(widths=widths, dropout=0.5),
    common_head=dict(widths=widths, dropout=0.5))
max_iters = 600
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False,
                       T_max=max_iters)
train_cfg = dict(by_epoch=False, max_iters=max_iters, val_interval=50)
val_cfg = dict()
test_cfg = dict()
train_dataloader = dict(dataset=dict(standardized=standardized))
val_dataloader = dict(dataset=dict(standardized=standardized))
test_dataloader = dict(dataset=dict(standardized=standardized))
