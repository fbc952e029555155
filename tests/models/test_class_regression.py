"""A logistic regression averaged with a network."""
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

from chtn_plugin.models.centroid_kernel import (
    cluster_centroids,
    gaussian_kernel,
    kernel_least_squares,
)
from chtn_plugin.models.logistic_regression import logistic_regression


def regression(**options):
    return MODELS.build(dict(type='ClassRegression', **options))


def two_clusters():
    """Images tell classes 0 and 2 apart by their sign; 1 has no row."""
    rows = torch.tensor([[1., 3.], [1.5, 3.2], [-1., 3.], [-1.5, 2.8]])
    return rows, torch.tensor([0, 0, 2, 2])


def test_scores_are_those_of_centred_scaled_rows():
    rows, label = two_clusters()
    made = regression(share=1., strength=2.)
    made.fit(rows, -rows, label, 3)
    centred = rows.double() - rows.double().mean(0)
    centred = centred / centred.square().sum(1).mean().sqrt()
    weight, bias = logistic_regression(
        centred.numpy(), torch.eye(2)[label // 2].numpy(), 2.)
    got = made.averaged('image', rows, torch.zeros(4, 3))[:, [0, 2]]
    torch.testing.assert_close(got, torch.tensor(
        centred.numpy() @ weight + bias, dtype=torch.float32),
        rtol=1e-4, atol=1e-4)


def test_share_0_and_1_are_the_network_and_the_regression_alone():
    rows, label = two_clusters()
    logits = torch.randn(4, 2)
    made = regression(share=0.)
    made.fit(rows, rows, label // 2, 2)
    assert torch.equal(made.averaged('text', rows, logits), logits)
    alone = regression(share=1.)
    alone.fit(rows, rows, label // 2, 2)
    assert torch.equal(alone.averaged('text', rows, logits).argmax(1),
                       label // 2)


def test_the_mean_weighs_both_by_the_share():
    rows, label = two_clusters()
    made = regression(share=.25)
    made.fit(rows, rows, label // 2, 2)
    low = made.averaged('image', rows, torch.zeros(4, 2))
    high = made.averaged('image', rows, torch.full((4, 2), 8.))
    torch.testing.assert_close(high - low, torch.full((4, 2), 6.))


def test_a_class_without_rows_is_never_predicted():
    rows, label = two_clusters()
    made = regression(share=.5)
    made.fit(rows, rows, label, 3)
    logits = torch.tensor([[0., 9., 0.]] * 4)
    assert 1 not in made.averaged('image', rows, logits).argmax(1)


def test_rows_without_a_class_take_part_in_the_centring_alone():
    rows, label = two_clusters()
    made, with_more = regression(share=1.), regression(share=1.)
    made.fit(rows, rows, label // 2, 2)
    # Twice the same rows: mean and scale stay as they are.
    with_more.fit(torch.cat([rows, rows]), torch.cat([rows, rows]),
                  torch.cat([label // 2, torch.full((4, ), -1)]), 2)
    zeros = torch.zeros(4, 2)
    torch.testing.assert_close(made.averaged('image', rows, zeros),
                               with_more.averaged('image', rows, zeros))


def test_several_classes_of_a_row_count_with_their_shares():
    rows = torch.zeros(2, 1)
    made = regression(share=1.)
    made.fit(rows, rows, torch.tensor([[1, 1, 0], [1, 1, 0]]), 3)
    scores = made.averaged('text', rows, torch.zeros(2, 3)).softmax(1)
    torch.testing.assert_close(scores, torch.tensor([[.5, .5, 0]] * 2),
                               atol=1e-3, rtol=0)


def test_a_checkpoint_brings_what_was_fitted():
    rows, label = two_clusters()
    made, fresh = regression(), regression()
    made.fit(rows, rows, label, 3)
    fresh.load_state_dict(made.state_dict())
    zeros = torch.zeros(4, 3)
    assert torch.equal(fresh.averaged('image', rows, zeros),
                       made.averaged('image', rows, zeros))


def test_before_it_is_fitted_it_says_what_fits_it():
    with pytest.raises(ValueError, match='FitHook'):
        regression().averaged('image', torch.zeros(1, 2), torch.zeros(1, 2))


def test_rows_without_any_class_are_refused():
    rows, label = two_clusters()
    with pytest.raises(ValueError, match='none of the 4 training rows'):
        regression().fit(rows, rows, torch.full_like(label, -1), 3)


def test_a_number_that_is_not_finite_is_refused():
    rows, label = two_clusters()
    with pytest.raises(ValueError, match='texts must be finite'):
        regression().fit(rows, rows / 0, label, 3)


@pytest.mark.parametrize('options, message', [
    (dict(share=1.5), 'got 1.5'), (dict(strength=0), 'got 0 and 300'),
    (dict(max_iter=0), 'got 10.0 and 0')])
def test_an_option_out_of_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        regression(**options)


def paired(count=60, known=3):
    """Two classes that pictures tell badly, and texts well."""
    rng = torch.Generator().manual_seed(0)
    label = torch.arange(count) % 2
    sign = (2. * label - 1)[:, None]
    image = sign * .5 + torch.randn(count, 4, generator=rng)
    text = sign * 2. + torch.randn(count, 4, generator=rng)
    seen = torch.where(torch.arange(count) < 2 * known, label, -1)
    return image, text, label, seen


def test_pairs_without_a_class_teach_the_weaker_side():
    image, text, label, seen = paired()
    right = []
    for pairs in (False, True):
        made = regression(share=1., pairs=pairs)
        made.fit(image, text, seen, 2)
        found = made.averaged('image', image, torch.zeros(60, 2)).argmax(1)
        right.append((found == label).float().mean())
    assert right[1] > right[0]


def test_with_all_labels_pairs_change_little():
    image, text, label, _ = paired()
    found = []
    for pairs in (False, True):
        made = regression(share=1., pairs=pairs)
        made.fit(image, text, label, 2)
        found.append(made.averaged('text', text, torch.zeros(60, 2)
                                   ).softmax(1))
    torch.testing.assert_close(found[0], found[1], atol=.02, rtol=0)


def test_a_prior_enters_the_mean_once():
    image, text, _, seen = paired()
    prior = torch.randn(60, 2, generator=torch.Generator().manual_seed(1))
    made = regression(share=.7, pairs=True)
    made.fit(image, text, seen, 2, (prior, 0.))
    network = torch.randn(60, 2, generator=torch.Generator().manual_seed(2))
    with_it = made.averaged('image', image, network + prior, prior)
    without = made.averaged('image', image, network)
    torch.testing.assert_close(with_it - without, prior)


def test_a_class_without_a_row_is_never_taught():
    image, text, _, seen = paired()
    made = regression(share=1., pairs=True)
    made.fit(image, text, torch.where(seen == 1, 2, seen), 3)
    found = made.averaged('image', image, torch.zeros(60, 3)).argmax(1)
    assert set(found.tolist()) == {0, 2}


def test_pairs_of_several_classes_are_refused():
    image, text, label, _ = paired()
    with pytest.raises(ValueError, match='these data have several'):
        regression(pairs=True).fit(image, text, torch.eye(2)[label], 2)


def rings(count=80):
    """Two classes that a circle parts and no line."""
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(count) % 2
    angle = torch.rand(count, generator=generator) * 6.283
    radius = 1. + 2 * label[:, None]
    return torch.stack([angle.cos(), angle.sin()], 1) * radius, label


def test_a_kernel_follows_what_no_plane_parts():
    rows, label = rings()
    right = []
    for centroids in (0, 40):
        made = regression(share=1., centroids=centroids)
        made.fit(rows, rows, label, 2)
        found = made.averaged('image', rows, torch.zeros(80, 2)).argmax(1)
        right.append((found == label).float().mean())
    assert right[0] < .75 and right[1] > .95


def test_half_of_the_part_is_the_kernel_s():
    rows, label = rings()
    zeros = torch.zeros(80, 2)
    linear, both = regression(share=1.), regression(share=1., centroids=40)
    linear.fit(rows, -rows, label, 2)
    both.fit(rows, -rows, label, 2)
    centred = (-rows).double().numpy()
    mean = centred.mean(0)
    scale = ((centred - mean)**2).sum(1).mean()**.5
    scaled = (centred - mean) / scale
    middle = cluster_centroids(scaled, 40)
    kernel = gaussian_kernel(scaled, middle, 1.) @ kernel_least_squares(
        scaled, np.eye(2)[label], middle, 1., .3) / .1
    torch.testing.assert_close(
        both.averaged('text', -rows, zeros),
        (linear.averaged('text', -rows, zeros)
         + torch.tensor(kernel, dtype=torch.float32)) / 2,
        atol=1e-3, rtol=1e-4)


def test_a_checkpoint_brings_the_kernel_and_no_training_row():
    rows, label = rings()
    made, fresh = regression(centroids=40), regression(centroids=40)
    made.fit(rows, rows, label, 2)
    fresh.load_state_dict(made.state_dict())
    zeros = torch.zeros(80, 2)
    assert torch.equal(fresh.averaged('image', rows, zeros),
                       made.averaged('image', rows, zeros))
    kept = (made['image_centroids'] * made['image_scale']
            + made['image_mean'])
    assert torch.cdist(kept, rows).min() > 1e-4


def test_a_kernel_knows_no_class_without_rows_either():
    rows, label = rings()
    made = regression(share=1., centroids=40)
    made.fit(rows, rows, label * 2, 3)
    found = made.averaged('image', rows, torch.zeros(80, 3)).argmax(1)
    assert set(found.tolist()) == {0, 2}


@pytest.mark.parametrize('options, message', [
    (dict(centroids=-1), 'got -1, 1.0 and 0.3'),
    (dict(gamma=0), 'got 0, 0 and 0.3'), (dict(ridge=-1), 'and -1'),
    (dict(pairs=True, centroids=8), 'centroids must be 0, got 8')])
def test_a_kernel_s_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        regression(**options)
