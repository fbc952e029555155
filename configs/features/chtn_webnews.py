# CHTN after the trunk on web news' ready features, *recommended* settings.
#
#   python tools/train.py configs/features/chtn_webnews.py
#
# Expect .500 ± .005 mean mAP on the test split (chtn-map-all:dot, five seeds).
# Departures from chtn_released_webnews.py: narrower layers, dropout, TF-IDF of
# length 1 without batch normalisation, the schedule; docs/results.md.
_base_ = [
    '../_base_/models/chtn_features.py',
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
widths = (512, 512)
model = dict(
    # Ranked by the probability of one class, and by the thing itself; as
    # released: the cosine of the posteriors, and no instance part.
    similarity='dot',
    instance=dict(type='InstanceMaps'),
    # A linear classifier and a kernel beside the network.
    regression=dict(type='ClassRegression', centroids=512),
    input_shape=(1280, ),
    source_pathway='image',
    num_source_classes=50,
    text_encoder=dict(out_features=3000, norm=None),
    image_pathway=dict(widths=widths, dropout=0.7),
    text_pathway=dict(type='Pathway', widths=widths, dropout=0.7,
                      input_dropout=0.3),
    common_head=dict(widths=widths),
    mmd=dict(_delete_=True, type='MMDLoss'))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(
    instance=dict(decay_mult=0.0))))
