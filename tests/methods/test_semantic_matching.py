"""Logistic regression of each modality."""
import numpy as np
import pytest
from closed_forms import made, pairs, prepared


def test_it_is_scikit_learns_of_prepared_rows():
    from sklearn.linear_model import LogisticRegression
    image, text, label = pairs()
    model = made('SemanticMatching', strength_text=2.)
    model.fit(image, text, label)
    expected = LogisticRegression(C=2., max_iter=300).fit(
        prepared(text), label.numpy()).predict_proba(prepared(text))
    np.testing.assert_allclose(model.encode_text(text).repr.numpy(),
                               expected, atol=1e-3)


def test_one_class_is_refused():
    image, text, label = pairs()
    with pytest.raises(ValueError, match='two classes at least'):
        made('SemanticMatching').fit(image, text, label * 0)


def test_a_strength_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match='got 0 and 10'):
        made('SemanticMatching', strength_image=0)
