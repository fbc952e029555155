# 500 updates of 16 accumulated batches, as released: 64 pairs and 64 source
# images each. An iteration here is one batch.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='FusedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0),
    accumulative_counts=16)
param_scheduler = []
train_cfg = dict(by_epoch=False, max_iters=500 * 16, val_interval=50 * 16)
val_cfg = dict()
test_cfg = dict()
