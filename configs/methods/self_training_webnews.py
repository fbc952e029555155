# Each modality labels its own rows; here every row has a label, so
# that it is semantic matching,
# on web news' ready features.
#
#   python tools/train.py configs/methods/self_training_webnews.py
#
# Expect .480 mean mAP on the test split (chtn-map-all:dot, one fit).
_base_ = [
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/closed_form.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='SelfTraining',
    num_classes=10,
    l2_normalized=('image', 'text'),
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=3000,
                      norm=None))
