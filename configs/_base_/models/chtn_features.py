# CHTN after the trunk, on ready features. The numbers are the released ones;
# chtn_wiki_features.py and its neighbours say where they depart and why.
model = dict(
    type='CHTN',
    num_classes=10,
    backbone=None,
    text_encoder=dict(type='VectorTextEncoder', norm='bn'),
    source_pathway=None,
    image_pathway=dict(type='Pathway', widths=(4096, 4096)),
    common_head=dict(type='CommonHead', widths=(4096, 4096)),
    mmd=dict(type='MMDLoss', estimator='sampled', num_samples=64),
    pair=dict(type='PairwiseLoss', loss_weight=0.001))
