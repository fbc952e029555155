"""Items to batches."""
from __future__ import annotations

import pytest
import torch
from mmengine.registry import FUNCTIONS

from chtn_plugin.datasets import cross_modal_collate


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
