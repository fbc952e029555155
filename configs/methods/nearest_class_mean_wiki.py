# Nearest class mean,
# on Wikipedia's ready features. Fitted once, in seconds.
#
#   python tools/train.py configs/methods/nearest_class_mean_wiki.py
#
# Expect .376 mean mAP on the test split (chtn-map-all:dot, one fit).
_base_ = [
    '../_base_/datasets/wikipedia_features.py',
    '../_base_/schedules/closed_form.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='NearestClassMean',
    num_classes=10,
    trunk=dict(input_shape=(128, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=100,
                      norm=None))
