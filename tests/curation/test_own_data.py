"""A user's own folder, in every shape that the tool promises to read."""
from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from mmengine.config import Config
from own_folder import (
    class_folders,
    few_labels,
    make,
    rows,
    write_csv,
)

from chtn_plugin.curation.own_tables import read_table
from chtn_plugin.datasets.manifest import other_columns, read_manifest
from chtn_plugin.engine.shipped_configs import PREFIX

SCRIPTS = ('一只猫在沙发上', 'قطة على الأريكة', 'Кошка на диване', '🐈 on a 🛋️')


def test_csv_becomes_a_split_manifest(folder):
    write_csv(folder, rows())
    records = make(folder)
    assert Counter((r.split, r.classes[0]) for r in records) == {
        (split, label): count for label in 'abc'
        for split, count in (('train', 16), ('val', 2), ('test', 2))}
    assert read_manifest(folder / 'manifest.tsv')[7].texts == (
        'text 7 number 0', )
    assert records[7].image == 'images/7.png'


@pytest.mark.parametrize('header', [
    ('Image Path', 'Caption', 'Class'), ('FILE_NAME', 'sentence', 'category'),
    ('图片', '文本', '类别')])
@pytest.mark.parametrize('options', [
    {}, {'delimiter': ';'}, {'delimiter': '\t'},
    {'quoting': csv.QUOTE_ALL}], ids=str)
def test_usual_names_and_delimiters_are_guessed(folder, header, options):
    write_csv(folder, rows(), header, **options)
    assert len(make(folder)) == 60


def test_columns_can_be_named(folder):
    write_csv(folder, [(*row, 'x') for row in rows()],
              ('pic', 'words', 'kind', 'text'))
    with pytest.raises(ValueError, match="has .*'pic'.*--label-column"):
        make(folder)
    records = make(folder, columns={'image': 'pic', 'text': 'words',
                                    'label': 'kind'})
    assert records[0].texts == ('text 0 number 0', )
    with pytest.raises(ValueError, match="no column 'nothing'"):
        make(folder, columns={'label': 'nothing'})


def test_further_columns_stay_for_filters(folder):
    write_csv(folder, [(*row, 'red\tish' if n % 2 else '', n, 'there')
                       for n, row in enumerate(rows())],
              ('image', 'text', 'label', 'Colour', 'id', 'path'))
    assert make(folder)[1].other == (
        ('Colour', 'red\tish'), ('own_id', '1'), ('own_path', 'there'))
    cells = list(other_columns(folder / 'manifest.tsv'))
    assert cells[0] == dict(split='train', Colour='', own_id='0',
                            own_path='there')
    assert cells[1]['Colour'] == 'red ish'
    assert len(read_manifest(folder / 'manifest.tsv')) == 60


def test_further_cells_of_one_picture_are_joined(folder):
    write_csv(folder, [(*row, f'a{n % 2}', 'all')
                       for n, row in enumerate(rows(2))],
              ('image', 'text', 'label', 'annotator', 'source'))
    assert make(folder)[0].other == (('annotator', 'a0; a1'),
                                     ('source', 'all'))


def test_nested_cells_are_nothing_to_filter_by(folder):
    (folder / 'data.jsonl').write_text('\n'.join(json.dumps(dict(
        image=name, text=text, label=label, tags=['x', 'y'],
        box=dict(x=1))) for name, text, label in rows()))
    assert make(folder)[0].other == (('tags', 'x; y'), )


def test_json_lines(folder):
    (folder / 'data.jsonl').write_text('\n'.join(json.dumps(dict(
        image=name, captions=[text, 'second'], label=[label, 'all']))
        for name, text, label in rows()))
    records = make(folder)
    assert records[0].texts == ('text 0 number 0', 'second')
    assert records[0].classes == ('a', 'all')


def test_class_folders_with_text_files(tmp_path):
    records = make(class_folders(tmp_path))
    assert len(records) == 20
    assert records[0].texts == ('a 0 line two 0', )
    assert records[0].image == 'a/0.jpg' and records[0].classes == ('a', )


def test_each_line_can_be_a_text(tmp_path):
    records = make(class_folders(tmp_path), line_texts=True)
    assert records[0].texts == ('a 0', 'line two 0')


def test_folders_can_name_the_splits(tmp_path):
    for split in ('train', 'valid', 'test'):
        class_folders(tmp_path / split)
    for number, path in enumerate(sorted(tmp_path.rglob('*.txt'))):
        path.write_text(f'text {number}')
    records = make(tmp_path)
    assert Counter(r.split for r in records) == {'train': 20, 'val': 20,
                                                 'test': 20}


@pytest.mark.parametrize('text', SCRIPTS)
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_every_script_round_trips(tmp_path, text, encoding):
    (tmp_path / 't.csv').write_text(
        f'image,text,label\r\n,"{text}",{text}\r\n', encoding=encoding,
        newline='')
    row, = read_table(tmp_path / 't.csv', {})
    assert row.texts == (text, ) and row.classes == (text, )


def test_other_encodings_can_be_named(tmp_path):
    path = tmp_path / 't.csv'
    path.write_bytes('image,text,label\n,你好世界,文化\n'.encode('gb18030'))
    with pytest.raises(ValueError, match=r'UTF-8: .*t\.csv:2 is not.*gb18030'):
        read_table(path, {})
    assert read_table(path, {}, encoding='gb18030')[0].texts == ('你好世界', )
    with pytest.raises(ValueError, match='unknown encoding'):
        read_table(path, {}, encoding='klingon')


def test_unquoted_comma_is_named(folder):
    (folder / 'c.csv').write_text('image,text,label\n0.png,a, b,c\n')
    with pytest.raises(ValueError, match='c.csv:2 .*needs quotes'):
        make(folder)


def test_several_tables_have_to_be_chosen_from(folder):
    write_csv(folder, rows())
    write_csv(folder, rows(), name='other.csv')
    with pytest.raises(ValueError, match=r'captions.csv, other.csv.*--table'):
        make(folder)
    assert len(make(folder, table='other.csv')) == 60


def test_second_run_does_not_read_its_own_manifest(folder):
    write_csv(folder, rows())
    assert make(folder) == make(folder)


def test_manifest_that_is_not_ours_is_kept(folder):
    write_csv(folder, rows())
    path = folder / 'manifest.tsv'
    path.write_text('mine\n')
    for _ in range(2):
        with pytest.raises(ValueError, match=r'manifest\.tsv was not written'):
            make(folder)
    assert path.read_text() == 'mine\n'
    assert len(make(folder, overwrite=True)) == 60
    assert len(make(folder, seed=1)) == 60
    path.write_text(path.read_text().replace('text 7', 'my own text 7'))
    with pytest.raises(ValueError, match='edited since.*--overwrite'):
        make(folder)
    assert 'my own text 7' in path.read_text()


def test_empty_folder_says_what_it_needs(tmp_path):
    with pytest.raises(FileNotFoundError, match='no class folders'):
        make(tmp_path)
    with pytest.raises(FileNotFoundError, match='no such folder'):
        make(tmp_path / 'no')


def test_manifest_is_written_once_the_configuration_is(folder, configs):
    write_csv(folder, rows())
    (configs / 'own.py').write_text('# mine\n')
    with pytest.raises(ValueError, match='choose another'):
        make(folder, configs / 'own.py')
    assert not (folder / 'manifest.tsv').exists()


@pytest.mark.parametrize('extra, option', [
    ('', ''), (';all', " --label-separator ';'")])
def test_next_commands_fit_the_manifest(folder, configs, extra, option):
    write_csv(folder, [(*row[:2], row[2] + extra) for row in rows()])
    said: list[str] = []
    make(folder, configs / 'own.py', said)
    command, = [line.strip() for line in said[-1].splitlines()
                if 'check_data' in line]
    assert command == (
        f'python tools/check_data.py {folder / "manifest.tsv"}{option}')


def test_config_is_never_written_over_a_users_own(folder, configs):
    write_csv(folder, rows())
    config = configs / 'own.py'
    make(folder, config)
    make(folder, config)
    config.write_text('# mine\n')
    with pytest.raises(ValueError, match='choose another'):
        make(folder, config)


def test_config_in_a_folder_without_base_builds_on_the_packages(folder,
                                                                tmp_path):
    write_csv(folder, rows())
    make(folder, tmp_path / 'elsewhere/own.py')
    text = (tmp_path / 'elsewhere/own.py').read_text()
    assert f"'{PREFIX}_base_/default_runtime.py'," in text


def test_config_that_was_edited_is_the_users(folder, configs):
    write_csv(folder, rows())
    config = configs / 'own.py'
    make(folder, config)
    edited = config.read_text().replace('max_iters = 200', 'max_iters = 100')
    config.write_text(edited)
    with pytest.raises(ValueError, match='choose another'):
        make(folder, config)
    assert config.read_text() == edited


@pytest.mark.parametrize('writes', [0, 1, 2])
def test_killed_between_its_files_the_manifest_stays_the_tools(
        folder, monkeypatch, writes):
    write_csv(folder, rows())
    make(folder)
    replace, done = os.replace, []

    def killed(source, target):
        if Path(target).parent == folder:
            if len(done) == writes:
                raise KeyboardInterrupt
            done.append(target)
        replace(source, target)
    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', killed)
        with pytest.raises(KeyboardInterrupt):
            make(folder, seed=1)
    assert len(make(folder, seed=2)) == 60


def test_killed_while_it_replaces_a_users_manifest_that_stays_his(
        folder, monkeypatch):
    write_csv(folder, rows())
    (folder / 'manifest.tsv').write_text('mine\n')

    def killed(source, target):
        if Path(target) == folder / 'manifest.tsv':
            raise KeyboardInterrupt
        replace(source, target)
    replace = os.replace
    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', killed)
        with pytest.raises(KeyboardInterrupt):
            make(folder, overwrite=True)
    with pytest.raises(ValueError, match='was not written by this tool'):
        make(folder)


def test_configuration_for_one_class_is_refused(folder, configs):
    write_csv(folder, [(name, text, 'cat') for name, text, _ in rows()])
    with pytest.raises(ValueError, match="at least two classes.*'cat'"):
        make(folder, configs / 'own.py')
    assert not (folder / 'manifest.tsv').exists()
    said: list[str] = []
    make(folder, None, said)
    assert any(line.startswith('one class alone: ') for line in said)


def test_class_that_a_configuration_would_replace_is_refused(folder):
    write_csv(folder, [*rows(), ('0.png', 'x', 'a'),
                       ('', 'x', '{{$HOME:x}}')])
    with pytest.raises(ValueError, match=r"must not hold '{{'.*HOME.*csv:63"):
        make(folder)


@pytest.mark.parametrize('options, what', [
    (dict(images='{{$HOME:x}}'), '--images must not hold'),
    (dict(texts='{{$HOME:x}}'), '--texts must not hold'),
    (dict(source='/{{ fileDirname }}'), '--source must not hold')])
def test_name_that_a_configuration_would_replace_is_refused(
        folder, configs, options, what):
    write_csv(folder, rows())
    with pytest.raises(ValueError, match=what):
        make(folder, configs / 'own.py', **options)


def test_forks_of_a_mac_and_rows_of_commas_are_passed_over(folder):
    write_csv(folder, [*rows(), ('', '', ''), ('', '', '')])
    (folder / '._captions.csv').write_bytes(b'\x00\x05\x16\x07Mac OS X')
    assert len(make(folder)) == 60


@pytest.fixture
def whole_configs(tmp_path_factory):
    """A configs folder over the project's own ``_base_``."""
    folder = tmp_path_factory.mktemp('configs')
    (folder / '_base_').symlink_to(
        Path(__file__).parents[2] / 'configs' / '_base_')
    return folder


def test_configuration_lets_rows_without_a_class_teach(folder,
                                                       whole_configs):
    write_csv(folder, few_labels())
    make(folder, whole_configs / 'own.py')
    config = Config.fromfile(str(whole_configs / 'own.py'))
    data = config.train_dataloader.dataset
    assert data.type == 'HybridTransferDataset'
    assert (data.target.only, data.unlabelled.only) == ('labelled',
                                                        'unlabelled')
    assert config.model.pair_teacher.type == 'PairTeacherLoss'
    assert config.model.similarity == 'dot'


def test_the_last_state_counts_where_most_rows_lack_a_class(
        folder, whole_configs):
    lines = [(*line[:2], line[2] if number < 28 else '')
             for number, line in enumerate(few_labels())]
    write_csv(folder, lines)
    make(folder, whole_configs / 'own.py', images='offline', texts='words')
    config = Config.fromfile(str(whole_configs / 'own.py'))
    assert config.train_cfg.val_interval == config.train_cfg.max_iters == 300
    assert config.train_dataloader.batch_size == 64
    assert config.model.text_pathway.input_dropout == .3
    assert config.model.pair_teacher.type == 'PairTeacherLoss'


def test_several_labels_a_row_have_no_teacher(folder, whole_configs):
    lines = few_labels()
    lines[0] = (*lines[0][:2], 'a;b')
    write_csv(folder, lines)
    make(folder, whole_configs / 'own.py')
    config = Config.fromfile(str(whole_configs / 'own.py'))
    assert config.train_dataloader.dataset.only == 'labelled'
    assert 'pair_teacher' not in config.model
