"""img2dataset's numbered folders."""
from __future__ import annotations

import json

from tiny_layouts import SIZE, caption, class_of, train_once, write_pictures

from chtn_plugin.curation.layouts import img2dataset
from chtn_plugin.curation.layouts.detection import choose_layout


def write(folder):
    names = write_pictures(folder / '00000', '00000{:04}.jpg')
    for number, name in enumerate(names):
        (folder / '00000' / name).with_suffix('.txt').write_text(
            caption(number))
        (folder / '00000' / name).with_suffix('.json').write_text(json.dumps(
            dict(caption=caption(number), kind=class_of(number))))
    (folder / '00000_stats.json').write_text('{}')
    (folder / '00000.parquet').write_bytes(b'')
    return folder


def test_shard_is_no_class_and_trains(tmp_path):
    found = train_once(write(tmp_path / 'data'), tmp_path / 'work',
                       label_from='column:kind')
    assert sum(map(len, found.values())) == SIZE
    assert {name for rows in found.values() for row in rows
            for name in row.classes} == {'blue', 'green', 'red'}


def test_table_beside_the_shards_is_none_of_its_own(tmp_path):
    assert choose_layout(write(tmp_path)).name == 'img2dataset'


def test_numbered_folders_of_people_are_classes(tmp_path):
    for name in ('0001', '0002'):
        write_pictures(tmp_path / name)
        (tmp_path / name / '1.txt').write_text('someone')
    assert img2dataset.recognises(tmp_path) is None
    assert choose_layout(tmp_path).name == 'folders'
