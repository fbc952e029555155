# A tenth of the glyphs' labels, and all their pairs: a trunk trained from
# scratch, on data that every installation holds.
#
#   python tools/train.py configs/few_labels/few_demo.py
#
# Pairs without a class teach each other (docs/few_labels.md).
# Expect .490 ± .025 mean mAP on the test split (chtn-map-all:dot, three
# seeds), .399 without.
_base_ = '../chtn_demo.py'
pairs = dict(
    type='GlyphDataset', data_root={{_base_.data_root}}, split='train',
    pipeline={{_base_.train_image_pipeline}}, text={{_base_.bag_of_words}},
    fraction=0.1, rest='unlabelled', only='labelled')
train_dataloader = dict(dataset=dict(
    target=pairs, unlabelled=dict(pairs, only='unlabelled')))
model = dict(pair_teacher=dict(type='PairTeacherLoss'))
