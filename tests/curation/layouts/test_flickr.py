"""Flickr8k's and Flickr30k's lists, from Kaggle and from the authors."""
from __future__ import annotations

import pytest
from tiny_layouts import (
    SIZE,
    caption,
    class_of,
    rows_of,
    train_once,
    write_pictures,
)

from chtn_plugin.curation.layouts import flickr

LISTS = {
    'results.csv': 'image_name| comment_number| comment\n' + ''.join(
        f'red_{number}.jpg| {which}| {caption(number, which)}\n'
        for number in range(SIZE) for which in range(2)),
    'captions.txt': 'image,caption\n' + ''.join(
        f'red_{number}.jpg,{caption(number, which)}\n'
        for number in range(SIZE) for which in range(2)),
    'Flickr8k.token.txt': ''.join(
        f'red_{number}.jpg#{which}\t{caption(number, which)}\n'
        for number in range(SIZE) for which in range(2)),
}


@pytest.mark.parametrize('name', LISTS)
def test_captions_of_a_picture_are_found(tmp_path, name):
    write_pictures(tmp_path / 'Images', 'red_{}.jpg')
    (tmp_path / name).write_text(LISTS[name])
    rows = rows_of(flickr, tmp_path)
    assert [(row.image, row.texts) for row in rows[4:6]] == [
        ('Images/red_2.jpg', (caption(2), )),
        ('Images/red_2.jpg', (caption(2, 1), ))]
    assert len(rows) == 2 * SIZE


def test_classes_in_file_names_train(tmp_path):
    folder = tmp_path / 'data' / 'flickr30k_images'
    lines = LISTS['results.csv']
    for number, name in enumerate(write_pictures(folder)):
        (folder / name).rename(folder / f'{class_of(number)}_{name}')
        lines = lines.replace(f'red_{name}', f'{class_of(number)}_{name}')
    (tmp_path / 'data' / 'results.csv').write_text(lines)
    found = train_once(tmp_path / 'data', tmp_path / 'work',
                       label_from='name:^([a-z]+)_')
    rows = [row for several in found.values() for row in several]
    assert len(rows) == SIZE
    assert all(row.classes[0] in row.texts[0] for row in rows)


@pytest.mark.parametrize('line, text', [
    ('1.jpg,"A man, a dog"', 'A man, a dog'),
    ('1.jpg,A man, a dog', 'A man, a dog')])
def test_comma_in_a_caption_stays(tmp_path, line, text):
    (tmp_path / 'captions.txt').write_text(f'image,caption\n{line}\n')
    row, = rows_of(flickr, tmp_path)
    assert row.texts == (text, )


def test_line_of_the_published_file_that_lacks_a_bar_is_read(tmp_path):
    (tmp_path / 'results.csv').write_text(
        'image_name| comment_number| comment\n'
        '2199200615.jpg| 4   A dog runs across the grass .\n')
    row, = rows_of(flickr, tmp_path)
    assert row.texts == ('A dog runs across the grass .', )


@pytest.mark.parametrize('name, content', [
    ('results.csv', 'image_name| comment_number| comment\nx.jpg|y\n'),
    ('captions.txt', 'image,caption\nx.jpg\n')])
def test_line_without_a_caption_is_named(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=f'{name}:2 does not'):
        rows_of(flickr, tmp_path)


def test_lists_of_the_splits_choose_and_part(tmp_path):
    (tmp_path / 'Flickr8k.token.txt').write_text(LISTS['Flickr8k.token.txt'])
    (tmp_path / 'Flickr_8k.trainImages.txt').write_text(
        'red_0.jpg\nred_1.jpg\n')
    (tmp_path / 'Flickr_8k.devImages.txt').write_text('red_2.jpg\n')
    assert [(row.image, row.split) for row in rows_of(flickr, tmp_path)[::2]
            ] == [('red_0.jpg', 'train'), ('red_1.jpg', 'train'),
                  ('red_2.jpg', 'val')]
