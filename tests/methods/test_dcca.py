"""Deep canonical correlation analysis."""
import pytest
import torch
from closed_forms import pairs
from trained_forms import batch, made, trained

from chtn_plugin.losses import canonical_loss


def model(**options):
    return made('DCCA', **dict(dict(num_classes=None, widths=(8, 3)),
                               **options))


def test_the_loss_is_that_of_the_projections():
    inputs, samples = batch(30)
    one = model()
    pair = one.encode_pair(**inputs)
    torch.testing.assert_close(one.loss(inputs, samples)['loss_canonical'],
                               canonical_loss(pair['image'].taps['common'],
                                              pair['text'].taps['common']))


def test_training_raises_the_correlation():
    first, last = trained(model())
    assert last['loss_canonical'] < first['loss_canonical'] - .1


def test_what_is_compared_is_uncorrelated_and_aligned():
    one = model(power=0.)
    trained(one, 80, .02)
    image, text, _ = pairs(48)
    rows = [one.encode_image(image).repr, one.encode_text(text).repr]
    both = torch.corrcoef(torch.cat(rows, 1).T)
    own = both[:3, :3] - torch.eye(3)
    assert own.abs().max() < .3
    # Each direction correlates with its own of the other modality.
    assert (both[:3, 3:].argmax(1) == torch.arange(3)).all()


def test_the_first_batch_alone_gives_its_own_moments():
    inputs, samples = batch(30)
    one = model().train()
    common = one.image_projection(inputs['image'])
    one.loss(inputs, samples)
    torch.testing.assert_close(one.moment_mean[:3], common.mean(0),
                               rtol=1e-4, atol=1e-5)


def test_evaluation_changes_no_moments():
    inputs, samples = batch(30)
    one = model().eval()
    one.loss(inputs, samples)
    assert one.moment_rows == 0


def test_refusals():
    with pytest.raises(ValueError, match='num_classes must be None, got 3'):
        model(num_classes=3)
    with pytest.raises(ValueError, match='momentum must be in'):
        model(momentum=0.)
    inputs, samples = batch(3)
    with pytest.raises(ValueError, match='got 3 rows of 3'):
        model().loss(inputs, samples)
