# Adversarial cross-modal retrieval,
# on web news' ready features.
#
#   python tools/train.py configs/methods/acmr_webnews.py
#
# Expect .407 mean mAP on the test split (chtn-map-all, seed 0, not tuned).
_base_ = [
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='ACMR',
    num_classes=10,
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=3000,
                      norm=None))
