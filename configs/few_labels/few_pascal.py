# A tenth of Pascal Sentences' labels, and all its pairs: the recipe on ready
# features of pictures and words.
#
#   python tools/train.py configs/few_labels/few_pascal.py
#
# See few_webnews.py; docs/few_labels.md has figures with MiniLM's texts.
_base_ = [
    '../_base_/models/chtn_few_labels.py',
    '../_base_/datasets/pascal_features.py',
    '../_base_/schedules/few_labels.py',
    '../_base_/default_runtime.py',
]
model = dict(
    num_classes=6,
    input_shape=(1280, ),
    text_encoder=dict(out_features=1000))
pairs = dict(
    type='CrossModalDataset', data_root={{_base_.data_root}},
    ann_file='pairs.tsv', image_features={{_base_.image_features}},
    text={{_base_.bag_of_words}}, val_fraction=0.2, split='train',
    fraction=0.1, rest='unlabelled')
train_dataloader = dict(dataset=dict(
    _delete_=True, type='HybridTransferDataset',
    target=dict(pairs, only='labelled'),
    unlabelled=dict(pairs, only='unlabelled')))
