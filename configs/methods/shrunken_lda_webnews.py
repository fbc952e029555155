# Linear discriminants with a shrunken covariance,
# on web news' ready features. Fitted once, in seconds.
#
#   python tools/train.py configs/methods/shrunken_lda_webnews.py
#
# Expect .479 mean mAP on the test split (chtn-map-all:dot, one fit).
_base_ = [
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/closed_form.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='ShrunkenLDA',
    num_classes=10,
    l2_normalized=('image', 'text'),
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=3000,
                      norm=None))
