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
