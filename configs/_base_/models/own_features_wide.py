# own_features.py for a thousand labelled pairs and more: wider layers, which
# stronger dropout keeps from learning them by heart (docs/results.md).
_base_ = 'own_features.py'
widths = (512, 512)
model = dict(
    image_pathway=dict(widths=widths, dropout=0.7),
    text_pathway=dict(type='Pathway', widths=widths, dropout=0.7,
                      input_dropout=0.3),
    # What no plane parts, a kernel does, from a thousand rows on.
    regression=dict(centroids=512),
    common_head=dict(widths=widths))
