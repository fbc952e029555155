# CHTN with ResNet-50, its last two stages trained, and a bag of words.
#
#   python tools/train.py configs/chtn/chtn_resnet50-bow_1xb64-300i_pascal.py
#
# Weights: fetched from OpenMMLab on first use. Without network, give the file:
#   --cfg-options model.backbone.init_cfg.checkpoint=FILE
# Expect: not measured yet.
_base_ = [
    '../_base_/models/chtn_towers.py',
    '../_base_/datasets/pascal.py',
    '../_base_/schedules/finetune.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(
        type='mmpretrain.ResNet',
        depth=50,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth')),
    pooling='average',
    trunk_mode='train',
    trunk=dict(
        frozen=['conv1', 'bn1', 'layer1', 'layer2'], norm_eval=True,
        normalization=dict(mean=[123.675, 116.28, 103.53],
                           std=[58.395, 57.12, 57.375], order='RGB')))
