# Pretrained towers learn a tenth (images) or a hundredth (texts) as fast as
# the layers behind them. A leaf whose tower is frozen needs no other schedule.
max_iters = 300
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='FusedOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'trunk.backbone': dict(lr_mult=0.1),
            'text_encoder.model': dict(lr_mult=0.01),
        }))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=30),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=30, end=max_iters),
]
train_cfg = dict(by_epoch=False, max_iters=max_iters, val_interval=25)
val_cfg = dict()
test_cfg = dict()
