import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from short_run import write_config

from chtn_plugin.engine.hooks import CompiledForwardHook
from chtn_plugin.engine.launch import build_runner

# Groups from a configuration, and another learning rate every iteration. The
# backend runs what was traced as it stands, and compiles no C++.
MORE = """
optim_wrapper['paramwise_cfg'] = dict(bias_lr_mult=2.0, bias_decay_mult=0.0)
train_cfg = dict(by_epoch=False, max_iters=4)
val_cfg = val_dataloader = val_evaluator = None
default_hooks['checkpoint'] = dict(_delete_=True, type='SafeCheckpointHook',
                                   save_last=False)
"""


@pytest.fixture
def train(tmp_path):
    """Train, and return the losses and the number of traced frames."""
    config = write_config(tmp_path, MORE)

    def run(build, name, **changes):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        cfg = Config.fromfile(config)
        cfg.merge_from_dict(changes)
        cfg.work_dir, cfg.log_level = str(tmp_path / name), 'ERROR'
        cfg.experiment_name = f'{tmp_path.name}-{name}'
        runner = build(cfg)
        runner.train()
        return (runner.message_hub.get_scalar('train/loss').data[0].tolist(),
                torch._dynamo.utils.counters['stats']['unique_graphs'])
    yield run
    torch._dynamo.reset()


@pytest.mark.slow
def test_the_compiled_run_has_the_losses_of_the_plain_one(train):
    losses, _ = train(build_runner, 'plain')
    compiled, graphs = train(build_runner, 'compiled',
                             compile=dict(backend='eager'))
    assert compiled == pytest.approx(losses, rel=1e-5)
    assert graphs > 0


@pytest.mark.slow
def test_without_the_hook_torch_fails_at_the_optimizer(train):
    # When this fails, the hook has become needless.
    with pytest.raises(Exception, match='optim'):
        train(Runner.from_cfg, 'whole', compile=dict(backend='eager'))


def test_the_hook_is_registered_with_compile_only(tmp_path):
    cfg = Config.fromfile(write_config(tmp_path))
    cfg.work_dir, cfg.log_level = str(tmp_path / 'run'), 'ERROR'
    for number, (options, expected) in enumerate([
            ({}, False), (dict(compile=False), False),
            (dict(compile=True), True)]):
        cfg.merge_from_dict(dict(options, experiment_name=f'{number}'))
        hooks = build_runner(cfg).hooks
        assert expected == any(isinstance(hook, CompiledForwardHook)
                               for hook in hooks)
