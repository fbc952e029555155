"""A JSON file holds one object, or is named."""
from __future__ import annotations

import pytest

from chtn_plugin.storage.json_files import read_json_list, read_json_object


def test_object_is_read_with_a_mark(tmp_path):
    (tmp_path / 'x.json').write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json_object(tmp_path / 'x.json', 'a list') == {'a': 1}


@pytest.mark.parametrize('content, reason', [
    (b'{', 'a list must be JSON in UTF-8: .*x.json is not'),
    (b'{"a": "\xff"}', 'is not'), (b'[' * 100_000, 'is not'),
    (b'[]', 'x.json holds a list'), (b' ' * 101, r'at most 100 bytes: .*101')])
def test_anything_else_is_named(tmp_path, content, reason):
    (tmp_path / 'x.json').write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_json_object(tmp_path / 'x.json', 'a list',
                         200_000 if len(content) > 1000 else 100)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file: .*x.json'):
        read_json_object(tmp_path / 'x.json', 'a list')


def test_list_is_read_and_an_object_is_none(tmp_path):
    (tmp_path / 'x.json').write_bytes(b'[1, {}]')
    assert read_json_list(tmp_path / 'x.json', 'tasks') == [1, {}]
    (tmp_path / 'x.json').write_bytes(b'{}')
    with pytest.raises(ValueError, match='tasks must hold a JSON list: '
                                         r'.*x\.json holds a dict'):
        read_json_list(tmp_path / 'x.json', 'tasks')
