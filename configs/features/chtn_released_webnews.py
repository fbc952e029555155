# CHTN after the trunk on web news' ready features, *as released*.
#
#   python tools/train.py configs/features/chtn_released_webnews.py
_base_ = [
    '../_base_/models/chtn_features.py',
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/released.py',
    '../_base_/default_runtime.py',
]
model = dict(
    input_shape=(1280, ),
    source_pathway='image',
    num_source_classes=50,
    text_encoder=dict(out_features=3000))
counts = dict(weighting='count', norm=None)
train_dataloader = dict(
    sampler=dict(shuffle=False), dataset=dict(target=dict(text=counts)))
val_dataloader = dict(dataset=dict(text=counts))
test_dataloader = dict(dataset=dict(text=counts))
default_hooks = dict(checkpoint=dict(interval=50 * 16))
