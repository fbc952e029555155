"""CVAT's export for images."""
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

from chtn_plugin.curation.layouts import cvat
from chtn_plugin.curation.layouts.detection import choose_layout


def image(number, inside=None, **attributes):
    given = ''.join(f' {name}="{value}"'
                    for name, value in attributes.items())
    inside = inside if inside is not None else (
        f'<tag label="{class_of(number)}" source="manual">'
        f'<attribute name="caption">{caption(number)}</attribute></tag>')
    return (f'<image id="{number}" name="{number}.jpg"{given} width="16" '
            f'height="16">{inside}</image>')


def write(folder, *images):
    write_pictures(folder / 'images')
    (folder / 'annotations.xml').write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>'
        '<version>1.1</version>' + ''.join(images) + '</annotations>')
    return folder


def test_export_is_recognised_and_trains(tmp_path):
    folder = write(tmp_path / 'data', *map(image, range(SIZE)))
    assert choose_layout(folder).name == 'cvat'
    found = train_once(folder, tmp_path / 'work')
    row = found['train'][0]
    assert sum(map(len, found.values())) == SIZE
    assert row.texts[0].startswith(row.classes[0])


def test_subset_is_the_split(tmp_path):
    write(tmp_path, image(0, subset='Train'), image(1, subset='Validation'),
          image(2, subset='default'))
    assert [row.split for row in rows_of(cvat, tmp_path)] == [
        'train', 'val', '']


def test_shapes_name_the_classes_where_no_tag_does(tmp_path):
    write(tmp_path, image(0, '<box label="cat" xtl="0"/>'
                          '<polygon label="dog"/><box label="cat"/>'))
    row, = rows_of(cvat, tmp_path)
    assert (row.classes, row.texts) == (('cat', 'dog'), ())


def test_entities_are_refused(tmp_path):
    (tmp_path / 'a.xml').write_text(
        '<!DOCTYPE a [<!ENTITY b "c">]><annotations/>')
    with pytest.raises(ValueError, match=r'must not declare .*a\.xml'):
        rows_of(cvat, tmp_path)


@pytest.mark.parametrize('content, reason', [
    ('<annotations><image', 'must be XML: .*a.xml'),
    ('<annotations><image id="0"/></annotations>', 'must have a name: .*: '
     'image 0')])
def test_broken_export_is_named(tmp_path, content, reason):
    (tmp_path / 'a.xml').write_text(content)
    with pytest.raises(ValueError, match=reason):
        rows_of(cvat, tmp_path)


def test_folder_without_export_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no .xml file'):
        rows_of(cvat, tmp_path)
