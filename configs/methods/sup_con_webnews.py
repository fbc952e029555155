# Supervised contrast over both modalities,
# on web news' ready features.
#
#   python tools/train.py configs/methods/sup_con_webnews.py
#
# Expect .139 mean mAP on the test split (chtn-map-all, seed 0, not tuned):
# chance is .134. Its loss stays at ln 127, that of equal outputs, on features
# that are not centred; tools/benchmark.py centres them.
_base_ = [
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='SupCon',
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=3000,
                      norm=None))
