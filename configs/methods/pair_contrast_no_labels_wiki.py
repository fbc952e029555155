# InfoNCE over pairs alone; no labels,
# on Wikipedia's ready features.
#
#   python tools/train.py configs/methods/pair_contrast_no_labels_wiki.py
#
# Expect .323 mean mAP on the test split (chtn-map-all, seed 0, not tuned).
_base_ = [
    '../_base_/datasets/wikipedia_features.py',
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='PairContrast',
    trunk=dict(input_shape=(128, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=100,
                      norm=None))
