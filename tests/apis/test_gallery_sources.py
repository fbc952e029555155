"""What can be searched, listed in a fixed order."""
import pytest
from tiny_data import write_pairs, write_picture

from chtn_plugin.apis.gallery_sources import list_items


def _shown(items):
    return [(item['kind'], item['id'], item['text']) for item in items]


def test_folder_gives_pictures_and_lines_in_order(tmp_path):
    write_picture(tmp_path / 'b.PNG')
    write_picture(tmp_path / 'a' / '1.png')
    write_picture(tmp_path / '.hidden' / '2.png')
    (tmp_path / 'c.txt').write_text('\ufeffone\n\n two \n', 'utf-8')
    (tmp_path / 'd.csv').write_text('not listed')
    assert _shown(list_items(tmp_path)) == [
        ('image', 'a/1.png', ''), ('image', 'b.PNG', ''),
        ('text', 'c.txt:1', 'one'), ('text', 'c.txt:3', 'two')]


def test_manifest_gives_each_picture_once_with_its_class(tmp_path):
    for name in 'ab':
        write_picture(tmp_path / f'{name}.png')
    path = write_pairs(tmp_path, ['1,train,cat,a.png,one',
                                  '2,train,cat,a.png,two',
                                  '3,train,dog,b.png,three'])
    items = list_items(path)
    assert _shown(items) == [
        ('image', 'a.png', ''), ('text', '1', 'one'), ('text', '2', 'two'),
        ('image', 'b.png', ''), ('text', '3', 'three')]
    assert [item['label'] for item in items] == [
        'cat', 'cat', 'cat', 'dog', 'dog']
    assert items[0]['path'] == str(tmp_path / 'a.png')


def test_several_classes_are_parted_as_the_run_does(tmp_path):
    path = write_pairs(tmp_path, ['1,train,dog;pet,a.png,one'])
    assert list_items(path)[0]['classes'] == ('dog;pet', )
    image, text = list_items(path, ';')
    assert image['classes'] == text['classes'] == ('dog', 'pet')
    assert image['label'] == 'dog, pet'


def test_stamp_follows_the_file(tmp_path):
    path = write_picture(tmp_path / 'a.png', size=4)
    before, = list_items(path)
    write_picture(path, size=40)
    after, = list_items(path)
    assert before['stamp'] != after['stamp']


@pytest.mark.parametrize('name, content, said', [
    ('a.doc', b'x', 'must be a folder'), ('a.txt', b'\xff\xfe', 'UTF-8')])
def test_what_is_none_of_these_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        list_items(tmp_path / name)
    with pytest.raises(FileNotFoundError, match='nowhere'):
        list_items(tmp_path / 'nowhere')
