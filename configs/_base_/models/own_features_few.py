# own_features.py where most pairs lack a class: they teach each other, by the
# recipe that docs/few_labels.md measures.
_base_ = 'own_features.py'
model = dict(
    # It would learn from the labelled pairs alone, and fall behind.
    regression=None,
    image_pathway=dict(dropout=0.7),
    pair_teacher=dict(type='PairTeacherLoss'))
