"""Records in a file that only grows."""
import pytest

from chtn_plugin.studies.record_store import RecordStore, key_of


def test_records_are_there_again(tmp_path):
    RecordStore(tmp_path / 'r.jsonl').add(dict(key='a', value=1),
                                          dict(key='b', value=2))
    found = RecordStore(tmp_path / 'r.jsonl')
    assert found['b'] == dict(key='b', value=2)
    assert 'a' in found and 'c' not in found


def test_the_later_record_of_a_key_counts(tmp_path):
    store = RecordStore(tmp_path / 'r.jsonl')
    store.add(dict(key='a', value=1))
    store.add(dict(key='a', value=2))
    assert RecordStore(tmp_path / 'r.jsonl')['a']['value'] == 2


def test_a_torn_last_line_is_left_out_and_harms_nothing_later(tmp_path):
    path = tmp_path / 'r.jsonl'
    RecordStore(path).add(dict(key='a'))
    path.write_bytes(path.read_bytes() + b'{"key": "b", "val')
    store = RecordStore(path)
    assert 'b' not in store
    store.add(dict(key='c'))
    found = RecordStore(path)
    assert 'a' in found and 'b' not in found and 'c' in found


def test_another_file_is_refused(tmp_path):
    path = tmp_path / 'r.jsonl'
    path.write_text('name,value\na,1\n')
    with pytest.raises(ValueError, match='line 1 is none'):
        RecordStore(path)


def test_equal_contents_have_equal_keys():
    assert key_of(dict(a=1, b=2)) == key_of(dict(b=2, a=1)) != key_of(
        dict(a=1, b=3))
