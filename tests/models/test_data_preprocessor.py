"""Batches to the numbers a network expects."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributed.utils import _to_kwargs

from chtn_plugin.models import CrossModalDataPreprocessor


def batch(**inputs):
    return dict(inputs=inputs, data_samples=dict(label=torch.tensor([0])))


def image(*channels):
    """One image of a single pixel, (1, channels, 1, 1) uint8."""
    return torch.tensor(channels, dtype=torch.uint8).view(1, -1, 1, 1)


def test_mean_and_deviation_are_taken_from_both_domains():
    made = CrossModalDataPreprocessor([10, 20, 30], [2, 4, 5])(
        batch(image=image(14, 12, 40), source_image=image(10, 20, 30)))
    assert made['inputs']['image'].flatten().tolist() == [2, -2, 2]
    assert made['inputs']['source_image'].flatten().tolist() == [0, 0, 0]


def test_mean_follows_the_reversal_of_channels():
    made = CrossModalDataPreprocessor([1, 2, 3], bgr_to_rgb=True)(
        batch(image=image(13, 12, 11)))
    assert made['inputs']['image'].flatten().tolist() == [10, 10, 10]


def test_raw_pixels_become_float32():
    made = CrossModalDataPreprocessor()(batch(image=image(1, 2, 3)))
    assert made['inputs']['image'].dtype == torch.float32
    assert made['inputs']['image'].flatten().tolist() == [1, 2, 3]


def test_ready_features_and_text_pass_unchanged():
    features, text = torch.rand(2, 3), torch.rand(2, 4)
    made = CrossModalDataPreprocessor([1, 2, 3])(
        batch(image=features, text=text))
    assert torch.equal(made['inputs']['image'], features)
    assert torch.equal(made['inputs']['text'], text)


def test_labels_pass_unchanged():
    made = CrossModalDataPreprocessor()(batch(image=image(0)))
    assert made['data_samples']['label'].tolist() == [0]


def test_statistics_are_no_part_of_a_checkpoint():
    assert not CrossModalDataPreprocessor([1], [2]).state_dict()


@pytest.mark.parametrize('name', ['mean', 'std'])
def test_refuses_two_numbers(name):
    with pytest.raises(ValueError, match=f'{name} needs 1 or 3 numbers'):
        CrossModalDataPreprocessor(**{name: [1, 2]})


def test_labels_go_to_the_device_and_indices_stay():
    data = batch(image=image(1, 2, 3))
    data['data_samples']['sample_idx'] = torch.tensor([4])
    made = CrossModalDataPreprocessor().to('meta')(data)
    assert made['data_samples']['label'].device.type == 'meta'
    assert isinstance(made['data_samples']['sample_idx'], np.ndarray)
    assert made['data_samples']['sample_idx'].tolist() == [4]
    assert made['inputs']['image'].device.type == 'meta'


def test_neither_ddp_nor_fsdp_copies_the_indices():
    # Both pass what a model is called with through this function. On the
    # meta device a tensor loses its values, so a copy cannot be read.
    data = batch(image=image(1, 2, 3))
    for name in ('sample_idx', 'image_idx', 'text_idx'):
        data['data_samples'][name] = torch.tensor([4])
    made = CrossModalDataPreprocessor()(data)
    _, (moved, ) = _to_kwargs((), dict(made, mode='predict'),
                              torch.device('meta'), False)
    assert moved['data_samples']['label'].device.type == 'meta'
    assert [int(moved['data_samples'][name][0]) for name in (
        'sample_idx', 'image_idx', 'text_idx')] == [4, 4, 4]


def test_unlabelled_pictures_are_normalised_too():
    made = CrossModalDataPreprocessor(mean=[2.], std=[4.])
    data = made(dict(inputs=dict(
        unlabelled_image=torch.full((1, 1, 2, 2), 10.)), data_samples={}))
    assert data['inputs']['unlabelled_image'].unique().tolist() == [2.]


def test_padding_of_unlabelled_texts_is_cut_off_too():
    made = CrossModalDataPreprocessor()
    text = torch.tensor([[5, 6, 0, 0], [7, 0, 0, 0]])
    data = made(dict(inputs=dict(unlabelled_text=text), data_samples={}))
    found = data['inputs']['unlabelled_text']
    assert found.tolist() == [[5, 6], [7, 0]]
