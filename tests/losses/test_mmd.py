"""MMD: closed forms, the gradient, the estimators' one expectation."""
from __future__ import annotations

import math

import pytest
import torch
from mmengine.registry import MODELS
from torch.autograd import gradcheck

from chtn_plugin.losses import MMDLoss, squared_mmd


def features(source=5, target=4, size=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(source + target, size, generator=generator,
                       dtype=torch.float64)
    # The domains differ in mean, so that the value is far from 0.
    return (made[:source].requires_grad_(), (made[source:]
                                             + 1).requires_grad_())


def reference(source, target, gammas, with_self):
    """The definition, as a slow double loop."""
    def mean(a, b, with_self):
        values = [sum(math.exp(-g * float((x - y).detach().square().sum()))
                      for g in gammas) / len(gammas)
                  for i, x in enumerate(a) for j, y in enumerate(b)
                  if with_self or i != j]
        return sum(values) / len(values)
    return (mean(source, source, with_self) + mean(target, target, with_self)
            - 2 * mean(source, target, True))


def mean_gamma(rows):
    """One over the mean squared distance between different rows."""
    distances = [float((a - b).square().sum())
                 for i, a in enumerate(rows) for j, b in enumerate(rows)
                 if i != j]
    return len(distances) / sum(distances)


@pytest.mark.parametrize('gap', [0.1, 1.0, 50.0])
def test_one_point_each_gives_2_minus_2_over_e(gap):
    # gamma = 1 / gap², so k(s, t) = exp(-1) whatever the gap
    value = squared_mmd(torch.zeros(1, 1), torch.full((1, 1), gap), 'biased')
    assert value.item() == pytest.approx(2 - 2 / math.e)


def test_unbiased_of_two_points_each():
    # Within a domain the two rows agree: k = 1. Across the distance is 1 for
    # 4 of 6 pairs, so gamma = 6/4 and the value 1 + 1 - 2 exp(-1.5).
    value = squared_mmd(torch.zeros(2, 1), torch.ones(2, 1))
    assert value.item() == pytest.approx(2 - 2 * math.exp(-1.5))


def test_sampled_of_two_points_each():
    # Every quadruple is the same one: the value has no variance.
    value = squared_mmd(torch.zeros(2, 1), torch.ones(2, 1), 'sampled')
    assert value.item() == pytest.approx(2 - 2 * math.exp(-1.5))


@pytest.mark.parametrize('estimator', ['unbiased', 'biased'])
@pytest.mark.parametrize('sizes', [(5, 4), (2, 7), (3, 3)])
def test_equals_the_double_loop(estimator, sizes):
    source, target = features(*sizes)
    gamma = mean_gamma(torch.cat([source, target]).detach())
    assert squared_mmd(source, target, estimator).item() == pytest.approx(
        reference(source, target, [gamma], estimator == 'biased'))


@pytest.mark.parametrize('number, factors', [
    (1, [1]), (2, [0.5, 1]), (3, [0.5, 1, 2]), (5, [0.25, 0.5, 1, 2, 4])])
def test_several_kernels_are_averaged(number, factors):
    source, target = features()
    value = squared_mmd(source, target, num_kernels=number, gamma=0.3)
    assert value.item() == pytest.approx(reference(
        source, target, [0.3 * factor for factor in factors], False))


def test_kernel_mul_is_the_ratio_between_kernels():
    source, target = features()
    value = squared_mmd(source, target, num_kernels=3, kernel_mul=3.0,
                        gamma=0.3)
    assert value.item() == pytest.approx(reference(
        source, target, [0.1, 0.3, 0.9], False))


def test_biased_of_equal_batches_is_zero():
    source, _ = features()
    assert squared_mmd(source, source.clone(), 'biased').item() == (
        pytest.approx(0, abs=1e-12))


def test_unbiased_of_equal_batches_is_negative():
    source, _ = features()
    assert squared_mmd(source, source.clone()).item() < 0


@pytest.mark.parametrize('seed', range(5))
def test_biased_is_never_negative(seed):
    assert squared_mmd(*features(seed=seed), 'biased').item() >= 0


@pytest.mark.parametrize('estimator', ['unbiased', 'biased'])
def test_is_symmetric(estimator):
    source, target = features()
    assert squared_mmd(source, target, estimator).item() == pytest.approx(
        squared_mmd(target, source, estimator).item())


@pytest.mark.parametrize('estimator', ['unbiased', 'biased'])
def test_distant_features_do_not_cancel(estimator):
    # Far from the origin, ||a||² + ||b||² - 2ab loses the distance.
    source, target = (x.detach().float() for x in features())
    expected = squared_mmd(source, target, estimator)
    shifted = squared_mmd(source + 4096, target + 4096, estimator)
    assert shifted.item() == pytest.approx(expected.item(), rel=1e-2)


@pytest.mark.parametrize('estimator', ['unbiased', 'biased'])
@pytest.mark.parametrize('kernels', [1, 3])
@pytest.mark.parametrize('sizes', [(5, 4), (2, 6)])
def test_gradient_is_right(estimator, kernels, sizes):
    assert gradcheck(
        lambda s, t: squared_mmd(s, t, estimator, kernels, gamma=0.4),
        features(*sizes))


def test_gradient_of_sampled_is_right():
    assert gradcheck(
        lambda s, t: squared_mmd(
            s, t, 'sampled', gamma=0.4, num_samples=7,
            generator=torch.Generator().manual_seed(1)), features())


@pytest.mark.parametrize('estimator', ['unbiased', 'biased', 'sampled'])
def test_bandwidth_is_constant_in_the_gradient(estimator):
    def gradient(**options):
        source, target = features()
        squared_mmd(source, target, estimator, generator=torch.Generator(
            ).manual_seed(1), **options).backward()
        return torch.cat([source.grad, target.grad])
    gamma = mean_gamma(torch.cat(features()).detach())
    torch.testing.assert_close(gradient(), gradient(gamma=gamma))


def test_sampled_has_the_value_and_gradient_of_unbiased_on_average():
    source, target = features()
    squared_mmd(source, target).backward()
    expected = torch.cat([source.grad, target.grad])
    value = squared_mmd(source, target).item()

    source, target = features()
    sampled = squared_mmd(source, target, 'sampled', num_samples=200_000,
                          generator=torch.Generator().manual_seed(0))
    sampled.backward()
    # One draw has standard deviation below 1: the mean's is below 0.0023.
    assert sampled.item() == pytest.approx(value, abs=0.01)
    torch.testing.assert_close(torch.cat([source.grad, target.grad]),
                               expected, atol=0.005, rtol=0)


def test_sampled_differs_from_draw_to_draw():
    source, target = features()
    generator = torch.Generator().manual_seed(0)
    first, second = (squared_mmd(source, target, 'sampled',
                                 generator=generator) for _ in range(2))
    assert first.item() != second.item()


def test_sampled_draws_two_different_rows():
    # Only a row paired with itself would give k(s1, s2) = 1: the rows are
    # far apart, so every kernel but that vanishes.
    rows = 1000 * torch.arange(3.)[:, None]
    value = squared_mmd(rows, rows + 300, 'sampled', gamma=1.0,
                        num_samples=500)
    assert value.item() == 0


@pytest.mark.parametrize('estimator', ['unbiased', 'biased', 'sampled'])
@pytest.mark.parametrize('scale', [0.0, 1e-6, 1e4])
def test_gradient_is_finite_at_any_scale(estimator, scale):
    source, target = ((scale * x.detach()).float().requires_grad_()
                      for x in features())
    squared_mmd(source, target, estimator).backward()
    assert source.grad.isfinite().all() and target.grad.isfinite().all()


@pytest.mark.parametrize('estimator', ['unbiased', 'biased', 'sampled'])
def test_half_precision_is_computed_in_float32(estimator):
    source, target = (x.detach().bfloat16().requires_grad_()
                      for x in features())
    with torch.autocast('cpu', torch.bfloat16):
        value = squared_mmd(source, target, estimator, generator=torch
                            .Generator().manual_seed(0))
    expected = squared_mmd(source.float(), target.float(), estimator,
                           generator=torch.Generator().manual_seed(0))
    value.backward()
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected.item(), abs=1e-6)
    assert source.grad.dtype == torch.bfloat16


def test_refuses_other_feature_size():
    with pytest.raises(ValueError, match=r'\(4, 3\) and \(4, 2\)'):
        squared_mmd(torch.zeros(4, 3), torch.zeros(4, 2))


@pytest.mark.parametrize('estimator, needed', [('unbiased', 2),
                                               ('sampled', 2), ('biased', 1)])
def test_refuses_too_few_rows(estimator, needed):
    with pytest.raises(ValueError, match=f'at least {needed} rows of each '
                       f'domain, got 3 and {needed - 1}'):
        squared_mmd(torch.zeros(3, 1), torch.zeros(needed - 1, 1), estimator)


@pytest.mark.parametrize('options, reason', [
    (dict(estimator='mean'), "one of .* got 'mean'"),
    (dict(num_kernels=0), 'num_kernels must be at least 1'),
    (dict(kernel_mul=0.), 'kernel_mul positive'),
    (dict(num_samples=0), 'num_samples must be positive, got 0'),
])
def test_loss_refuses_options_out_of_range(options, reason):
    with pytest.raises(ValueError, match=reason):
        MMDLoss(**options)


def test_loss_is_built_from_a_config_and_weighted():
    loss = MODELS.build(dict(type='MMDLoss', estimator='biased',
                             loss_weight=0.5))
    value = loss(torch.zeros(1, 1), torch.ones(1, 1))
    assert value.item() == pytest.approx(1 - 1 / math.e)


def test_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="'estimater'"):
        MODELS.build(dict(type='MMDLoss', estimater='biased'))


UNITS = [1e-25, 1e-18, 1e-6, 1e-4, 1e18]


@pytest.mark.parametrize('unit', UNITS)
@pytest.mark.parametrize('estimator', ['unbiased', 'biased', 'sampled'])
def test_the_unit_of_the_features_does_not_matter(estimator, unit):
    def made(unit):
        source, target = ((x.detach().float() * unit).requires_grad_()
                          for x in features())
        value = squared_mmd(source, target, estimator, 3,
                            generator=torch.Generator().manual_seed(2))
        value.backward()
        return value.item(), torch.cat([source.grad, target.grad])
    value, gradient = made(unit)
    expected, slope = made(1.)
    assert value == pytest.approx(expected, rel=1e-4)
    if unit > 1e-20:  # else the gradient itself leaves float32
        torch.testing.assert_close(gradient.double() * unit, slope.double(),
                                   rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('estimator', ['unbiased', 'sampled'])
def test_a_given_gamma_is_of_the_unit_given(estimator):
    source, target = (x.detach() for x in features())
    values = [squared_mmd(source * unit, target * unit, estimator,
                          gamma=.3 / unit**2, generator=torch.Generator(
                          ).manual_seed(2)).item()
              for unit in (1., 1e-18, 1e18)]
    assert values[1:] == pytest.approx([values[0]] * 2)


def slow_sampled(source, target, gammas, samples, generator):
    """The definition, quadruple by quadruple, in the order of the draws."""
    draws = []
    for n in (len(source), len(target)):
        first = torch.randint(n, (samples,), generator=generator)
        step = torch.randint(1, n, (samples,), generator=generator)
        draws.append((first, (first + step) % n))

    def kernel(a, b):
        return sum(math.exp(-g * float((a - b).detach().square().sum()))
                   for g in gammas) / len(gammas)
    return sum(kernel(source[s1], source[s2]) + kernel(target[t1], target[t2])
               - kernel(source[s1], target[t2])
               - kernel(target[t1], source[s2])
               for s1, s2, t1, t2 in zip(*draws[0], *draws[1],
                                         strict=True)) / samples


@pytest.mark.parametrize('width', [3, 1024, 2500])
def test_sampled_equals_the_quadruples_one_by_one(width):
    source, target = features(6, 5, width)
    value = squared_mmd(source, target, 'sampled', 3, gamma=.5 / width,
                        num_samples=9,
                        generator=torch.Generator().manual_seed(3))
    assert value.item() == pytest.approx(slow_sampled(
        source, target, [.5 / width * f for f in (.5, 1, 2)], 9,
        torch.Generator().manual_seed(3)))
