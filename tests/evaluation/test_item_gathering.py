"""Items of batches become items of the data set, then images and texts."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.evaluation.gathering import (
    gather_items,
    items_to_embeddings,
)


def batch(ids, images=None, label=None, similarity='cosine'):
    """Items of these numbers; the row of item k is (k, k)."""
    ids = np.array(ids)
    images = ids if images is None else np.array(images)
    rows = np.stack([ids, ids], 1).astype(float)
    return dict(
        sample_idx=ids, image_idx=images, text_idx=ids,
        label=ids % 2 if label is None else np.array(label),
        same_image_idx=images, same_text_idx=ids,
        similarity=np.array([similarity] * len(ids)), text=rows,
        image=rows[images >= 0])


def test_items_come_in_the_order_of_the_data_set():
    items = gather_items([batch([2, 0]), batch([1])], 3)
    assert items['sample_idx'].tolist() == [0, 1, 2]
    assert items['text'][:, 0].tolist() == [0, 1, 2]
    assert items['similarity'] == 'cosine'


def test_rows_of_a_modality_follow_the_items_that_have_one():
    items = gather_items([batch([2, 0, 1], images=[2, -1, 1])], 3)
    assert items['image'][:, 0].tolist() == [1, 2]


@pytest.mark.parametrize('ids, size, reason', [
    ([0, 2], 3, 'missing sample_idx 1'), ([0, 1, 5], 2, 'unknown .* 5'),
    ([0, 1, 1], 2, 'doubled sample_idx 1'), ([], 2, 'none came')])
def test_items_that_lack_or_come_twice_are_named(ids, size, reason):
    with pytest.raises(ValueError, match=reason):
        gather_items([batch(ids)] if ids else [], size)


def test_predictions_of_two_similarities_are_refused():
    with pytest.raises(ValueError, match="agree .* 'cosine', 'dot'"):
        gather_items([batch([0]), batch([1], similarity='dot')], 2)


def test_a_shared_image_is_kept_once_and_its_texts_are_its_partners():
    made = items_to_embeddings(gather_items(
        [batch([0, 1, 2], images=[0, 0, 2], label=[1, 1, 0])], 3))
    assert made.image[:, 0].tolist() == [0, 2]
    assert made.image_id.tolist() == [0, 2]
    assert made.text_label.tolist() == [1, 1, 0]
    image, text = made.image_pair, made.text_pair
    assert text[0] == text[1] == image[0] != image[1] == text[2]


def test_items_of_one_image_share_its_class():
    with pytest.raises(ValueError, match='share its classes: image_idx 0'):
        items_to_embeddings(gather_items(
            [batch([0, 1], images=[0, 0], label=[0, 1])], 2))


def test_items_without_a_class_may_share_an_image():
    made = items_to_embeddings(gather_items([batch(
        [0, 1], images=[0, 0], label=[[np.nan, np.nan]] * 2)], 2))
    assert np.isnan(made.image_label).all()
