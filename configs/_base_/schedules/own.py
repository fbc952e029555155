# Minutes on a CPU; a leaf that tools/make_manifest.py writes sets the number
# of iterations to some thirty passes over its pairs.
_base_ = 'features.py'
max_iters = 600
optim_wrapper = dict(optimizer=dict(lr=0.05))
# Few validation pairs tell states apart by chance: only those that have
# learned long enough come to choice.
train_cfg = dict(val_interval=max_iters // 2)
