# Deep canonical correlation analysis; no labels,
# on web news' ready features.
#
#   python tools/train.py configs/methods/dcca_webnews.py
#
# Expect .298 mean mAP on the test split (chtn-map-all, seed 0, not tuned).
_base_ = [
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='DCCA',
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=3000,
                      norm=None))

# A batch must have several times more pairs than the last width, 32.
train_dataloader = dict(batch_size=256)
