"""ASIF."""
import pytest
import torch
from closed_forms import made, pairs


def test_only_the_nearest_training_rows_count():
    image, text, _ = pairs()
    model = made('ASIF', nearest=4)
    model.fit(image, text)
    assert (model.encode_image(image).repr > 0).sum(1).max() == 4


def test_an_entry_is_the_cosine_to_a_power():
    image, text, _ = pairs()
    model = made('ASIF', nearest=60, power=3.)
    model.fit(image, text)
    rows = torch.nn.functional.normalize(image - image.mean(0))
    torch.testing.assert_close(model.encode_image(image).repr,
                               (rows @ rows.T).clamp(min=0)**3, rtol=1e-3,
                               atol=1e-4)


def test_no_neighbour_is_refused():
    with pytest.raises(ValueError, match='nearest must be at least 1'):
        made('ASIF', nearest=0)
