# CHTN on any image backbone and text encoder: the released method with narrow
# layers, dropout, and a text that is not normalised over the batch, which
# hundreds of pairs do better with. A leaf sets backbone and text_encoder; the
# classes are those of ../datasets/pascal.py.
widths = (512, 512)
model = dict(
    type='CHTN',
    # Ranked by the probability of one class; as released: by cosine.
    similarity='dot',
    num_classes=20,
    num_source_classes=1000,
    input_shape=(3, 224, 224),
    text_encoder=dict(type='VectorTextEncoder', out_features=1000, norm=None),
    image_pathway=dict(type='Pathway', widths=widths, dropout=0.5),
    common_head=dict(type='CommonHead', widths=widths),
    mmd=dict(type='MMDLoss'),
    pair=dict(type='PairwiseLoss', loss_weight=0.001),
    # ImageNet's, of RGB pixels 0 to 255.
    data_preprocessor=dict(
        type='CrossModalDataPreprocessor',
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]))
