# A tenth of Wikipedia's labels, and all its pairs: the recipe on ready
# features.
#
#   python tools/train.py configs/few_labels/few_wiki.py
#
# See few_webnews.py; docs/few_labels.md says what to expect.
_base_ = [
    '../_base_/models/chtn_few_labels.py',
    '../_base_/datasets/wikipedia_features.py',
    '../_base_/schedules/few_labels.py',
    '../_base_/default_runtime.py',
]
model = dict(
    num_classes=10,
    input_shape=(128, ),
    text_encoder=dict(out_features=100))
pairs = dict(
    type='FeaturePairDataset', file={{_base_.feature_file}},
    arrays={{_base_.arrays}}, classes={{_base_.classes}}, split='train',
    l2_normalized=('image', 'text'), fraction=0.1, rest='unlabelled')
train_dataloader = dict(dataset=dict(
    _delete_=True, type='HybridTransferDataset',
    target=dict(pairs, only='labelled'),
    unlabelled=dict(pairs, only='unlabelled')))
val_dataloader = dict(dataset=dict(l2_normalized=('image', 'text')))
test_dataloader = dict(dataset=dict(l2_normalized=('image', 'text')))
