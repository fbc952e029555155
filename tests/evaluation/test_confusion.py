"""What is taken for what, worked out by hand."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.evaluation import Embeddings
from chtn_plugin.evaluation.confusion import (
    confusion,
    confusions,
    single_classes,
)


def test_true_classes_stand_in_rows():
    found = confusion(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 0]), 3)
    assert found.counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert found.left_out == 1
    assert found.accuracy == 2 / 3
    assert found.recalls == [.5, 1., None]


def test_several_found_items_count_each():
    found = confusion(np.array([0, 1]), np.array([[0, 1], [1, -1]]), 2)
    assert found.counts.tolist() == [[1, 1], [0, 1]]
    assert found.left_out == 1


def test_nothing_judged_has_no_accuracy():
    assert confusion(np.array([-1]), np.array([0]), 1).accuracy is None


def test_retrieval_takes_the_class_of_the_first_that_is_found():
    # Texts lie on the axes; images 0 and 1 lean to text 0, image 2 to text 1.
    embeddings = Embeddings(
        image=np.array([[2., 1.], [3., 1.], [1., 5.]]),
        text=np.array([[1., 0.], [0., 1.], [0., 2.]]),
        image_label=np.array([0, 1, 1]), text_label=np.array([0, 1, 0]),
        classes=('a', 'b'))
    found = confusions(embeddings, dict(image=np.array([1, 1, 1])))
    # Images find text 0, 0 and, of two equal cosines, the first, text 1.
    assert found['i2t'].counts.tolist() == [[1, 0], [1, 1]]
    # Text 0 finds image 1 (cosine .949 to .894), texts 1 and 2 image 2.
    assert found['t2i'].counts.tolist() == [[0, 2], [0, 1]]
    assert found['image'].counts.tolist() == [[0, 1], [0, 2]]
    assert 'text' not in found


def test_one_class_of_several_columns_is_taken():
    assert single_classes(np.array([[0, 1], [1, 0], [np.nan, np.nan]]),
                          'image').tolist() == [1, 0, -1]


@pytest.mark.parametrize('labels, message', [
    (None, 'the images have none'),
    (np.array([[1, 0], [1, 1]]), 'image 1 has several')])
def test_refuses_labels_that_are_not_one_class_each(labels, message):
    with pytest.raises(ValueError, match=message):
        single_classes(labels, 'image')


def test_refuses_items_without_any_class():
    with pytest.raises(ValueError, match='no item has one'):
        confusions(Embeddings(np.ones((2, 2)), np.ones((2, 2)),
                              np.array([-1, -1]), np.array([-1, -1])))
