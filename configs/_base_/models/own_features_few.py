# own_features.py where most pairs lack a class: they teach each other, by the
# recipe that docs/few_labels.md measures.
_base_ = 'own_features.py'
model = dict(
    regression=dict(pairs=True, share=0.3),
    image_pathway=dict(dropout=0.7),
    pair_teacher=dict(type='PairTeacherLoss'))
