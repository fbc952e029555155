# Registers every part of the plugin, from whatever folder this is run.
custom_imports = dict(imports=['chtn_plugin'], allow_failed_imports=False)

default_hooks = dict(
    # Losses stay on a GPU until they are logged.
    runtime_info=dict(type='BatchedLossesHook'),
    timer=dict(type='IterTimerHook'),
    # A validation is logged at its iteration, not at an epoch.
    logger=dict(type='LoggerHook', interval=20, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # The best epoch is chosen on the validation split, never on the test
    # split.
    checkpoint=dict(
        type='SafeCheckpointHook',
        by_epoch=False,
        interval=100,
        max_keep_ckpts=2,
        save_best='retrieval/mean_mAP',
        rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'))
custom_hooks = [
    dict(type='IterationSeedHook'),
    dict(type='ConsistencyHook'),
    dict(type='ExactResumeHook'),
    dict(type='FiniteLossHook'),
    # Fits what has a closed form; leaves other models alone.
    dict(type='FitHook'),
    # Tempers a pair teacher that asks for it; leaves other models alone.
    dict(type='TeacherTemperatureHook'),
    # Chooses how much the instance part counts, where there is one.
    dict(type='BalanceHook'),
    dict(type='BoundedHistoryHook'),
    dict(type='KeptMemoryHook'),
    dict(type='ArchitectureHook'),
    dict(type='RetrievalVisualizationHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='Visualizer', vis_backends=vis_backends)
log_processor = dict(by_epoch=False, window_size=20)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0, deterministic=False)
# --auto-scale-lr scales the learning rate by the batch size over this one.
auto_scale_lr = dict(enable=False, base_batch_size=64)
