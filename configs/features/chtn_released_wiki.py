# CHTN after the trunk on Wikipedia's ready features, *as released*: widths,
# learning rate, accumulation, batch normalisation of the text, no dropout.
#
#   python tools/train.py configs/features/chtn_released_wiki.py
_base_ = [
    '../_base_/models/chtn_features.py',
    '../_base_/datasets/wikipedia_features.py',
    '../_base_/schedules/released.py',
    '../_base_/default_runtime.py',
]
model = dict(input_shape=(128, ), text_encoder=dict(out_features=100))
train_dataloader = dict(sampler=dict(shuffle=False))
default_hooks = dict(checkpoint=dict(interval=50 * 16))
