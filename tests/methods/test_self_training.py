"""Self-training of each modality."""
import pytest
import torch
from closed_forms import made, pairs


def fitted(label, method='SelfTraining', **options):
    image, text, _ = pairs()
    model = made(method, **options)
    model.fit(image, text, label)
    return model


def test_without_more_rows_it_is_semantic_matching():
    image, _, label = pairs()
    torch.testing.assert_close(
        fitted(label).encode_image(image).repr,
        fitted(label, 'SemanticMatching').encode_image(image).repr,
        rtol=1e-3, atol=1e-4)


def test_rows_without_a_class_change_the_solution():
    image, _, label = pairs()
    few = label.clone()
    few[6:] = -1
    one = fitted(few)
    other = fitted(few, 'SemanticMatching')
    assert (one.encode_image(image).repr
            - other.encode_image(image).repr).abs().max() > .05
    right = one.encode_image(image).logits.argmax(1) == label
    assert right.float().mean() > .6


def test_it_is_scikit_learns():
    from closed_forms import prepared
    from sklearn.linear_model import LogisticRegression
    from sklearn.semi_supervised import SelfTrainingClassifier
    image, _, label = pairs()
    label[12:] = -1
    expected = SelfTrainingClassifier(
        LogisticRegression(C=10., max_iter=300), threshold=.75,
        max_iter=5).fit(prepared(image)[torch.argsort(
            (label < 0).int(), stable=True)], label).predict(prepared(image))
    found = fitted(label).encode_image(image).logits.argmax(1)
    assert (found.numpy() == expected).all()


def test_two_classes_are_two_columns():
    image, _, label = pairs()
    label = torch.where(label == 2, -1, label)
    rows = fitted(label).encode_image(image).repr
    assert rows[:, 2].max() == 0
    torch.testing.assert_close(rows[:, 0], 1 - rows[:, 1])


def test_refusals():
    image, text, label = pairs()
    with pytest.raises(ValueError, match='one class a row'):
        made('SelfTraining').fit(image, text, torch.ones(60, 3))
    with pytest.raises(ValueError, match='two classes at least'):
        made('SelfTraining').fit(image, text, label * 0)
    with pytest.raises(ValueError, match='got 10.0, 1.0 and 5'):
        made('SelfTraining', threshold=1.)
