"""Nearest class mean."""
import pytest
import torch
from closed_forms import made, pairs


def test_a_score_is_the_cosine_with_the_mean_direction():
    # Two rows a class around the origin: means of unit vectors are axes.
    image = torch.zeros(4, 6)
    image[:, 0] = torch.tensor([1., 3., -1., -3.])
    _, text, _ = pairs(4)
    model = made('NearestClassMean', num_classes=2, temperature=.5)
    model.fit(image, text, torch.tensor([0, 0, 1, 1]))
    new = torch.zeros(1, 6)
    new[0, :2] = torch.tensor([3., 4.])  # cosines .6 and -.6
    torch.testing.assert_close(model.encode_image(new).logits,
                               torch.tensor([[1.2, -1.2]]))


def test_agrees_with_the_nearest_centroid_of_unit_rows():
    from sklearn.neighbors import NearestCentroid
    image, text, label = pairs()
    model = made('NearestClassMean')
    model.fit(image, text, label)
    centred = torch.nn.functional.normalize(image - image.mean(0))
    means = torch.stack([centred[label == c].mean(0) for c in range(3)])
    # The nearest of unit means is that of the largest cosine.
    nearest = NearestCentroid().fit(
        torch.nn.functional.normalize(means).numpy(), [0, 1, 2])
    assert (model.encode_image(image).logits.argmax(1).numpy()
            == nearest.predict(centred.numpy())).all()


def test_a_temperature_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match='temperature must be positive'):
        made('NearestClassMean', temperature=0.)
