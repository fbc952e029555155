# The demo with sharded weights, to try the strategy out; see
# docs/distributed.md.
#
#   bash tools/dist_train.sh configs/chtn_demo_fsdp.py 2
#   python tools/test.py configs/chtn_demo_fsdp.py work_dirs/chtn_demo_fsdp
#
# Expect the losses of chtn_demo.py on as many ranks, to float tolerance.
_base_ = ['chtn_demo.py', '_base_/strategies/fsdp.py']

# The demo's largest layers hold a quarter of a million weights.
strategy = dict(
    model_wrapper=dict(auto_wrap_policy=dict(min_num_params=200_000)))
