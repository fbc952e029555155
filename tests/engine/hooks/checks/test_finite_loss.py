from types import SimpleNamespace

import pytest
import torch

from chtn_plugin.engine.hooks import FiniteLossHook

RUNNER = SimpleNamespace(iter=41, message_hub=SimpleNamespace(
    runtime_info=dict(last_ckpt='run/iter_40.pth')))


def batch(**inputs):
    return dict(inputs=inputs,
                data_samples=dict(sample_idx=torch.tensor([7, 9])))


def test_a_finite_loss_passes():
    FiniteLossHook().after_train_iter(
        RUNNER, 41, batch(), dict(loss=1.0, loss_pair_fc6=1.0))


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_the_term_its_tap_and_the_batch_are_named(value):
    with pytest.raises(FloatingPointError) as error:
        FiniteLossHook().after_train_iter(
            RUNNER, 41, batch(image=torch.ones(2, 3)),
            dict(loss=torch.tensor(value), loss_pair_fc6=1.0,
                 loss_mmd_fc7=torch.tensor(value)))
    message = str(error.value)
    assert 'iteration 42' in message
    assert f'loss_mmd_fc7 is {value} (term mmd, tap fc7)' in message
    assert 'pair' not in message
    assert 'sample_idx [7, 9]' in message
    assert 'run/iter_40.pth' in message
    assert 'learning rate' in message


def test_inputs_that_were_broken_already_are_named_by_id():
    image = torch.ones(2, 3)
    image[1, 2] = float('inf')
    source = torch.full((1, 3), float('nan'))
    with pytest.raises(FloatingPointError) as error:
        FiniteLossHook().after_train_iter(
            RUNNER, 41, batch(image=image, source_image=source,
                              text=dict(words=torch.tensor([[1], [2]]))),
            dict(loss=float('nan'), loss_cls_image=float('nan')))
    message = str(error.value)
    assert 'inputs.image of sample_idx [9]' in message
    assert 'inputs.source_image of row [0]' in message
    assert 'learning rate' not in message


# Loss scaling.


def scaled(model, **state):
    """A runner in fp16, its scaler enabled or not."""
    scaler = torch.amp.GradScaler('cpu', **state)
    return SimpleNamespace(
        iter=41, message_hub=RUNNER.message_hub, model=model,
        optim_wrapper=SimpleNamespace(loss_scaler=scaler))


def step(hook, runner, value=float('nan')):
    hook.after_train_iter(runner, 41, batch(image=torch.ones(2, 3)),
                          dict(loss=value, loss_pair_fc6=value))


def test_an_overflow_that_loss_scaling_skips_ends_no_run():
    hook, runner = FiniteLossHook(max_skipped=2), scaled(torch.nn.Linear(1, 1))
    for value in (float('nan'), float('inf'), 1.0, float('nan')):
        step(hook, runner, value)


def test_overflows_in_a_row_end_it():
    hook, runner = FiniteLossHook(max_skipped=2), scaled(torch.nn.Linear(1, 1))
    step(hook, runner)
    step(hook, runner)
    with pytest.raises(FloatingPointError, match='loss_pair_fc6 is nan'):
        step(hook, runner)


def test_statistics_that_took_the_overflow_up_end_it():
    norm = torch.nn.BatchNorm1d(2)
    step(FiniteLossHook(), scaled(norm))
    norm.running_var[1] = float('inf')
    with pytest.raises(FloatingPointError):
        step(FiniteLossHook(), scaled(norm))


def test_a_scaler_that_scales_nothing_forgives_nothing():
    with pytest.raises(FloatingPointError):
        step(FiniteLossHook(), scaled(torch.nn.Linear(1, 1), enabled=False))


def test_inputs_that_were_broken_already_are_not_skipped():
    with pytest.raises(FloatingPointError, match='in the batch already'):
        FiniteLossHook().after_train_iter(
            scaled(torch.nn.Linear(1, 1)), 41,
            batch(image=torch.full((2, 3), float('nan'))),
            dict(loss=float('nan')))
