"""Labelled images of the source domain."""
from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DATASETS

from chtn_plugin.datasets import Draw, SourceFeatureDataset

LOAD = [dict(type='LoadImageFromFile')]


def images(root, **options):
    return DATASETS.build(dict(type='SourceImageDataset', data_root=str(root),
                               pipeline=LOAD, **options))


def listed(root, content, **options):
    data = content if isinstance(content, bytes) else content.encode()
    (root / 'list.txt').write_bytes(data)
    return images(root, ann_file='list.txt', **options)


def facts(made):
    return [(int(item['inputs']['source_image'][0, 0, 0]),
             int(item['data_samples']['source_label']))
            for item in (made[i] for i in range(len(made)))]


def features(path, **arrays):
    np.savez(path / 'f.npz', **arrays)
    return SourceFeatureDataset(str(path / 'f.npz'))


def test_folders_are_the_classes_in_sorted_order(source):
    made = images(source)
    assert facts(made) == [(100, 0), (101, 0), (102, 1), (103, 1), (104, 1)]
    assert made.metainfo['classes'] == ('a', 'b')
    assert made.metainfo['num_classes'] == 2


def test_other_files_are_passed_by(source):
    (source / 'a' / 'notes.txt').write_text('x')
    assert len(images(source)) == 5


@pytest.mark.parametrize('content', [
    'b/1.png 7\na/0.png 0\n', '\ufeffb/1.png 7\r\n\r\na/0.png 0',
    'b/1.png\t7\na/0.png \t 0 \n'],
    ids=['plain', 'BOM, CRLF, blank line', 'tabs'])
def test_list_names_images_and_labels(source, content):
    made = listed(source, content)
    assert facts(made) == [(103, 7), (100, 0)]
    assert made.metainfo['num_classes'] == 8


def test_a_path_may_hold_blanks(source):
    (source / 'a' / '0.png').rename(source / 'a' / 'x y.png')
    assert facts(listed(source, 'a/x y.png 3\n')) == [(100, 3)]


def test_number_of_classes_may_be_given(source):
    assert images(source, num_classes=9).metainfo['num_classes'] == 9


def test_a_draw_is_an_index(source):
    assert images(source)[Draw(4, 0, 0, 0)]['data_samples'][
        'source_label'] == 1


@pytest.mark.parametrize('line', ['b/1.png', 'b/1.png -1', 'b/1.png one',
                                  'b/1.png 1.5', '3'])
def test_broken_line_is_named(source, line):
    with pytest.raises(ValueError, match="a line must read 'path label', .*"
                       f"list.txt:2 reads '{line}'"):
        listed(source, f'a/0.png 0\n{line}\n')


def test_line_that_is_not_utf8_is_named(source):
    with pytest.raises(ValueError, match='must be UTF-8: .*list.txt:2 is '):
        listed(source, b'a/0.png 0\na/caf\xe9.png 0\n')


def test_label_out_of_range_is_named(source):
    with pytest.raises(ValueError, match='a label must be below 3, .*got 3 '
                       'at .*list.txt:2'):
        listed(source, 'a/0.png 2\nb/0.png 3\n', num_classes=3)


def test_missing_image_is_named(source):
    with pytest.raises(FileNotFoundError, match='image not found: .*no.png, '
                       'named at .*list.txt:1'):
        listed(source, 'a/no.png 0\n')


def test_empty_list_is_named(source):
    with pytest.raises(ValueError, match='at least one image: .*list.txt'):
        listed(source, '\n')


def test_missing_list_is_named(source):
    with pytest.raises(FileNotFoundError, match='list not found: .*no.txt'):
        images(source, ann_file='no.txt')


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='source images not found: '
                       '.*nothing is no folder'):
        images(tmp_path / 'nothing')


def test_folder_without_images_is_named(tmp_path):
    (tmp_path / 'a').mkdir()
    with pytest.raises(ValueError, match='has 1 folders and no image'):
        images(tmp_path)


def test_more_folders_than_classes_are_refused(source):
    with pytest.raises(ValueError, match='at most 1 source classes: .* 2 fo'):
        images(source, num_classes=1)


def test_broken_image_is_named(source):
    made = images(source)
    (source / 'b' / '1.png').write_bytes(b'no picture')
    with pytest.raises(ValueError, match=r'must be readable: .*b/1\.png'):
        made[3]


def test_misspelt_option_is_refused(source):
    with pytest.raises(TypeError, match="'num_class'"):
        images(source, num_class=3)


def test_features_take_the_place_of_images(tmp_path):
    made = features(tmp_path, F=np.arange(6.).reshape(3, 2), label=[4, 0, 1])
    batch = made.__getitems__([Draw(2, 0, 0, 0), 0])
    assert batch['inputs']['source_image'].tolist() == [[4, 5], [0, 1]]
    assert batch['data_samples']['source_label'].tolist() == [1, 4]
    assert made[1]['inputs']['source_image'].tolist() == [2, 3]
    assert len(made) == 3 and made.metainfo == dict(num_classes=5)


@pytest.mark.parametrize('arrays', [
    dict(F=np.zeros((3, 2)), label=[0, 1]),
    dict(F=np.zeros(3), label=[0, 1, 2]),
    dict(F=np.zeros((2, 2)), label=[0, -1])])
def test_features_that_do_not_fit_are_refused(tmp_path, arrays):
    with pytest.raises(ValueError, match=r'must be \(N, D\) and labels'):
        features(tmp_path, **arrays)


def test_missing_array_is_named(tmp_path):
    with pytest.raises(KeyError, match=r"arrays \['F'\], not 'label'"):
        features(tmp_path, F=np.zeros((3, 2)))


def test_missing_feature_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='not found: .*no.npz'):
        SourceFeatureDataset(str(tmp_path / 'no.npz'))


def test_hidden_and_imageless_folders_are_no_classes(source):
    for name in ('.git', '.ipynb_checkpoints', 'todo', 'a/.thumbs'):
        (source / name).mkdir()
    picture = (source / 'a' / '0.png').read_bytes()
    for name in ('.ipynb_checkpoints/0-checkpoint.png', 'a/.thumbs/0.png',
                 'a/._0.png'):
        (source / name).write_bytes(picture)
    (source / 'todo' / 'readme.txt').write_text('later')
    made = images(source)
    assert made.metainfo['classes'] == ('a', 'b')
    assert made.metainfo['num_classes'] == 2 and len(made) == 5


def test_class_in_two_unicode_forms_is_refused(source):
    (source / 'a').rename(source / 'caf\u00e9')
    (source / 'b').rename(source / 'cafe\u0301')
    with pytest.raises(ValueError, match='a class must have one folder'):
        images(source)
