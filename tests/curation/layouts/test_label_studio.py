"""Label Studio's exports."""
from __future__ import annotations

import json

import pytest
from tiny_layouts import (
    SIZE,
    caption,
    class_of,
    rows_of,
    train_once,
    write_pictures,
)

from chtn_plugin.curation.layouts import label_studio
from chtn_plugin.curation.layouts.detection import choose_layout


def task(name, number, **more):
    return dict(dict(
        id=number, data=dict(image=f'/data/upload/1/{name}'),
        annotations=[dict(was_cancelled=False, result=[
            dict(type='choices', from_name='kind',
                 value=dict(choices=[class_of(number)])),
            dict(type='textarea', from_name='caption',
                 value=dict(text=[caption(number)]))])]), **more)


def write(folder, tasks, pattern='{}.jpg'):
    write_pictures(folder / 'images', pattern)
    (folder / 'project-1.json').write_text(json.dumps(tasks))
    return folder


def test_export_is_recognised_and_trains(tmp_path):
    folder = write(tmp_path / 'data', [
        task(f'{number}.jpg', number) for number in range(SIZE)])
    assert choose_layout(folder).name == 'label-studio'
    found = train_once(folder, tmp_path / 'work')
    row = found['train'][0]
    assert sum(map(len, found.values())) == SIZE
    assert row.texts[0].startswith(row.classes[0])


@pytest.mark.parametrize('pattern, address', [
    ('0a1b2c3d-{}.jpg', '/data/upload/1/0a1b2c3d-7.jpg'),
    ('{}.jpg', '/data/upload/1/0a1b2c3d-7.jpg'),
    ('{} x.jpg', '/data/upload/1/7%20x.jpg'),
    ('{}.jpg', '/data/local-files/?d=images/7.jpg'),
    ('{}.jpg', 's3://bucket/photos/7.jpg')])
def test_picture_is_found_by_its_address(tmp_path, pattern, address):
    write(tmp_path, [dict(task('', 7), data=dict(image=address))], pattern)
    row, = rows_of(label_studio, tmp_path)
    assert row.image == f'images/{pattern.format(7)}'


def test_flat_export_is_read(tmp_path):
    write(tmp_path, [dict(image='/data/upload/1/0.jpg', annotator=1,
                          annotation_id=4, choice='red', caption=['a', 'b']),
                     dict(image='/data/upload/1/1.jpg', annotator=1,
                          annotation_id=5, caption='c',
                          choice=dict(choices=['red', 'blue']))])
    one, other = rows_of(label_studio, tmp_path)
    assert (one.texts, one.classes) == (('a', 'b'), ('red', ))
    assert (other.texts, other.classes) == (('c', ), ('red', 'blue'))


def test_text_of_the_task_counts_and_cancelled_work_does_not(tmp_path):
    cancelled = [dict(was_cancelled=True, result=[])]
    write(tmp_path, [
        dict(task('0.jpg', 0), data=dict(image='0.jpg', text='given')),
        dict(task('1.jpg', 1), annotations=cancelled)])
    row, = rows_of(label_studio, tmp_path)
    assert row.texts == ('given', caption(0))


def test_other_shape_is_named(tmp_path):
    write(tmp_path, [dict(task('0.jpg', 0), annotations=[dict(x=1)])])
    with pytest.raises(ValueError, match=r"key 'result' .*project-1\.json"):
        rows_of(label_studio, tmp_path)


def test_folder_without_export_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='list of tasks'):
        rows_of(label_studio, tmp_path)
