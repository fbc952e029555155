"""Kernel CCA."""
import pytest
import torch
from closed_forms import made, pairs


def test_the_linear_kernel_gives_linear_cca():
    image, text, _ = pairs()
    new_image, new_text, _ = pairs(7, seed=4)
    linear, kernel = made('CCA'), made('KernelCCA', kernel='linear')
    for model in (linear, kernel):
        model.fit(image, text)
    def cosines(model):
        one, other = (torch.nn.functional.normalize(rows) for rows in (
            model.encode_image(new_image).repr,
            model.encode_text(new_text).repr))
        return one @ other.T
    torch.testing.assert_close(cosines(kernel), cosines(linear), rtol=1e-3,
                               atol=1e-3)


def test_an_encoded_training_row_is_its_kernel_component():
    from sklearn.decomposition import KernelPCA
    image, text, _ = pairs()
    model = made('KernelCCA', gamma=.5, power=0, ridge=1e-6)
    model.fit(image, text)
    rows = model.fitted['image_rows'].double().numpy()
    found = KernelPCA(60, kernel='rbf', gamma=.5,
                      remove_zero_eig=True).fit_transform(rows)
    encoded = model.encode_image(image).repr.double().numpy()
    # Whatever is encoded is linear in the kernel's components.
    import numpy as np
    back = found @ np.linalg.lstsq(found, encoded, rcond=None)[0]
    np.testing.assert_allclose(back, encoded, atol=2e-2)


def test_an_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match="got 'poly'"):
        made('KernelCCA', kernel='poly')
