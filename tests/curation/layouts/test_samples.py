"""Files that share a name are a sample."""
from __future__ import annotations

import pytest

from chtn_plugin.curation.layouts.layout import Reading
from chtn_plugin.curation.layouts.samples import read_samples


def read(folder, files, **reading):
    for name, content in files.items():
        (folder / name).write_text(content)
    return read_samples(folder, sorted(folder.iterdir()), 'val',
                        Reading(**reading))


def test_text_counts_before_json_and_class_file_before_its_label(tmp_path):
    row, = read(tmp_path, {'7.jpg': '', '7.txt': 'a text', '7.cls': '3',
                           '7.json': '{"caption": "other", "label": 5}'})
    assert (row.image, row.texts, row.classes, row.split) == (
        '7.jpg', ('a text', ), ('3', ), 'val')


def test_json_tells_what_has_no_file(tmp_path):
    row, = read(tmp_path, {'7.png': '', '7.json':
                           '{"caption": "one", "label": ["a", "b"]}'})
    assert (row.texts, row.classes) == (('one', ), ('a', 'b'))


def test_keys_can_be_named(tmp_path):
    row, = read(tmp_path, {'7.png': '', '7.json': '{"alt": "x", "kind": 2}'},
                columns=dict(text='alt', label='kind'))
    assert (row.texts, row.classes) == (('x', ), ('2', ))


def test_key_that_is_lacking_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"7.json has no 'alt'"):
        read(tmp_path, {'7.png': '', '7.json': '{}'},
             columns=dict(text='alt'))


def test_other_files_are_passed_over(tmp_path):
    assert read(tmp_path, {'7.npy': '', 'README.md': 'words'}) == []


def test_broken_json_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'7.json is not'):
        read(tmp_path, {'7.png': '', '7.json': '{'})
