# ASIF; no labels,
# on Wikipedia's ready features. Fitted once, in seconds.
#
#   python tools/train.py configs/methods/asif_wiki.py
#
# Expect .326 mean mAP on the test split (chtn-map-all, one fit, not tuned).
_base_ = [
    '../_base_/datasets/wikipedia_features.py',
    '../_base_/schedules/closed_form.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='ASIF',
    trunk=dict(input_shape=(128, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=100,
                      norm=None))
