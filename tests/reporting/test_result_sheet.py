import numpy as np
import pytest
from PIL import Image

from chtn_plugin.reporting import Cell, Row, draw_result_sheet
from chtn_plugin.reporting.result_sheet import load_thumbnail


def _share(picture, color):
    return float((np.abs(np.asarray(picture, int) - color).sum(-1) < 60)
                 .mean())


def _sheet(right, **options):
    row = Row(Cell(text='query'), [Cell(text='found', label='class',
                                        score=.5, right=right)])
    return draw_result_sheet([('Text → text', [row])], **options)


GREEN, RED = (0x1a, 0x7f, 0x4b), (0xc2, 0x36, 0x2f)


@pytest.mark.parametrize('right, color, other', [(True, GREEN, RED),
                                                 (False, RED, GREEN)])
def test_right_is_green_and_wrong_is_red(right, color, other):
    picture = _sheet(right)
    assert _share(picture, color) > 0.001
    assert _share(picture, other) < 0.0001


def test_scale_multiplies_the_size():
    width, height = _sheet(None).size
    assert _sheet(None, scale=2).size == (2 * width, 2 * height)


def test_title_and_empty_section_need_no_rows():
    assert draw_result_sheet([('Nothing', [])], 'T', 'S').size[0] >= 480


def test_unreadable_picture_leaves_a_note_not_an_error(tmp_path):
    broken = tmp_path / 'a.png'
    broken.write_bytes(b'\x89PNG\r\n\x1a\n broken')
    assert load_thumbnail(str(broken), 50) is None
    assert load_thumbnail(str(tmp_path / 'gone.png'), 50) is None
    draw_result_sheet([('x', [Row(Cell(image=str(broken)), [])])])


def test_hundred_megapixels_are_not_decoded(tmp_path):
    path = tmp_path / 'large.png'
    Image.new('1', (10_000, 10_000)).save(path)
    assert load_thumbnail(str(path), 50) is None


@pytest.mark.parametrize('mode', ['L', '1', 'RGBA', 'LA', 'P', 'CMYK', 'I'])
def test_every_mode_becomes_rgb_within_the_size(mode):
    thumbnail = load_thumbnail(Image.new(mode, (300, 100)), 64)
    assert thumbnail.mode == 'RGB'
    assert thumbnail.size == (64, 21)


def test_small_picture_grows_by_a_whole_factor():
    assert load_thumbnail(Image.new('L', (20, 10)), 70).size == (60, 30)


def test_transparent_is_white():
    thumbnail = load_thumbnail(Image.new('RGBA', (80, 80), (0, 0, 0, 0)), 40)
    assert thumbnail.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize('shape', [(8, 8), (8, 8, 1), (8, 8, 3)])
def test_arrays_are_pictures_too(shape):
    assert load_thumbnail(np.zeros(shape, np.uint8), 8).size == (8, 8)
