"""A gallery of saved embeddings."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from chtn_plugin.apis.opened_gallery import open_gallery
from chtn_plugin.evaluation import Embeddings, save_embeddings

ENCODER = SimpleNamespace(run=SimpleNamespace(fingerprint='mine'),
                          similarity='cosine')


def opened(folder, labels, meta=None):
    save_embeddings(folder / 'e.npz', Embeddings(
        image=np.eye(2), text=np.ones((1, 2)), image_label=labels,
        text_id=np.array(['t']), classes=('cat', 'dog'), meta=meta or {}))
    return open_gallery(ENCODER, folder / 'e.npz', False)


def test_items_have_names_classes_and_content(tmp_path):
    gallery = opened(tmp_path, np.array([1, 0]), dict(
        fingerprint='mine', image_content=['a.png', ''],
        text_content=['a sentence']))
    first, second, text = gallery.items
    assert (first['id'], first['label'], first['path']) == (
        '0', 'dog', 'a.png')
    assert (second['label'], second['path']) == ('cat', None)
    assert (text['kind'], text['id'], text['text']) == (
        'text', 't', 'a sentence')
    assert list(gallery.notes) == []


def test_several_classes_are_listed(tmp_path):
    gallery = opened(tmp_path, np.array([[1, 1], [0, 1]]))
    assert [item['label'] for item in gallery.items] == [
        'cat, dog', 'dog', '']


def test_what_has_no_class_has_no_label(tmp_path):
    several = opened(tmp_path, np.array([[np.nan, np.nan], [1., 0.]]))
    assert [item['label'] for item in several.items] == ['', 'cat', '']
    one = opened(tmp_path, np.array([-1, 1]))
    assert [item['classes'] for item in one.items] == [(), ('dog', ), ()]
    assert one.labels == ['dog'] and several.labels == ['cat']


def test_a_class_without_a_name_is_a_number(tmp_path):
    assert opened(tmp_path, np.array([5, 0])).items[0]['label'] == 'class 5'


def test_a_file_that_names_no_model_is_told(tmp_path):
    gallery = opened(tmp_path, np.array([0, 1]))
    assert list(gallery.notes) == [
        'e.npz does not say which model it is of']


def test_a_file_of_another_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match='of the model that searches it'):
        opened(tmp_path, np.array([0, 1]), dict(fingerprint='other'))


def test_the_similarity_is_that_of_the_file(tmp_path):
    assert opened(tmp_path, np.array([0, 1])).similarity == 'cosine'
    assert opened(tmp_path, np.array([0, 1]), dict(
        similarity='dot')).similarity == 'dot'
