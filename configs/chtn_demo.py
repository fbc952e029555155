# CHTN on Unicode glyphs: pictures of characters in one font and their names;
# the source domain is characters in fonts of other design. Real pairs that
# every installation holds, about two minutes on two CPU cores, no download.
#
#   python tools/train.py configs/chtn_demo.py
#   python tools/test.py configs/chtn_demo.py work_dirs/chtn_demo
#
# Expect .695 ± .009 mean mAP on the test split (chtn-map-all:dot, five seeds).
_base_ = [
    '_base_/datasets/glyphs.py',
    '_base_/schedules/features.py',
    '_base_/default_runtime.py',
]

# Small pictures, a small network, all of it trained from scratch: there is no
# classifier to start from. The losses and the layers are CHTN's.
widths = (512, 512)
model = dict(
    type='CHTN',
    # Ranked by the probability of one class; as released: the cosine of the
    # posteriors. An instance part finds no more here, docs/results.md.
    similarity='dot',
    num_classes=16,
    num_source_classes=2191,
    backbone=dict(type='SmallConvNet', channels=(16, 32, 64, 128)),
    input_shape=(1, 32, 32),
    trunk_mode='train',
    text_encoder=dict(type='VectorTextEncoder', out_features=1000, norm=None),
    image_pathway=dict(type='Pathway', widths=widths),
    common_head=dict(type='CommonHead', widths=widths),
    mmd=dict(type='MMDLoss'),
    pair=dict(type='PairwiseLoss', loss_weight=0.001),
    # The release's 1 starts from a trunk that knows the source; here 2,191
    # source classes would outweigh 16. With a tenth of the pairs validation
    # has .413 with 0.1 and .407 with 1, three seeds (docs/results.md).
    cls_weights=dict(source=0.1),
    # Black on white to 1 on 0.
    data_preprocessor=dict(
        type='CrossModalDataPreprocessor', mean=[255.0], std=[-255.0]))

# Half as many updates of twice as many pairs as in the schedule's 600 of 64:
# .686 to .681 on validation, in less time. 600 of these reach .717.
max_iters = 300
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=0.1))
param_scheduler = dict(T_max=max_iters)
train_cfg = dict(max_iters=max_iters, val_interval=100)
