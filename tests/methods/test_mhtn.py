"""MHTN's image and text part."""
import pytest
import torch
from trained_forms import batch, made, trained


def model(**options):
    return made('MHTN', **dict(dict(widths=(16, 8), dropout=0.,
                                    adversary_widths=(8, 8)), **options))


def test_shared_layers_take_the_statistics_of_both_media_in_training():
    inputs, _ = batch()
    one = model().train()
    taps = {name: each.taps for name, each in
            one.encode_pair(**inputs).items()}
    plain = torch.cat([taps[name]['fc9_plain'] for name in taps])
    expected = torch.relu((plain - plain.mean(0))
                          / (plain.var(0, correction=0) + 1e-5).sqrt())
    torch.testing.assert_close(
        torch.cat([taps[name]['fc9'] for name in taps]), expected,
        rtol=1e-4, atol=1e-5)


def test_a_pair_is_encoded_as_each_of_it():
    inputs, _ = batch()
    one = model().eval()
    pair = one.encode_pair(**inputs)
    torch.testing.assert_close(pair['text'].repr,
                               one.encode_text(inputs['text']).repr)


def test_the_projection_works_against_the_adversary():
    inputs, samples = batch(48)

    def moved(part):
        one = model(adversary_weight=1.)
        before = one.loss(inputs, samples)['loss_adversary']
        before.backward()
        with torch.no_grad():
            for name, value in one.named_parameters():
                if name.startswith(part):
                    value -= .1 * value.grad
        return (one.loss(inputs, samples)['loss_adversary'] - before).item()
    assert moved('adversary.') < 0 < moved('fc9.')


def test_training_tells_the_classes():
    _, last = trained(model())
    assert last['accuracy_image'] > .9 and last['accuracy_text'] > .9


def test_widths_other_than_two_are_refused():
    with pytest.raises(ValueError, match='two sizes each'):
        model(widths=(8, ))
