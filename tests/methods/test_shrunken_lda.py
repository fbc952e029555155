"""Linear discriminants."""
import numpy as np
import pytest
from closed_forms import made, pairs, prepared


@pytest.mark.parametrize('shrinkage', [.1, .5, 1.])
def test_posterior_is_scikit_learns(shrinkage):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    image, text, label = pairs()
    model = made('ShrunkenLDA', shrinkage=shrinkage, temperature=1.)
    model.fit(image, text, label)
    rows, labels = prepared(image), label.numpy()
    # scikit-learn shrinks each class's covariance of standardised columns;
    # given a pooled one, it does what its documentation says.
    class Pooled:
        def fit(self, value):
            size = len(value.T)
            means = np.stack([rows[labels == c].mean(0) for c in range(3)])
            within = rows - means[labels]
            scatter = within.T @ within / len(rows)
            self.covariance_ = ((1 - shrinkage) * scatter + shrinkage
                                * np.trace(scatter) / size * np.eye(size))
            return self
    expected = LinearDiscriminantAnalysis(
        solver='lsqr', covariance_estimator=Pooled(),
        priors=[1 / 3] * 3).fit(rows, labels).predict_proba(rows)
    np.testing.assert_allclose(model.encode_image(image).repr.numpy(),
                               expected, atol=1e-4)


def test_whole_shrinkage_takes_the_nearest_mean():
    image, text, label = pairs()
    model = made('ShrunkenLDA', shrinkage=1.)
    model.fit(image, text, label)
    rows = prepared(image)
    means = np.stack([rows[label.numpy() == c].mean(0) for c in range(3)])
    nearest = ((rows[:, None] - means)**2).sum(2).argmin(1)
    assert (model.encode_image(image).logits.argmax(1).numpy()
            == nearest).all()


def test_a_shrinkage_of_0_is_refused():
    with pytest.raises(ValueError, match=r'in \(0, 1\], got 0'):
        made('ShrunkenLDA', shrinkage=0)
