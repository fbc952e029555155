# CHTN for a user's own pictures and texts, with a small network learned from
# scratch: it runs anywhere in minutes, and needs hundreds of pictures to learn
# from. Without a source domain, unless the leaf adds one.
widths = (256, 256)
model = dict(
    type='CHTN',
    # See own_frozen.py. The maps begin from what the untrained network sees
    # and are trained on beside it.
    similarity='dot',
    instance=dict(type='InstanceMaps'),
    source_pathway=None,
    mmd=None,
    backbone=dict(type='SmallConvNet', in_channels=3, channels=(16, 32, 64)),
    trunk_mode='train',
    input_shape=(3, 64, 64),
    image_pathway=dict(type='Pathway', widths=widths, dropout=0.5),
    common_head=dict(type='CommonHead', widths=widths),
    # Of RGB pixels 0 to 255.
    data_preprocessor=dict(
        type='CrossModalDataPreprocessor',
        mean=[127.5, 127.5, 127.5], std=[64.0, 64.0, 64.0]))
