"""The contract: what every method gives, whatever it computes."""
import pytest
import torch

from chtn_plugin.models import CrossModalModel, Encoded


class Doubling(CrossModalModel):
    """Doubles its inputs; the first two numbers are class scores."""

    def encode_image(self, image):
        return Encoded(2 * image, image[:, :2], dict(input=image))

    def encode_text(self, text):
        return Encoded(2 * text, text[:, :2], dict(input=text))

    def loss(self, inputs, data_samples):
        return dict(loss_sum=inputs['image'].sum())


def batch(image_idx=(0, 1)):
    return (dict(image=torch.tensor([[1., 2.], [3., 4.]]),
                 text=torch.tensor([[5., 6.], [7., 8.]])),
            dict(label=torch.tensor([0, 1]), sample_idx=torch.tensor([4, 5]),
                 image_idx=torch.tensor(image_idx),
                 text_idx=torch.tensor([0, 1])))


def test_tensor_gives_the_taps_by_modality():
    inputs, _ = batch()
    assert Doubling()(inputs) == dict(image=dict(input=inputs['image']),
                                      text=dict(input=inputs['text']))


def test_loss_is_the_methods_own():
    assert Doubling()(*batch(), mode='loss')['loss_sum'] == 10


def test_predict_gives_an_item_its_vectors_and_labels():
    first, second = Doubling()(*batch(), mode='predict')
    assert first['image_repr'].tolist() == [2, 4]
    assert second['text_repr'].tolist() == [14, 16]
    assert (second['sample_idx'], int(second['label'])) == (5, 1)


def test_predict_says_how_items_are_compared():
    items = Doubling(similarity='dot')(*batch(), mode='predict')
    assert {item['similarity'] for item in items} == {'dot'}


def test_missing_modality_has_no_vector():
    items = Doubling()(*batch(image_idx=(0, -1)), mode='predict')
    assert [item['image_repr'] is None for item in items] == [False, True]


def test_probabilities_are_the_softmax_of_the_logits():
    encoded = Encoded(torch.zeros(1, 1), torch.tensor([[0., 3.]]).log1p())
    # exp(log 1) and exp(log 4), of a sum of 5.
    torch.testing.assert_close(encoded.probabilities,
                               torch.tensor([[0.2, 0.8]]))


def test_without_classifier_there_are_no_probabilities():
    assert Encoded(torch.zeros(1, 1)).probabilities is None


def test_probabilities_of_half_precision_are_float32():
    logits = torch.zeros(1, 2, dtype=torch.bfloat16)
    assert Encoded(logits, logits).probabilities.dtype == torch.float32


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="got 'train'"):
        Doubling()(*batch(), mode='train')


def test_unknown_similarity_is_refused():
    with pytest.raises(ValueError, match=r"\['cosine', 'dot'\], got 'l2'"):
        Doubling(similarity='l2')


def test_a_method_needs_no_classes_no_towers_no_source():
    model = Doubling()
    assert model.num_classes is None
    assert model.towers() == {}
    assert model.check_source(dict(num_source_classes=3)) is None
