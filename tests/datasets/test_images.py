"""One image through a pipeline, and what is said when it fails."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from tiny_data import write_picture

from chtn_plugin.datasets.draws import Draw
from chtn_plugin.datasets.images import channel_order, load_image, load_images

LOAD = Compose([dict(type='LoadImageFromFile')])


def noise(results):
    return dict(img=np.random.rand(2, 2, 3))


def test_channels_come_first(tmp_path):
    path = write_picture(tmp_path / 'a.png', 7, size=5)
    image = load_image(str(path), LOAD, 0)
    assert image.shape == (3, 5, 5) and image.dtype == torch.uint8
    assert (image == 7).all()


def test_grey_picture_gets_one_channel():
    image = load_image('', lambda _: dict(img=np.zeros((2, 3))), 0)
    assert image.shape == (1, 2, 3)


def test_tensor_of_the_pipeline_passes_as_it_is():
    made = torch.zeros(3, 2, 2)
    assert load_image('', lambda _: dict(img=made), 0) is made


def test_randomness_depends_on_the_draw():
    first, again, other = (load_image('', noise, Draw(*draw)) for draw in (
        (0, 0, 0, 0), (0, 0, 0, 0), (0, 1, 0, 0)))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_batch_holds_what_its_draws_give_alone():
    draws = [Draw(0, 0, 0, 0), Draw(5, 0, 0, 1), Draw(0, 1, 0, 2)]
    batch = load_images(['', '', ''], noise, draws)
    for image, draw in zip(batch, draws, strict=True):
        assert torch.equal(image, load_image('', noise, draw))


def test_a_batch_of_draws_puts_randomness_back():
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    load_images([''], noise, [Draw(0, 0, 0, 0)])
    assert np.random.rand() == expected


def test_plain_indices_are_as_random_as_the_worker():
    first, second = load_images(['', ''], noise, [0, 0])
    assert not torch.equal(first, second)


def test_missing_image_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='image not found: .*no.png'):
        load_image(str(tmp_path / 'no.png'), LOAD, 0)


@pytest.mark.parametrize('content', [b'', b'no picture', b'\x89PNG\r\n\x1a\n'])
def test_unreadable_image_is_named(tmp_path, content):
    path = tmp_path / 'bad.png'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='must be readable: .*bad.png'):
        load_image(str(path), LOAD, 0)


def test_failing_transform_names_the_image(tmp_path):
    def broken(results):
        raise RuntimeError('too small to crop')
    with pytest.raises(ValueError, match='a.png .*: too small to crop'):
        load_image('a.png', broken, 0)


MMCV = dict(type='LoadImageFromFile')


@pytest.mark.parametrize('transforms, order', [
    ([dict(type='LoadRGBImage')], 'RGB'),
    ([MMCV], 'BGR'),
    ([dict(MMCV, color_type='grayscale')], None),
    ([MMCV, dict(type='mmpretrain.NumpyToPIL', to_rgb=True)], 'RGB'),
    ([MMCV, dict(type='mmpretrain.NumpyToPIL', to_rgb=True),
      dict(type='mmpretrain.PILToNumpy', to_bgr=True)], 'BGR'),
    ([dict(type='PredecodedImage', cache='unused', transforms=[MMCV])],
     'BGR')])
def test_channel_order_of_a_pipeline(transforms, order):
    assert channel_order(Compose(transforms)) == order


def test_channel_order_of_an_unknown_loader_is_unknown():
    assert channel_order(noise) is None
