"""What the ``datasets`` library saves to disk."""
from __future__ import annotations

import json

import pytest
from tiny_layouts import SIZE, caption, rows_of, train_once, write_pictures

from chtn_plugin.curation.layouts import hf_datasets

pyarrow = pytest.importorskip('pyarrow')


def write(folder, source, numbers=range(SIZE)):
    """A folder as ``Dataset.save_to_disk`` writes it."""
    names = write_pictures(source)
    folder.mkdir(parents=True)
    features = dict(label=dict(_type='ClassLabel',
                               names=['blue', 'green', 'red']))
    table = pyarrow.table(dict(
        image=[dict(bytes=(source / names[number]).read_bytes(), path='x')
               for number in numbers],
        text=[caption(number) for number in numbers],
        label=[number % 3 for number in numbers])).replace_schema_metadata(
            {'huggingface': json.dumps(dict(info=dict(features=features)))})
    name = 'data-00000-of-00001.arrow'
    with pyarrow.OSFile(str(folder / name), 'wb') as sink:
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    (folder / 'state.json').write_text(json.dumps(
        dict(_data_files=[dict(filename=name)])))
    (folder / 'dataset_info.json').write_text('{}')
    return folder


def test_saved_data_set_trains(tmp_path):
    write(tmp_path / 'data', tmp_path / 'a')
    found = train_once(tmp_path / 'data', tmp_path / 'work')
    row = found['train'][0]
    assert sum(map(len, found.values())) == SIZE
    assert row.classes[0] in row.texts[0]


def test_folders_of_a_dictionary_are_the_splits(tmp_path):
    write(tmp_path / 'train', tmp_path / '.a', range(3))
    write(tmp_path / 'test', tmp_path / '.b', range(3, 5))
    (tmp_path / 'dataset_dict.json').write_text(
        '{"splits": ["train", "test"]}')
    assert hf_datasets.recognises(tmp_path)
    assert [row.split for row in rows_of(hf_datasets, tmp_path)] == [
        'train'] * 3 + ['test'] * 2


def test_file_that_is_cut_is_named(tmp_path):
    write(tmp_path / 'd', tmp_path / 'a')
    path, = tmp_path.glob('d/*.arrow')
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r'whole: .*\.arrow is not'):
        rows_of(hf_datasets, tmp_path / 'd')


@pytest.mark.parametrize('name, content, reason', [
    ('state.json', '{"_data_files": [{"filename": "../x.arrow"}]}',
     r"names '\.\./x\.arrow'"),
    ('dataset_dict.json', '{"splits": ["more"]}', "got 'more'"),
    ('state.json', '{}', "'_data_files'")])
def test_broken_state_is_named(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=reason):
        rows_of(hf_datasets, tmp_path)


def test_pictures_stay_in_arrow_files_and_train(tmp_path):
    write(tmp_path / 'data', tmp_path / 'a')
    found = train_once(tmp_path / 'data', tmp_path / 'work', in_place=True)
    names = {row.image for rows in found.values() for row in rows}
    assert 'data-00000-of-00001.arrow/image/7' in names
    assert len(names) == SIZE and not (tmp_path / 'data/unpacked').exists()
