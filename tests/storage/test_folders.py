"""Which entries of a folder are a user's data."""
from __future__ import annotations

import unicodedata

import pytest

from chtn_plugin.storage.folders import (
    class_files,
    is_visible,
    twins,
    visible_files,
    walk_files,
)


@pytest.mark.parametrize('name', [
    '.git', '.ipynb_checkpoints', '._1.jpg', '.DS_Store', '__MACOSX'])
def test_what_programs_leave_is_not_visible(name):
    assert not is_visible(name)


def test_files_of_hidden_folders_are_not_walked(tmp_path):
    for name in ('b/2.png', 'b/1.png', '0.png', '.git/x', 'b/._1.png',
                 'b/.ipynb_checkpoints/1.png', '__MACOSX/b/1.png'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b'')
    assert [path.relative_to(tmp_path).as_posix()
            for path in walk_files(tmp_path)] == ['0.png', 'b/1.png',
                                                  'b/2.png']
    assert [path.name for path in visible_files(tmp_path)] == ['0.png']


def test_folder_without_such_a_file_is_no_class(tmp_path):
    for name in ('empty', 'hidden/.x', 'deep/down', 'flat', 'notes', '.git'):
        (tmp_path / name).mkdir(parents=True)
    for name in ('hidden/.x/1.png', 'deep/down/1.PNG', 'flat/2.png',
                 'flat/1.png', 'notes/1.txt', '.git/1.png'):
        (tmp_path / name).write_bytes(b'')
    found = class_files(tmp_path, ('.png', ))
    assert {name: [path.name for path in paths]
            for name, paths in found.items()} == {
        'deep': ['1.PNG'], 'flat': ['1.png', '2.png']}


def test_class_in_two_folders_that_look_the_same_is_refused(tmp_path):
    for name in ('caf\u00e9', 'cafe\u0301'):
        (tmp_path / name).mkdir()
        (tmp_path / name / '1.png').write_bytes(b'')
    with pytest.raises(ValueError, match='one folder: .* has 2 in'):
        class_files(tmp_path, ('.png', ))


def test_twins_differ_in_unicode_form_alone():
    composed, parted = (unicodedata.normalize(form, 'café')
                        for form in ('NFC', 'NFD'))
    assert composed != parted
    assert twins([composed, 'cafe', parted]) == [(composed, parted)]
    assert twins([composed, 'cafe']) == []
