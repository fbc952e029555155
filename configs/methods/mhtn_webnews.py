# Image and text part of MHTN,
# on web news' ready features.
#
#   python tools/train.py configs/methods/mhtn_webnews.py
#
# Expect .449 mean mAP on the test split (chtn-map-all:dot, seed 0, not tuned).
_base_ = [
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='MHTN',
    num_classes=10,
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=3000,
                      norm=None))
