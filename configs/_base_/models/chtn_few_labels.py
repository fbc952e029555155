# CHTN after the trunk for ready features of which few have a label: the
# recipe of docs/few_labels.md. Pairs without a class teach each other; items
# are ranked by the probability that they are of one class. A leaf sets sizes
# and classes.
widths = (256, 256)
model = dict(
    type='CHTN',
    similarity='dot',
    backbone=None,
    source_pathway=None,
    mmd=None,
    pair=None,
    text_encoder=dict(type='VectorTextEncoder', norm=None),
    image_pathway=dict(type='Pathway', widths=widths, dropout=0.7),
    text_pathway=dict(type='Pathway', widths=widths, dropout=0.7),
    common_head=dict(type='CommonHead', widths=widths),
    # Solved by the same pairs; it helps where labels are fewest.
    regression=dict(type='ClassRegression', pairs=True, share=0.3),
    pair_teacher=dict(type='PairTeacherLoss', loss_weight=1.0, sharpen=2.0,
                      image_vote=0.5, warm_up=60, alignment=1.0))
