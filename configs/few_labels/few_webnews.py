# A tenth of web news' labels, and all its pairs: the recipe on ready features.
#
#   python tools/train.py configs/few_labels/few_webnews.py
#
# What to expect, and beside what, is in docs/few_labels.md. How many labels:
#   --cfg-options train_dataloader.dataset.target.fraction=0.3 \
#                 train_dataloader.dataset.unlabelled.fraction=0.3
# Validation keeps its labels, and chooses nothing: the last state counts.
_base_ = [
    '../_base_/models/chtn_few_labels.py',
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/few_labels.py',
    '../_base_/default_runtime.py',
]
model = dict(
    num_classes=10,
    input_shape=(1280, ),
    text_encoder=dict(out_features=3000),
    text_pathway=dict(input_dropout=0.3))
pairs = dict(
    type='CrossModalDataset', data_root={{_base_.data_root}},
    ann_file='pairs.tsv', image_features={{_base_.image_features}},
    text={{_base_.bag_of_words}}, val_fraction=0.1, split='train',
    fraction=0.1, rest='unlabelled')
train_dataloader = dict(dataset=dict(
    _delete_=True, type='HybridTransferDataset',
    target=dict(pairs, only='labelled'),
    unlabelled=dict(pairs, only='unlabelled')))
