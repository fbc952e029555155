"""Embeddings: what fits together, what is a pair, and what is written."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chtn_plugin.evaluation import (
    Embeddings,
    load_embeddings,
    save_embeddings,
)
from chtn_plugin.evaluation.embeddings import holds_our_arrays

DATA = Embeddings(
    image=np.eye(3), text=np.eye(3)[:2], image_label=np.array([0, 1, -1]),
    text_label=np.array([1, 0]), image_pair=np.array([7, 8, -1]),
    text_pair=np.array([8, 9]), classes=('a', 'b'), meta=dict(seed=3))


@pytest.mark.parametrize('change, reason', [
    (dict(image=np.zeros(3)), r'image embeddings must be \(N, D\)'),
    (dict(text_label=np.array([1])), 'text: as many labels .* 1 and 2'),
    (dict(image_id=np.array(['x'])), 'image: as many ids'),
    (dict(text_pair=np.array([.5, 1])), 'partner keys must be whole')])
def test_what_does_not_fit_is_refused(change, reason):
    with pytest.raises(ValueError, match=reason):
        replace(DATA, **change)


def test_a_shared_key_makes_a_pair():
    assert DATA.paired
    assert not replace(DATA, text_pair=np.array([9, 9])).paired
    # -1 is shared by nobody.
    assert not replace(DATA, text_pair=np.array([-1, -1])).paired


def test_classes_are_known_where_one_item_has_one():
    assert DATA.labelled
    assert not Embeddings(image=np.eye(2),
                          image_label=np.array([-1, -1])).labelled


def test_items_are_selected_with_all_that_is_theirs():
    some = DATA.select(slice(1, None), slice(None))
    assert some.image_label.tolist() == [1, -1]
    assert some.image_pair.tolist() == [8, -1]
    assert len(some.text) == 2 and some.classes == ('a', 'b')


def test_what_is_written_is_read(tmp_path):
    save_embeddings(tmp_path / 'e.npz', DATA)
    read = load_embeddings(tmp_path / 'e.npz')
    assert read.image.tolist() == np.eye(3).tolist()
    assert read.text_pair.tolist() == [8, 9]
    assert (read.classes, read.meta) == (('a', 'b'), dict(seed=3))
    assert read.image_id is None


def test_equal_labels_stand_under_one_name_too(tmp_path):
    save_embeddings(tmp_path / 'e.npz', replace(
        DATA, text=np.eye(3), text_label=DATA.image_label,
        text_pair=DATA.image_pair))
    with np.load(tmp_path / 'e.npz') as arrays:
        assert arrays['label'].tolist() == [0, 1, -1]


def test_only_our_own_files_have_meta(tmp_path):
    save_embeddings(tmp_path / 'ours.npz', DATA)
    np.savez(tmp_path / 'mine.npz', image=np.eye(2))
    assert holds_our_arrays(tmp_path / 'ours.npz')
    assert not holds_our_arrays(tmp_path / 'mine.npz')
    assert not holds_our_arrays(tmp_path / 'gone.npz')
