"""CCA with the labels as a third view."""
import pytest
import torch
from closed_forms import D, E, made, pairs


def nuisance(count=90, seed=0):
    """What image and text share most has nothing to do with the class."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(count) % 3
    image, text = (torch.randn(count, size, generator=generator)
                   for size in (D, E))
    shared = 3 * torch.randn(count, generator=generator)
    image[:, 0] = text[:, 0] = shared
    for rows in (image, text):
        rows[:, 1] += 2 * (label - 1)
    return image, text, label


def class_correlation(model):
    """Of the first encoded number with the class."""
    image, _, label = nuisance(seed=1)
    rows = model.encode_image(image).repr[:, 0]
    return torch.corrcoef(torch.stack([rows, label.float()]))[0, 1].abs()


def test_labels_lead_to_the_class_where_pairs_lead_elsewhere():
    image, text, label = nuisance()
    with_labels, without = made('ThreeViewCCA', label_ridge=.01), made('CCA')
    with_labels.fit(image, text, label)
    without.fit(image, text)
    assert class_correlation(without) < .3
    assert class_correlation(with_labels) > .7


def test_labels_under_a_boundless_ridge_leave_two_view_cca():
    image, text, label = pairs()
    three = made('ThreeViewCCA', label_ridge=1e9, dimensions=4)
    two = made('CCA', dimensions=4)
    three.fit(image, text, label)
    two.fit(image, text)
    torch.testing.assert_close(three.encode_text(text).repr,
                               two.encode_text(text).repr, rtol=1e-3,
                               atol=1e-4)


def test_a_ridge_of_0_is_refused():
    with pytest.raises(ValueError, match='label_ridge must be positive'):
        made('ThreeViewCCA', label_ridge=0.)
