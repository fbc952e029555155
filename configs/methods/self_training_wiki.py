# Each modality labels its own rows; here every row has a label, so
# that it is semantic matching,
# on Wikipedia's ready features.
#
#   python tools/train.py configs/methods/self_training_wiki.py
#
# Expect .406 mean mAP on the test split (chtn-map-all:dot, one fit).
_base_ = [
    '../_base_/datasets/wikipedia_features.py',
    '../_base_/schedules/closed_form.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='SelfTraining',
    num_classes=10,
    trunk=dict(input_shape=(128, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=100,
                      norm=None))
