"""Deep semantic matching."""
import torch
from trained_forms import batch, made, trained


def test_probabilities_are_compared_by_the_dot_product():
    inputs, _ = batch()
    model = made('DeepSM').eval()
    assert model.similarity == 'dot'
    torch.testing.assert_close(
        model.encode_image(inputs['image']).repr.sum(1), torch.ones(12))


def test_training_tells_the_classes():
    first, last = trained(made('DeepSM'))
    assert last['loss_cls_image'] < first['loss_cls_image'] / 2
    assert last['accuracy_text'] > .9
