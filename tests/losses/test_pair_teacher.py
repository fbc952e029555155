"""Pairs without a label as each other's teachers."""
from __future__ import annotations

import math

import pytest
import torch
from mmengine.registry import MODELS

from chtn_plugin.losses import (
    likeliest_temperature,
    pair_teacher_loss,
    pair_teacher_targets,
)


def scores(*probabilities):
    """Class scores whose softmax these are."""
    return torch.tensor(probabilities).log()


def test_target_is_the_squared_product_of_both_posteriors():
    # (.8 .6)² : (.2 .4)² = .2304 : .0064
    image, text = pair_teacher_targets(scores([.8, .2]), scores([.6, .4]))
    assert image[0, 0].item() == pytest.approx(.2304 / .2368)
    assert text.tolist() == image.tolist()


def test_half_a_vote_of_the_image_is_its_root():
    # (.8^.5 .6)² = .8 · .36 = .288 against .2 · .16 = .032
    _, text = pair_teacher_targets(scores([.8, .2]), scores([.6, .4]),
                                   image_vote=.5)
    assert text[0, 0].item() == pytest.approx(.288 / .320)


def test_without_a_vote_of_the_text_the_image_teaches_itself():
    image, _ = pair_teacher_targets(scores([.8, .2]), scores([.1, .9]),
                                    sharpen=1., text_vote=0.)
    assert image[0].tolist() == pytest.approx([.8, .2])


def test_temperature_divides_the_scores_of_its_modality():
    # At 2, odds of 9 become 3; the undecided text adds nothing.
    image, _ = pair_teacher_targets(scores([.9, .1]), scores([.5, .5]),
                                    sharpen=1., image_temperature=2.)
    assert image[0, 0].item() == pytest.approx(.75)


def test_loss_is_the_cross_entropy_of_both_sides():
    half = torch.zeros(3, 2)
    target = torch.tensor([[1., 0.], [.5, .5], [0., 1.]])
    assert pair_teacher_loss(half, half, target, target).item() == (
        pytest.approx(2 * math.log(2)))


def test_loss_of_no_rows_is_zero():
    none = torch.zeros(0, 2, requires_grad=True)
    value = pair_teacher_loss(none, none, none.detach(), none.detach())
    assert value.item() == 0
    value.backward()


def test_two_shards_average_to_the_whole_batch():
    torch.manual_seed(0)
    image, text = torch.randn(6, 3), torch.randn(6, 3)
    targets = pair_teacher_targets(image, text)

    def loss(rows):
        return pair_teacher_loss(image[rows], text[rows],
                                 *(target[rows] for target in targets))

    whole, parts = loss(slice(6)), (loss(slice(3)) + loss(slice(3, 6))) / 2
    assert parts.item() == pytest.approx(whole.item())


def test_no_gradient_reaches_the_teacher():
    image = torch.randn(4, 3, requires_grad=True)
    target, _ = pair_teacher_targets(image, image)
    assert not target.requires_grad


def test_half_precision_is_lifted_before_the_logarithm():
    # In float16 the second posterior is 0 and its logarithm -inf.
    sure = torch.tensor([[60., 0.]], dtype=torch.float16)
    other = torch.tensor([[0., 60.]], dtype=torch.float16)
    image, _ = pair_teacher_targets(sure, other)
    assert image.dtype == torch.float32
    assert image[0].tolist() == pytest.approx([.5, .5])


def made(**options):
    return MODELS.build(dict(dict(type='PairTeacherLoss', num_classes=2,
                                  warm_up=0, alignment=0.), **options))


def called(loss, image=((0., 0.), ), text=((0., 0.), ), label=(0, )):
    rows = torch.tensor(image), torch.tensor(text)
    return loss(*rows, rows, torch.tensor(label))


def test_autocast_leaves_the_loss_in_float32():
    with torch.autocast('cpu', torch.bfloat16):
        assert called(made()).dtype == torch.float32


def weights(calls, **options):
    """Weight of each call; the mean cross entropy is 2 ln 2."""
    loss = made(**options)
    return [called(loss).item() / (2 * math.log(2)) for _ in range(calls)]


def test_weight_is_zero_until_labelled_rows_have_taught():
    assert weights(4, warm_up=2, loss_weight=.3) == pytest.approx(
        [0, 0, .3, .3])


def test_weight_grows_over_the_ramp():
    assert weights(5, warm_up=1, ramp=3) == pytest.approx(
        [0, .25, .5, .75, 1])


def test_a_resumed_loss_is_past_its_warm_up():
    first, second = made(warm_up=1), made(warm_up=1)
    called(first)
    second.load_state_dict(first.state_dict())
    assert called(second).item() > 0


def aligned(loss, image, text, label):
    return [rows.softmax(1) for rows in loss._aligned(
        (scores(*image), scores(*text)), torch.tensor(label))]


def test_alignment_makes_mean_posteriors_the_shares_of_the_labels():
    # Every image says .8 for the first class, of which half the labels are.
    image, text = aligned(made(alignment=1.), [[.8, .2]] * 2,
                          [[.5, .5]] * 2, [0, 1])
    assert image.flatten().tolist() == pytest.approx([.5] * 4, abs=1e-3)
    assert text.flatten().tolist() == pytest.approx([.5] * 4, abs=1e-3)


def test_alignment_follows_labels_that_are_not_alike():
    image, _ = aligned(made(alignment=1.), [[.5, .5]], [[.5, .5]],
                       [0, 0, 0, 1])
    assert image[0].tolist() == pytest.approx([.75, .25], abs=1e-3)


def test_half_an_alignment_takes_the_root():
    # Odds of 4 divided by the root of 4 are 2.
    image, _ = aligned(made(alignment=.5), [[.8, .2]], [[.5, .5]], [0, 1])
    assert image[0].tolist() == pytest.approx([2 / 3, 1 / 3], abs=1e-3)


def test_without_alignment_posteriors_stay():
    image, _ = aligned(made(), [[.8, .2]], [[.5, .5]], [1])
    assert image[0].tolist() == pytest.approx([.8, .2])


def test_running_means_remember_earlier_batches():
    loss = made(alignment=1., momentum=.5)
    aligned(loss, [[.8, .2]], [[.5, .5]], [0, 1])
    # Weights 1 and 2 of the first and second batch: mean (.8 + 2 · .2) / 3.
    image, _ = aligned(loss, [[.2, .8]], [[.5, .5]], [0, 1])
    odds = (.2 / .4) / (.8 / .6)
    assert image[0, 0].item() == pytest.approx(odds / (1 + odds), abs=1e-3)


def test_a_class_in_no_batch_leaves_numbers_finite():
    image, _ = aligned(made(alignment=1.), [[1., 0.]], [[.5, .5]], [0])
    assert image.isfinite().all()


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match=r'\(2, 3\) and \(2, 4\)'):
        pair_teacher_targets(torch.zeros(2, 3), torch.zeros(2, 4))


@pytest.mark.parametrize('option', ['sharpen', 'momentum', 'image_temperature',
                                    'text_temperature'])
def test_refuses_what_is_not_positive(option):
    with pytest.raises(ValueError, match=f'{option} must be positive, got 0'):
        made(**{option: 0})


@pytest.mark.parametrize('option', ['loss_weight', 'text_vote', 'image_vote',
                                    'warm_up', 'ramp', 'alignment',
                                    'temper_every'])
def test_refuses_what_is_negative(option):
    with pytest.raises(ValueError, match=f'{option} must be at least 0'):
        made(**{option: -1})


def test_refuses_to_guess_the_number_of_classes():
    with pytest.raises(ValueError, match='num_classes must be given'):
        MODELS.build(dict(type='PairTeacherLoss'))


def test_likeliest_temperature_makes_sure_scores_as_sure_as_they_are_right():
    # Odds of 9 where 3 of 4 are right: at 2 they are 3, which is the truth.
    score = torch.tensor([[math.log(9), 0.]] * 4)
    assert likeliest_temperature(score, torch.tensor([0, 0, 0, 1])) == 2


def test_likeliest_temperature_of_scores_as_sure_as_they_are_right_is_1():
    score = torch.tensor([[math.log(3), 0.]] * 4)
    assert likeliest_temperature(score, torch.tensor([0, 0, 0, 1])) == 1


def test_likeliest_temperature_of_timid_scores_is_below_1():
    score = torch.tensor([[math.log(3) / 2, 0.]] * 4)
    assert likeliest_temperature(score, torch.tensor([0, 0, 0, 1])) == .5


def test_a_temperature_of_no_rows_is_refused():
    with pytest.raises(ValueError, match='got none'):
        likeliest_temperature(torch.zeros(0, 2), torch.zeros(0).long())


def test_a_hot_modality_says_less_in_the_labels():
    # Odds of 16 are 2 at temperature 4, and the texts' 1 adds nothing.
    image, _ = aligned(made(image_temperature=4.), [[16 / 17, 1 / 17]],
                       [[.5, .5]], [0])
    assert image[0, 0].item() == pytest.approx(2 / 3)


def test_temperatures_are_resumed():
    first, second = made(), made()
    first.temperatures.copy_(torch.tensor([2., .5]))
    second.load_state_dict(first.state_dict())
    assert second.temperatures.tolist() == [2., .5]
