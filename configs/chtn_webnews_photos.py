# CHTN on web news' photos, a small trunk trained from scratch: what the
# networks know of pictures, they learn from the source domain.
#
#   python tools/train.py configs/chtn_webnews_photos.py
#
# Expect .32 ± .01 mean mAP on the test split (chtn-map-all:dot, five seeds);
# docs/results.md.
_base_ = [
    '_base_/datasets/webnews_photos.py',
    '_base_/schedules/features.py',
    '_base_/default_runtime.py',
]

widths = (512, 512)
model = dict(
    type='CHTN',
    # Ranked by the probability of one class; as released: by cosine.
    similarity='dot',
    num_classes=10,
    num_source_classes=50,
    backbone=dict(type='SmallConvNet', channels=(16, 32, 64, 128),
                  in_channels=3),
    input_shape=(3, 64, 64),
    trunk_mode='train',
    text_encoder=dict(type='VectorTextEncoder', out_features=3000, norm=None),
    image_pathway=dict(type='Pathway', widths=widths),
    common_head=dict(type='CommonHead', widths=widths),
    mmd=dict(type='MMDLoss'),
    pair=dict(type='PairwiseLoss', loss_weight=0.001),
    data_preprocessor=dict(
        type='CrossModalDataPreprocessor', mean=[127.5], std=[64.0]))

max_iters = 400
optim_wrapper = dict(optimizer=dict(lr=0.05))
param_scheduler = dict(T_max=max_iters)
train_cfg = dict(max_iters=max_iters, val_interval=100)
