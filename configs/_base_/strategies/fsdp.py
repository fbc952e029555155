# Weights, gradients and the optimizer's state sharded over the ranks (FSDP),
# which MMEngine offers under its FlexibleRunner. A single process does
# without.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy',
    # One file a checkpoint, as every run writes it: any number of ranks, any
    # tool and any strategy reads it.
    state_dict_cfg='full',
    model_wrapper=dict(
        type='MMFullyShardedDataParallel',
        # Weights and biases, frozen and trained layers have settings of
        # their own.
        use_orig_params=True,
        # What is gathered at once: layers of so many weights together.
        auto_wrap_policy=dict(
            type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy',
            min_num_params=1_000_000)))
