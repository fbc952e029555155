# Ridge regression from images to texts; no labels,
# on web news' ready features. Fitted once, in seconds.
#
#   python tools/train.py configs/methods/ridge_map_webnews.py
#
# Expect .321 mean mAP on the test split (chtn-map-all, one fit, not tuned).
_base_ = [
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/closed_form.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='RidgeMap',
    l2_normalized=('image', 'text'),
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=3000,
                      norm=None))
