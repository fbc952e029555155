# Minutes on a CPU; a leaf that tools/make_manifest.py writes sets the number
# of iterations to some thirty passes over its pairs.
max_iters = 600
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='FusedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-3),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False,
                       T_max=max_iters)
train_cfg = dict(by_epoch=False, max_iters=max_iters,
                 # Few validation pairs tell states apart by chance: only
                 # those that have learned long enough come to choice.
                 val_interval=max_iters // 2)
val_cfg = dict()
test_cfg = dict()
