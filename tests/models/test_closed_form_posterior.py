"""Class probabilities from a closed form."""
import numpy as np
import torch
from closed_forms import D, E

from chtn_plugin.models import ClosedFormPosterior


class Counting(ClosedFormPosterior):
    """The bias of a class is its share of the labelled rows."""

    def _fit_modality(self, name, rows, shares):
        return dict(weight=np.zeros((rows.shape[1], shares.shape[1])),
                    bias=shares.mean(0))


def fitted(label):
    model = Counting(dict(input_shape=(D, )), dict(
        type='VectorTextEncoder', out_features=E, norm=None), 3)
    model.fit(torch.randn(4, D), torch.randn(4, E), label)
    return model


def test_only_labelled_rows_reach_the_classifier():
    bias = fitted(torch.tensor([0, 1, 1, -1])).fitted['image_bias']
    torch.testing.assert_close(bias[:2], torch.tensor([1 / 3, 2 / 3]))


def test_columns_go_back_to_their_classes():
    bias = fitted(torch.tensor([0, 2, 2, 2])).fitted['text_bias']
    assert bias.tolist() == [.25, -1000, .75]


def test_what_is_compared_is_the_softmax_under_the_dot_product():
    model = fitted(torch.tensor([0, 1, 2, 2]))
    encoded = model.encode_image(torch.randn(2, D))
    torch.testing.assert_close(encoded.repr, encoded.logits.softmax(1))
    assert model.similarity == 'dot'
