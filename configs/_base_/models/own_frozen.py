# CHTN behind a user's choice of pretrained encoders, which stay as they are:
# what is learned stands behind them. Their vectors are scaled to length 1, so
# that one schedule suits all. Without a source domain, unless the leaf adds
# one.
widths = (256, 256)
model = dict(
    type='CHTN',
    # Ranked by the probability of one class, and within it by the thing
    # itself: without a second part, everything of a class is one.
    similarity='dot',
    instance=dict(type='InstanceMaps'),
    # Where pairs are few a linear classifier of good vectors is hard to beat,
    # where they are many the network: their mean is near the better one.
    regression=dict(type='ClassRegression'),
    source_pathway=None,
    mmd=None,
    trunk_mode='frozen',
    trunk=dict(normalized=True),
    input_shape=(3, 224, 224),
    image_pathway=dict(type='Pathway', widths=widths, dropout=0.5),
    common_head=dict(type='CommonHead', widths=widths),
    # Of RGB pixels 0 to 255.
    data_preprocessor=dict(type='CrossModalDataPreprocessor'))
