"""The one opener of pictures: formats, sizes, damage, orientation."""
from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from chtn_plugin.apis.pictures import load_picture
from chtn_plugin.curation.image_facts import image_facts, image_problem
from chtn_plugin.datasets.image_transforms import LoadRGBImage
from chtn_plugin.export import onnx_runtime
from chtn_plugin.reporting.result_sheet import load_thumbnail
from chtn_plugin.storage.pictures import (
    FORMATS,
    DamagedPictureError,
    PictureError,
    PictureTooLargeError,
    UnknownFormatError,
    check_picture,
    format_name,
    is_surely_fine,
    open_picture,
    picture_header,
    upright,
)

EPS = (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n'
       b'newpath 0 0 moveto 9 9 lineto stroke showpage\n%%EOF\n')


def noise(path, height=20, width=30, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path, **options)
    return path


@pytest.fixture
def eps(tmp_path, monkeypatch):
    """A file whose bytes are EPS; a call of Ghostscript would be seen."""
    called = tmp_path / 'called'
    (tmp_path / 'bin').mkdir()
    ghostscript = tmp_path / 'bin' / 'gs'
    ghostscript.write_text(f'#!/bin/sh\ntouch {called}\n')
    ghostscript.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'), prepend=':')
    monkeypatch.setattr('PIL.EpsImagePlugin.gs_binary', None)
    (tmp_path / 'x.png').write_bytes(EPS)
    yield tmp_path / 'x.png'
    assert not called.exists()


def test_eps_is_opened_by_no_reader(eps):
    assert shutil.which('gs')
    with pytest.raises(UnknownFormatError, match=r'x\.png is none'):
        open_picture(eps)
    with pytest.raises(ValueError, match='cannot be decoded'):
        LoadRGBImage(min_side=8)(dict(img_path=str(eps)))
    with pytest.raises(ValueError, match='such as JPEG or PNG'):
        load_picture(eps, LoadRGBImage())
    assert 'cannot identify' in str(image_problem(eps))
    assert 'cannot identify' in str(image_facts([eps])[str(eps)].problem)
    assert load_thumbnail(eps, 8) is None
    with pytest.raises(OSError, match='cannot identify'):
        onnx_runtime._decoded(eps, dict(type='LoadRGBImage'))


def test_exported_reader_takes_the_same_formats():
    assert onnx_runtime._FORMATS == FORMATS


@pytest.mark.parametrize('kind', FORMATS)
def test_format_is_told_by_content(tmp_path, kind):
    path = noise(tmp_path / 'x.dat', format=kind)
    assert picture_header(path) == (kind, (30, 20))
    assert picture_header(path.read_bytes()) == (kind, (30, 20))
    assert open_picture(path).size == (30, 20)


@pytest.mark.parametrize('kind', ['ICO', 'TGA', 'PCX'])
def test_other_format_is_named_and_not_opened(tmp_path, kind):
    path = noise(tmp_path / 'x.png', format=kind)
    assert format_name(path) == kind
    with pytest.raises(UnknownFormatError):
        picture_header(path)


@pytest.mark.parametrize('kind', ['PNG', 'BMP', 'WEBP', 'TIFF', 'JPEG'])
@pytest.mark.parametrize('size', [(1, 40), (40, 1), (7, 7), (1, 1)])
def test_thin_pictures_are_fine(tmp_path, kind, size):
    path = noise(tmp_path / 'x.png', *size, format=kind)
    assert image_problem(path) is None
    assert image_facts([path])[str(path)].problem is None
    assert LoadRGBImage()(dict(img_path=str(path)))['img_shape'] == size


def test_size_is_limited_by_the_header(tmp_path):
    path = noise(tmp_path / 'x.png', 20, 30)
    check_picture(path, max_pixels=600)
    with pytest.raises(PictureTooLargeError, match=r'30 × 20') as error:
        check_picture(path, max_pixels=599)
    assert error.value.size == (30, 20)


def test_header_that_claims_gigapixels_is_refused_by_every_reader(tmp_path):
    path = noise(tmp_path / 'x.png')
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4, 'big') * 2
    # The header's checksum
    import zlib
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, 'big')
    path.write_bytes(content)
    with pytest.raises(PictureTooLargeError, match='at most 179 megapixels'):
        picture_header(path)
    with pytest.raises(ValueError, match='cannot be decoded: too large'):
        LoadRGBImage()(dict(img_path=str(path)))
    assert 'too large' in str(image_problem(path))
    assert load_thumbnail(path, 8) is None


def test_file_of_many_bytes_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr('chtn_plugin.storage.pictures.MAX_BYTES', 1 << 20)
    with open(tmp_path / 'x.png', 'wb') as file:
        file.truncate(2 << 20)
    with pytest.raises(PictureTooLargeError, match='at most 1 MiB: .* has 2'):
        check_picture(tmp_path / 'x.png')


@pytest.mark.parametrize('kind', ['PNG', 'JPEG'])
def test_picture_that_is_cut_off_is_told(tmp_path, kind):
    path = noise(tmp_path / 'x.png', 200, 200, format=kind)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DamagedPictureError, match=r'x\.png is cut off') as e:
        check_picture(path)
    assert str(path) not in e.value.problem


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'picture not found: .*x\.'):
        open_picture(tmp_path / 'x.png')


def test_large_jpeg_comes_near_the_size_that_is_asked_for(tmp_path):
    path = noise(tmp_path / 'x.jpg', 160, 320)
    assert open_picture(path, near=40).size == (80, 40)
    assert open_picture(path, near=41).size == (160, 80)
    assert open_picture(path).size == (320, 160)


def test_camera_s_note_turns_a_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # its top is on the right
    path = noise(tmp_path / 'x.jpg', 20, 30, exif=exif)
    assert open_picture(path).size == (30, 20)
    assert upright(open_picture(path)).size == (20, 30)
    assert LoadRGBImage()(dict(img_path=str(path)))['img_shape'] == (30, 20)


@pytest.mark.parametrize('options', [
    dict(format='PNG'), dict(format='JPEG'),
    dict(format='JPEG', progressive=True, comment='x' * 300),
    dict(format='JPEG', exif=Image.Exif().tobytes() + b'\xff\xc0' * 40)])
def test_size_in_bytes_is_that_of_the_file(tmp_path, options):
    path = noise(tmp_path / 'x', **options)
    with Image.open(path) as image:
        assert picture_header(path.read_bytes()) == (image.format, image.size)


@pytest.mark.parametrize('content', [
    b'', b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0', b'\xff\xd8\xff', b'\xff\xd8',
    b'\xff\xd8\xff\xc0\0\x11\x08\0\0\0\0', b'\xff\xd8\xff\xe0\0\0' * 9])
def test_header_that_is_cut_off_is_told(content):
    with pytest.raises(PictureError, match='this one is'):
        picture_header(content)


def test_camera_s_file_of_several_jpegs_is_a_jpeg(tmp_path):
    several = [Image.new('RGB', (30, 20), name) for name in ('red', 'blue')]
    path = tmp_path / 'x.jpg'
    several[0].save(path, format='MPO', save_all=True,
                    append_images=several[1:])
    with Image.open(path) as image:
        assert image.format == 'MPO'
    assert picture_header(path) == ('JPEG', (30, 20))
    assert picture_header(path.read_bytes()) == ('JPEG', (30, 20))
    assert open_picture(path).getpixel((0, 0))[0] > 250


@pytest.mark.parametrize('options', [
    dict(format='PNG'), dict(format='JPEG'),
    dict(format='JPEG', progressive=True, comment='x' * 300),
    dict(format='JPEG', restart_marker_blocks=2)])
def test_marks_of_a_whole_picture_are_enough(tmp_path, options):
    assert is_surely_fine(noise(tmp_path / 'x', 60, 60, **options))


@pytest.mark.parametrize('kind', ['WEBP', 'BMP', 'GIF', 'TIFF', 'PPM'])
def test_marks_of_other_formats_say_nothing(tmp_path, kind):
    assert not is_surely_fine(noise(tmp_path / 'x', format=kind))


def test_what_is_none_or_too_large_is_not_surely_fine(tmp_path):
    path = noise(tmp_path / 'x.png', 20, 30)
    assert is_surely_fine(path, 600) and not is_surely_fine(path, 599)
    assert not is_surely_fine(tmp_path / 'missing.png')
    assert not is_surely_fine(tmp_path)


def is_whole(path):
    try:
        check_picture(path)
    except PictureError:
        return False
    return True


@pytest.mark.parametrize('options', [
    dict(format='PNG'), dict(format='JPEG'),
    dict(format='JPEG', progressive=True)])
@pytest.mark.parametrize('damage', ['cut', 'bit', 'garbage', 'gap'])
def test_marks_never_miss_what_decoding_would_find(tmp_path, options, damage):
    # With both, a picture is taken exactly where it was with decoding alone.
    path = noise(tmp_path / 'x', 40, 60, **options)
    whole, random = path.read_bytes(), np.random.default_rng(3)
    for _ in range(40):
        content = bytearray(whole)
        place = int(random.integers(2, len(whole) - 40))
        if damage == 'cut':
            del content[place:]
        elif damage == 'bit':
            content[place] ^= 1 << int(random.integers(8))
        elif damage == 'garbage':
            content[place:place + 30] = random.bytes(30)
        else:
            del content[place:place + int(random.integers(1, 30))]
        path.write_bytes(content)
        try:
            LoadRGBImage()(dict(img_path=str(path)))
        except ValueError:
            continue  # decoding follows, and finds it
        assert is_whole(path) or not is_surely_fine(path)


def test_short_png_with_right_sums_is_not_taken(tmp_path):
    import zlib

    def part(kind, data):
        return (len(data).to_bytes(4, 'big') + kind + data
                + zlib.crc32(kind + data).to_bytes(4, 'big'))
    path = noise(tmp_path / 'x.png')
    content = path.read_bytes()
    path.write_bytes(content[:33] + part(b'IDAT', zlib.compress(b'0' * 99))
                     + part(b'IEND', b''))
    assert is_surely_fine(path)
    with pytest.raises(DamagedPictureError, match='cut off or damaged'):
        load_picture(path, LoadRGBImage())
