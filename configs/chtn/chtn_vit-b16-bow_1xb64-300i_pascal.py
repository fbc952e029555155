# CHTN with ViT-B/16, its last two blocks trained, and a bag of words.
#
#   python tools/train.py configs/chtn/chtn_vit-b16-bow_1xb64-300i_pascal.py
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
        type='mmpretrain.VisionTransformer',
        arch='base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/'
            'vit/vit-base-p16_pt-32xb128-mae_in1k_20220623-4c544545.pth')),
    pooling='cls',
    trunk_mode='train',
    trunk=dict(
        frozen=['cls_token', 'pos_embed', 'patch_embed',
                *[f'layers.{i}' for i in range(10)]],
        normalization=dict(mean=[123.675, 116.28, 103.53],
                           std=[58.395, 57.12, 57.375], order='RGB')))
