# A method that FitHook (default_runtime.py) fits before the loop: one
# iteration, in which nothing changes, then validation and the checkpoint.
optim_wrapper = dict(type='OptimWrapper',
                     optimizer=dict(type='SGD', lr=0.0))
train_cfg = dict(by_epoch=False, max_iters=1, val_interval=1)
val_cfg = dict()
test_cfg = dict()
