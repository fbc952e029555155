# CHTN after the trunk, on a user's own ready features. A leaf sets their
# sizes. Without a source domain.
widths = (256, 256)
model = dict(
    type='CHTN',
    # See own_frozen.py.
    similarity='dot',
    instance=dict(type='InstanceMaps'),
    regression=dict(type='ClassRegression'),
    backbone=None,
    source_pathway=None,
    mmd=None,
    image_pathway=dict(type='Pathway', widths=widths, dropout=0.5),
    common_head=dict(type='CommonHead', widths=widths))
