# Supervised contrast over both modalities,
# on web news' ready features.
#
#   python tools/train.py configs/methods/sup_con_webnews.py
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
