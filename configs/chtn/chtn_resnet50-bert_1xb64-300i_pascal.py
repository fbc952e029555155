# CHTN with a frozen ResNet-50 and BERT, which is trained.
#
#   python tools/train.py configs/chtn/chtn_resnet50-bert_1xb64-300i_pascal.py
#
# Weights: fetched from OpenMMLab and the Hugging Face hub on first use.
# Without network: set encoder to a local folder, and
#   --cfg-options model.backbone.init_cfg.checkpoint=FILE
# Expect: not measured yet.
_base_ = [
    '../_base_/models/chtn_towers.py',
    '../_base_/datasets/pascal.py',
    '../_base_/schedules/finetune.py',
    '../_base_/default_runtime.py',
]
encoder = 'google-bert/bert-base-uncased'
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
    trunk_mode='frozen',
    trunk=dict(normalization=dict(mean=[123.675, 116.28, 103.53],
                                  std=[58.395, 57.12, 57.375], order='RGB')),
    text_encoder=dict(_delete_=True, type='HFTextEncoder', model=encoder,
                      pooling='mean', checkpointing=True))

tokens = dict(_delete_=True, type='HFTokens', model=encoder, max_length=128)
train_dataloader = dict(dataset=dict(target=dict(text=tokens)))
val_dataloader = dict(dataset=dict(text=tokens))
test_dataloader = dict(dataset=dict(text=tokens))
