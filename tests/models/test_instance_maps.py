"""Maps that tell the items of a class apart."""
import pytest
import torch
from mmengine.registry import MODELS

from chtn_plugin.losses import info_nce


def maps(**options):
    return MODELS.build(dict(dict(type='InstanceMaps', image_size=3,
                                  text_size=2), **options))


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_ridge_maps_images_to_where_their_texts_lie():
    image = draw(50, 3)
    text = image @ torch.tensor([[1., 0], [0, 2], [1, 1]]) + 4
    made = maps(ridge=1e-6)
    made.fit(image + 5, text)
    torch.testing.assert_close((made.map_image(image + 5) * made.map_text(text)
                                ).sum(1), torch.ones(50))


def test_ridge_equals_scikit_learns():
    linear_model = pytest.importorskip('sklearn.linear_model')
    image, text = draw(9, 3), draw(9, 2, seed=1)
    made = maps(ridge=0.7)
    made.fit(image, text)
    centred = [(rows - rows.mean(0)) for rows in (image, text)]
    scaled = [rows / rows.square().sum(1).mean().sqrt() for rows in centred]
    solver = linear_model.Ridge(alpha=0.7, fit_intercept=False).fit(*scaled)
    expected = torch.nn.functional.normalize(
        scaled[0] @ torch.tensor(solver.coef_, dtype=torch.float32).T)
    torch.testing.assert_close(made.map_image(image), expected, rtol=1e-4,
                               atol=1e-5)


@pytest.mark.parametrize('rows', [2, 9])
def test_both_forms_of_the_regression_agree(rows):
    # Fewer rows than dimensions, or more; the normal equations hold.
    image, text = draw(rows, 3), draw(rows, 2, seed=1)
    made = maps(ridge=0.5)
    made.fit(image, text)
    x = image.double() - image.double().mean(0)
    x = x / x.square().sum(1).mean().sqrt()
    t = text.double() - text.double().mean(0)
    t = t / t.square().sum(1).mean().sqrt()
    x_scale = (image.double() - image.double().mean(0)).square().sum(
        1).mean().sqrt()
    solution = made.image_map.weight.detach().double().T * x_scale
    torch.testing.assert_close(x.T @ x @ solution + 0.5 * solution, x.T @ t,
                               rtol=1e-3, atol=1e-4)


def test_texts_of_many_dimensions_keep_their_principal_axis():
    text = torch.stack([torch.tensor([9., 1.]) * k for k in range(-3, 4)])
    made = maps(size=1)
    made.fit(draw(7, 3), text)
    axis = made.text_map.weight[0].abs()
    torch.testing.assert_close(axis[0] / axis[1], torch.tensor(9.))


def test_joined_rows_multiply_to_the_balanced_similarity():
    made = maps(balance=0.25)
    p, q = torch.tensor([[.5, .5]]), torch.tensor([[1., 0.]])
    u, v = torch.tensor([[1., 0.]]), torch.tensor([[0., 1.]])
    # <p, q> = .5, cos(u, u) = 1, cos(u, v) = 0.
    assert (made.joined(p, u) @ made.joined(q, u).T).item() == pytest.approx(
        .75 * .5 + .25)
    assert (made.joined(p, u) @ made.joined(q, v).T).item() == pytest.approx(
        .75 * .5)


def test_loss_is_info_nce_of_the_mapped_vectors():
    made = maps(loss_weight=2., temperature=0.1)
    image, text = draw(4, 3), draw(4, 2, seed=1)
    torch.testing.assert_close(
        made.loss(image, text),
        2 * info_nce(made.map_image(image), made.map_text(text), 10.))


def test_no_gradient_reaches_the_towers():
    image = draw(4, 3).requires_grad_()
    made = maps()
    made.loss(image, draw(4, 2, seed=1)).backward()
    assert image.grad is None
    assert all(p.grad is not None for p in made.parameters())


def test_without_loss_nothing_is_trained():
    assert not any(p.requires_grad for p in maps(loss_weight=0).parameters())


def test_half_precision_gives_float32():
    with torch.autocast('cpu', torch.bfloat16):
        assert maps().map_image(draw(2, 3)).dtype == torch.float32


@pytest.mark.parametrize('options, reason', [
    (dict(balance=0), 'between 0 and 1, got 0'),
    (dict(balance=1), 'between 0 and 1, got 1'),
    (dict(size=3), r'1 to text_size \(2\), got 3'),
    (dict(ridge=0), 'ridge must be positive, got 0'),
    (dict(temperature=-1), 'temperature must be positive, got -1'),
    (dict(loss_weight=-1), 'at least 0, got -1'),
    (dict(image_size=None), 'must be given where'),
])
def test_options_out_of_range_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        maps(**options)


@pytest.mark.parametrize('image, text, reason', [
    (draw(3, 3), draw(2, 2), 'got 3 and 2'),
    (draw(1, 3), draw(1, 2), 'got 1 and 1'),
    (torch.full((3, 3), float('nan')), draw(3, 2), 'finite'),
])
def test_rows_that_cannot_be_fitted_are_refused(image, text, reason):
    with pytest.raises(ValueError, match=reason):
        maps().fit(image, text)
