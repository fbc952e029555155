"""Items to batches."""
from __future__ import annotations

import pytest
import torch
from mmengine.registry import FUNCTIONS

from chtn_plugin.datasets import cross_modal_collate
from chtn_plugin.datasets.collate import fetch_batch


def item(size=2, **more):
    return dict(inputs=dict(image=torch.zeros(size), **more),
                data_samples=dict(label=size))


def test_tensors_and_numbers_are_stacked():
    batch = cross_modal_collate([item(), item()])
    assert batch['inputs']['image'].shape == (2, 2)
    assert batch['data_samples']['label'].tolist() == [2, 2]


def test_a_batch_passes_untouched():
    batch = item()
    assert cross_modal_collate(batch) is batch


def test_items_are_fetched_at_once_where_the_data_set_can():
    class AtOnce(list):
        def __getitems__(self, indices):
            return indices

    assert fetch_batch(AtOnce(), range(2)) == [0, 1]
    batch = fetch_batch([item(), item(), item()], range(1, 3))
    assert batch['inputs']['image'].shape == (2, 2)


def test_is_registered():
    assert FUNCTIONS.get('cross_modal_collate') is cross_modal_collate


def test_images_of_different_size_are_refused():
    with pytest.raises(ValueError, match=r'batch.inputs.image must have one '
                       r'shape, got \[\(2,\), \(3,\)\]: does the pipeline'):
        cross_modal_collate([item(2), item(3)])


def test_different_keys_are_refused():
    with pytest.raises(ValueError, match=r"batch.inputs must have the same "
                       r"keys, got \[\['image'\], \['image', 'text'\]\]"):
        cross_modal_collate([item(), item(text=torch.zeros(1))])
