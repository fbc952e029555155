"""Pictures that tell who wrote them."""
from PIL import Image

from chtn_plugin.reporting.stamped import save_stamped
from chtn_plugin.storage.ownership import bears_stamp


def test_a_saved_picture_bears_the_stamp_and_its_pixels(tmp_path):
    path = tmp_path / 'one.png'
    with path.open('wb') as file:
        save_stamped(Image.new('RGB', (3, 2), (1, 2, 3)), file)
    assert bears_stamp(path)
    assert Image.open(path).getpixel((2, 1)) == (1, 2, 3)


def test_the_same_picture_saved_by_others_does_not(tmp_path):
    Image.new('RGB', (3, 2)).save(tmp_path / 'one.png')
    assert not bears_stamp(tmp_path / 'one.png')
