# CHTN as its authors released it (https://arxiv.org/abs/1706.00153): every
# option that is not set here has the released value as its default.
model = dict(
    type='CHTN',
    num_classes=10,
    num_source_classes=1000,
    backbone=dict(type='AlexNetBN'),
    input_shape=(3, 224, 224),
    # Frozen convolutions, batch normalisation adapts to the mixed batch.
    trunk_mode='adapt',
    text_encoder=dict(type='VectorTextEncoder', out_features=3000, norm='bn'),
    image_pathway=dict(type='Pathway', widths=(4096, 4096)),
    common_head=dict(type='CommonHead', widths=(4096, 4096)),
    mmd=dict(type='MMDLoss', estimator='sampled', num_samples=64),
    pair=dict(type='PairwiseLoss', loss_weight=0.001),
    # Raw BGR pixels: the trunk normalises them itself.
    data_preprocessor=dict(type='CrossModalDataPreprocessor'))
