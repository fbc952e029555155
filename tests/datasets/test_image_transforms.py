"""Loading, resizing and the pre-decoded cache."""
from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from PIL import Image

import chtn_plugin  # noqa: F401
from chtn_plugin.datasets.image_transforms import (
    LoadRGBImage,
    PredecodedImage,
    ResizeShorterSide,
)

LOAD = [dict(type='LoadRGBImage'), dict(type='ResizeShorterSide', size=16)]


@pytest.fixture
def photo(tmp_path):
    """A red JPEG, 80 wide and 40 high."""
    path = tmp_path / 'photo.jpg'
    Image.new('RGB', (80, 40), (200, 10, 10)).save(path, quality=95)
    return path


def load(path, **options):
    return LoadRGBImage(**options)(dict(img_path=str(path)))


def test_channels_are_rgb(photo):
    results = load(photo)
    assert results['img'].shape == (40, 80, 3)
    assert results['img_shape'] == (40, 80)
    red, green, blue = results['img'].reshape(-1, 3).mean(axis=0)
    assert red > 190 and green < 20 and blue < 20


def test_same_pixels_as_bgr_decoding(tmp_path):
    path = tmp_path / 'noise.jpg'
    noise = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)
    Image.fromarray(noise).save(path)
    np.testing.assert_array_equal(load(path)['img'],
                                  cv2.imread(str(path))[..., ::-1])


@pytest.mark.parametrize('mode', ['L', 'RGBA', 'P', 'LA', 'I;16'])
def test_every_mode_gets_three_channels(tmp_path, mode):
    path = tmp_path / 'a.png'
    Image.new(mode, (9, 7)).save(path)
    assert load(path)['img'].shape == (7, 9, 3)
    assert load(path)['img'].dtype == np.uint8


@pytest.mark.parametrize('content', [b'', b'no image', b'\xff\xd8\xff\xe0'])
def test_no_image_is_named(tmp_path, content):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.jpg cannot be decoded'):
        load(path)


def test_missing_image_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no\.jpg'):
        load(tmp_path / 'no.jpg')


def test_names_in_any_script(tmp_path):
    path = tmp_path / '图片 صورة.jpg'
    Image.new('RGB', (8, 8)).save(path)
    assert load(path)['img'].shape == (8, 8, 3)


@pytest.mark.parametrize('min_side, height', [
    (None, 400), (401, 400), (200, 200), (199, 200), (100, 100), (10, 50)])
def test_large_jpeg_is_decoded_no_smaller_than_asked(tmp_path, min_side,
                                                     height):
    path = tmp_path / 'a.jpg'
    Image.new('RGB', (800, 400)).save(path)
    assert load(path, min_side=min_side)['img'].shape[0] == height


@pytest.mark.parametrize('shape, expected', [
    ((40, 80), (16, 32)), ((80, 40), (32, 16)), ((16, 20), (16, 20)),
    ((8, 3), (43, 16)), ((1, 500), (16, 8000))])
def test_shorter_side_is_exact(shape, expected):
    image = np.zeros((*shape, 3), np.uint8)
    results = ResizeShorterSide(16)(dict(img=image))
    assert results['img'].shape[:2] == results['img_shape'] == expected


def test_unknown_interpolation_is_refused():
    with pytest.raises(ValueError, match='bilinear'):
        ResizeShorterSide(16, 'bicubicle')


def test_second_load_comes_from_the_cache(photo, tmp_path, monkeypatch):
    cached = PredecodedImage(str(tmp_path / 'cache'), LOAD)
    first = cached(dict(img_path=str(photo)))
    monkeypatch.setattr(cached, 'transforms', None)
    second = cached(dict(img_path=str(photo)))
    np.testing.assert_array_equal(first['img'], second['img'])
    assert second['img_shape'] == (16, 32)


def test_changed_image_or_transform_is_computed_anew(photo, tmp_path):
    def mean(transforms):
        return PredecodedImage(str(tmp_path / 'cache'), transforms)(
            dict(img_path=str(photo)))['img']
    assert mean(LOAD).shape == (16, 32, 3)
    assert mean([LOAD[0], dict(LOAD[1], size=8)]).shape == (8, 16, 3)
    Image.new('RGB', (80, 40), (10, 10, 200)).save(photo, quality=95)
    os.utime(photo, ns=(1, 1))
    assert mean(LOAD)[..., 2].mean() > 190


def test_damaged_cache_file_is_computed_anew(photo, tmp_path):
    cached = PredecodedImage(str(tmp_path / 'cache'), LOAD)
    good = cached(dict(img_path=str(photo)))['img']
    file, = (tmp_path / 'cache').rglob('*.npy')
    file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(cached(dict(img_path=str(photo)))['img'],
                                  good)


def test_full_cache_still_loads(photo, tmp_path):
    cached = PredecodedImage(str(tmp_path / 'cache'), LOAD, max_gb=0)
    assert cached(dict(img_path=str(photo)))['img'].shape == (16, 32, 3)
    assert not list((tmp_path / 'cache').rglob('*.npy'))
