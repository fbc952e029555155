# A tenth of the glyphs' labels, and all their pairs: a trunk trained from
# scratch, on data that every installation holds.
#
#   python tools/train.py configs/few_labels/few_demo.py
#
# Pairs without a class teach each other (docs/few_labels.md).
_base_ = '../chtn_demo.py'
pairs = dict(
    type='GlyphDataset', data_root={{_base_.data_root}}, split='train',
    pipeline={{_base_.train_image_pipeline}}, text={{_base_.bag_of_words}},
    fraction=0.1, rest='unlabelled', only='labelled')
train_dataloader = dict(dataset=dict(
    target=pairs, unlabelled=dict(pairs, only='unlabelled')))
model = dict(pair_teacher=dict(type='PairTeacherLoss'))
