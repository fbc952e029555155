# One logistic regression a modality,
# on web news' ready features. Fitted once, in seconds.
#
#   python tools/train.py configs/methods/semantic_matching_webnews.py
#
# Expect .480 mean mAP on the test split (chtn-map-all:dot, one fit).
_base_ = [
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/closed_form.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='SemanticMatching',
    num_classes=10,
    l2_normalized=('image', 'text'),
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=3000,
                      norm=None))
