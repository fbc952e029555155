"""The balance of class and instance part, chosen on validation."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import MODELS

from chtn_plugin.engine.hooks import BalanceHook
from chtn_plugin.engine.hooks.fitting.balance import choose
from chtn_plugin.evaluation import RetrievalMetric


@pytest.mark.parametrize('figures, chosen', [
    ({0.1: 0.900, 0.3: 0.897, 0.5: 0.894}, 0.3),
    ({0.1: 0.900, 0.3: 0.880, 0.5: 0.897}, 0.5),
    ({0.1: 0.500, 0.3: 0.900, 0.5: 0.100}, 0.3),
])
def test_largest_within_the_tolerance_of_the_best(figures, chosen):
    assert choose(figures, 0.005) == chosen


def model(**options):
    torch.manual_seed(0)
    return MODELS.build(dict(dict(
        type='CHTN', num_classes=2, input_shape=(2, ), source_pathway=None,
        text_encoder=dict(type='VectorTextEncoder', out_features=2,
                          norm=None),
        image_pathway=dict(type='Pathway', widths=(4, 4)),
        common_head=dict(type='CommonHead', widths=(4, 4)), mmd=None,
        similarity='dot', instance=dict(type='InstanceMaps')),
        **options)).eval()


def validated(made, hook, image, text, label):
    """Run the hook around one validation of these pairs."""
    places = torch.arange(len(label))
    outputs = made(dict(image=image, text=text), dict(
        label=label, sample_idx=places, image_idx=places, text_idx=places),
        mode='predict')
    metric = RetrievalMetric()
    metric.process(None, outputs)
    metrics = metric.evaluate(len(label))
    runner = SimpleNamespace(
        model=made, val_evaluator=SimpleNamespace(metrics=[metric]),
        val_dataloader=SimpleNamespace(dataset=list(range(len(label)))))
    hook.before_val_epoch(runner)
    hook.after_val_iter(runner, 0, None, outputs)
    hook.after_val_epoch(runner, metrics)
    return metrics


@torch.no_grad()
def told_by_class(made):
    """Posteriors of 1 for the class whose feature is the larger."""
    made.common_head.fc10.weight.zero_()
    made.instance.image_map.weight.copy_(torch.eye(2))
    made.instance.text_map.weight.copy_(torch.eye(2))


def test_an_instance_part_that_helps_gets_the_largest_balance():
    made = model()
    told_by_class(made)
    # All posteriors are equal: the instance part alone ranks, at any balance.
    rows = torch.tensor([[1., .1], [1., .2], [.1, 1.], [.2, 1.]])
    validated(made, BalanceHook(), rows, rows, torch.tensor([0, 0, 1, 1]))
    assert made.balance == pytest.approx(0.3)


def test_figures_are_those_of_the_balance_chosen():
    made = model()
    told_by_class(made)
    rows = torch.tensor([[1., .1], [1., .2], [.1, 1.], [.2, 1.]])
    label = torch.tensor([0, 0, 1, 1])
    first = validated(made, BalanceHook(), rows, rows, label)
    again = validated(made, BalanceHook(candidates=[.3]), rows, rows, label)
    assert first == pytest.approx(again, nan_ok=True)


def test_partners_that_are_near_say_what_near_is():
    made = model()
    told_by_class(made)
    rows = torch.tensor([[1., 0.], [0., 1.]])
    validated(made, BalanceHook(), rows, rows, torch.tensor([0, 1]))
    assert made.instance.nearby.item() == pytest.approx(1, abs=1e-5)


def test_a_model_without_instance_part_is_left_alone():
    made = model(instance=None)
    rows = torch.rand(4, 2)
    validated(made, BalanceHook(), rows, rows, torch.tensor([0, 0, 1, 1]))


@pytest.mark.parametrize('options, reason', [
    (dict(candidates=[]), r'got \[\]'),
    (dict(candidates=[0, .5]), r'got \[0, 0.5\]'),
    (dict(tolerance=-1), 'at least 0, got -1'),
])
def test_options_out_of_range_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        BalanceHook(**options)
