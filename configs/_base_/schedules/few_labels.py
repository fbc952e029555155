# Few labels: 300 updates, with a rate that falls to zero. No epoch is chosen:
# a validation split of few labels tells none apart.
max_iters = 300
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.03, momentum=0.9, weight_decay=5e-3),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False,
                       T_max=max_iters)
train_cfg = dict(by_epoch=False, max_iters=max_iters,
                 val_interval=max_iters)
val_cfg = dict()
test_cfg = dict()
