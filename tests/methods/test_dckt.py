"""DCKT: two domains of pairs, and the order in which pairs are trained."""
import math

import pytest
import torch
from trained_forms import batch, made, trained

from chtn_plugin.methods.dckt import average_precisions, chance_of_selection


def model(**options):
    return made('DCKT', **dict(dict(widths=(16, 8), num_source_classes=3),
                               **options))


def both(count=12):
    """A batch of both domains; the source is another draw of the classes."""
    inputs, samples = batch(count)
    other, its_samples = batch(count, seed=5)
    return (dict(inputs, source_image=other['image'],
                 source_text=other['text']),
            dict(samples, source_label=its_samples['label']))


def test_the_terms_are_those_of_the_release():
    terms = model().loss(*both())
    assert {name for name in terms if 'loss' in name} == {
        *(f'loss_cls_{domain}{name}' for domain in ('', 'source_')
          for name in ('image', 'text')),
        *(f'loss_{domain}pair_{tap}' for domain in ('', 'source_')
          for tap in ('fc6', 'fc7')),
        *(f'loss_mmd_{name}_{tap}' for name in ('image', 'text')
          for tap in ('fc6', 'fc7')),
        'loss_mmd_fc8', 'loss_mmd_fc9'}


def test_a_weight_multiplies_its_term():
    options = dict(selection=None, mmd_weights=(1., 1., 1., 2.))
    one = model(**options).loss(*both())
    other = model(**dict(options, mmd_weights=(1., 1., 1., 1.),
                         source_weight=.4)).loss(*both())
    assert one['loss_mmd_fc9'].item() == pytest.approx(
        2 * other['loss_mmd_fc9'].item(), rel=1e-5)
    assert 2 * one['loss_cls_source_text'].item() == pytest.approx(
        other['loss_cls_source_text'].item(), rel=1e-5)


def test_equal_domains_have_no_biased_discrepancy():
    # Both domains with the same weights and rows: every tap is the same, and
    # the unbiased estimate of equal batches is below 0.
    one = model(selection=None)
    one.source_domain.load_state_dict(one.target_domain.state_dict())
    inputs, samples = batch()
    terms = one.loss(dict(inputs, source_image=inputs['image'],
                          source_text=inputs['text']),
                     dict(samples, source_label=samples['label']))
    assert all(value <= 1e-6 for name, value in terms.items()
               if 'mmd' in name)
    assert terms['loss_cls_source_image'].item() == pytest.approx(
        .2 * terms['loss_cls_image'].item(), rel=1e-5)


def test_without_source_pairs_the_target_is_trained_alone():
    terms = model().loss(*batch())
    assert not any('source' in name or 'mmd' in name for name in terms)
    assert 'loss_cls_text' in terms


def test_average_precision_of_a_ranking_by_hand():
    # Relevant at ranks 1 and 3: (1 / 1 + 2 / 3) / 2.
    value = average_precisions(torch.tensor([[.1, .9, .5]]),
                               torch.tensor([[True, True, False]]))
    assert value.item() == pytest.approx((1 + 2 / 3) / 2)


def test_chances_by_hand():
    # Scaled to 1, 0 and -1: difficulties 0, 1 and 2.
    sums = torch.tensor([2., 1., 0.])
    torch.testing.assert_close(
        chance_of_selection(sums, 1),
        torch.tensor([1., 1 - math.log(2), 0.]))  # 1 - log 3 is below 0
    torch.testing.assert_close(
        chance_of_selection(sums, 4),
        torch.tensor([1., 1 - math.log(1.25), 1 - math.log(1.5)]))


def test_equally_consistent_pairs_are_all_taken():
    assert (chance_of_selection(torch.ones(3), 1) == 1).all()


def test_the_source_judges_which_pairs_come_first():
    torch.manual_seed(0)
    one = model(round_length=1, rounds=20).train()
    shares = [one.loss(*both(48))['share_selected'].item()
              for _ in range(20)]
    assert sum(shares[:3]) < sum(shares[-3:])
    assert min(shares) > 0 and int(one.updates) == 20


def test_without_selection_every_pair_is_trained():
    assert 'share_selected' not in model(selection=None).loss(*both())


def test_a_pair_is_encoded_as_each_of_it():
    inputs, _ = batch()
    one = model().eval()
    pair = one.encode_pair(**inputs)
    torch.testing.assert_close(pair['image'].repr,
                               one.encode_image(inputs['image']).repr)


def test_training_tells_the_classes():
    _, last = trained(model())
    assert last['accuracy_image'] > .9 and last['accuracy_text'] > .9


def test_testing_does_without_the_source():
    names = [name for name, _ in model().named_parameters()
             if not name.startswith(model().training_only)]
    assert names and all('source' not in name for name in names)


def test_more_source_classes_than_the_model_has_are_named():
    assert 'the model has 3, the source 4' in model().check_source(
        dict(num_source_classes=4))
    assert model().check_source(dict(num_source_classes=3)) is None


@pytest.mark.parametrize(('options', 'message'), [
    (dict(widths=(8, )), 'widths must be two sizes'),
    (dict(mmd_weights=(1., )), 'mmd_weights must be those of fc6 to fc9'),
    (dict(selection=0.), r'selection must be in \(0, 1\], got 0.0'),
    (dict(rounds=0), 'must be at least 1, got 20 and 0')])
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        model(**options)
