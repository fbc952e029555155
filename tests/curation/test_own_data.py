"""A user's own folder, in every shape that the tool promises to read."""
from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from chtn_plugin.curation.own_data import Options, make_manifest
from chtn_plugin.curation.own_tables import read_table
from chtn_plugin.curation.preparation.base import image_problem
from chtn_plugin.datasets import LoadRGBImage
from chtn_plugin.datasets.manifest import read_manifest

SCRIPTS = ('一只猫在沙发上', 'قطة على الأريكة', 'Кошка на диване', '🐈 on a 🛋️')


def picture(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(
        0, 256, (9, 12, 3), np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """Sixty pictures of three classes, no table yet."""
    for index in range(60):
        picture(tmp_path / f'images/{index}.png', index)
    return tmp_path


def rows(texts=1):
    return [(f'{index}.png', f'text {index} number {number}', 'abc'[index % 3])
            for index in range(60) for number in range(texts)]


def write_csv(folder, lines, header=('image', 'text', 'label'),
              name='captions.csv', **options):
    with open(folder / name, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, **options)
        writer.writerow(header)
        writer.writerows(lines)


def make(folder, config=None, said=None, **options):
    options = dict(dict(images='scratch', texts='words'), **options)
    return make_manifest(folder, Options(**options), config,
                         (said if said is not None else []).append)


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


def test_several_texts_of_a_picture_are_joined_to_one_row(folder):
    write_csv(folder, rows(texts=5))
    records = make(folder)
    assert len(records) == 60 and {len(r.texts) for r in records} == {5}


def test_json_lines(folder):
    (folder / 'data.jsonl').write_text('\n'.join(json.dumps(dict(
        image=name, captions=[text, 'second'], label=[label, 'all']))
        for name, text, label in rows()))
    records = make(folder)
    assert records[0].texts == ('text 0 number 0', 'second')
    assert records[0].classes == ('a', 'all')


def class_folders(root, extra=''):
    for label in 'ab':
        for index in range(10):
            picture(root / f'{extra}{label}/{index}.jpg',
                    ord(label) * 100 + index)
            (root / f'{extra}{label}/{index}.txt').write_text(
                f'{label} {index}\nline two {index}')
    return root


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


def test_half_pairs_are_kept(tmp_path):
    said: list[str] = []
    class_folders(tmp_path)
    (tmp_path / 'a/0.txt').unlink()
    (tmp_path / 'b/0.jpg').unlink()
    records = make(tmp_path, said=said)
    assert sum(r.image is None for r in records) == 1
    assert sum(not r.texts for r in records) == 1
    assert '1 rows without a picture' in '\n'.join(said)


@pytest.mark.parametrize('label', [float('nan'), None, ''])
def test_a_row_without_a_class_among_others_is_named(folder, label):
    said: list[str] = []
    (folder / 'data.jsonl').write_text('\n'.join(json.dumps(dict(
        image=name, text=text, label=label if k == 3 else given))
        for k, (name, text, given) in enumerate(rows())))
    records = make(folder, said=said)
    assert {c for r in records for c in r.classes} == {'a', 'b', 'c'}
    assert f'the first row without a class: {folder / "data.jsonl"}:4' in said


def test_several_labels(folder):
    write_csv(folder, [(name, text, f'{label};all')
                       for name, text, label in rows()])
    assert make(folder)[0].classes == ('a', 'all')
    assert make(folder, label_separator='')[0].classes == ('a;all', )


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


def test_copies_go_to_one_side(folder):
    # Twenty pictures in three files each; their texts differ.
    for index in range(60):
        picture(folder / f'images/{index}.png', index // 3)
    write_csv(folder, [(f'{i}.png', f'text {i}', 'ab'[i // 3 % 2])
                       for i in range(60)])
    records = make(folder)
    for first in range(0, 60, 3):
        assert len({r.split for r in records[first:first + 3]}) == 1
    assert {r.split for r in records} == {'train', 'val', 'test'}


def test_one_text_in_common_goes_to_one_side(folder):
    # Each sentence is said of two pictures, beside one of their own.
    write_csv(folder, [(f'{i}.png', text, 'abc'[i % 3]) for i in range(60)
                       for text in (f'a sentence of its own {i}',
                                    f'a sentence of two pictures {i // 6} '
                                    f'{i % 3}')])
    sides: dict[str, set[str]] = {}
    for record in make(folder):
        sides.setdefault(record.texts[1], set()).add(record.split)
    assert len(sides) == 30 and all(len(side) == 1 for side in sides.values())


def test_short_captions_may_stand_on_both_sides(folder):
    write_csv(folder, [(name, f'a {label} photo', label)
                       for name, _, label in rows()])
    assert Counter(r.split for r in make(folder)) == {
        'train': 48, 'val': 6, 'test': 6}


@pytest.mark.parametrize('lines, options, cause', [
    ([(name, f'a photo of a {label}', label) for name, _, label in rows()],
     {}, "20 have the text 'a photo of a a'"),
    (rows(), dict(fractions=(.8, 0, .2)), 'its share is 0'),
    (rows()[:20], dict(fractions=(.98, .01, .01)),
     '20 pairs are too few for a share of 0.01')])
def test_split_that_is_left_empty_is_told(folder, configs, lines, options,
                                          cause):
    write_csv(folder, lines)
    said: list[str] = []
    make(folder, None, said, **options)
    assert any(line.startswith("the split 'val' is empty") and cause in line
               for line in said)
    (folder / 'manifest.tsv').unlink()
    with pytest.raises(ValueError, match=cause):
        make(folder, configs / 'own.py', **options)
    assert not (folder / 'manifest.tsv').exists()
    assert not (configs / 'own.py').exists()


def test_empty_split_of_copies_is_told(folder):
    for index in range(60):
        picture(folder / f'images/{index}.png', index % 3)
    write_csv(folder, rows())
    said: list[str] = []
    make(folder, None, said)
    assert '20 have the same picture' in '\n'.join(said)


def test_missing_test_split_is_told(folder, configs):
    write_csv(folder, [(*row, 'val' if i >= 45 else 'train')
                       for i, row in enumerate(rows())],
              ('image', 'text', 'label', 'split'))
    said: list[str] = []
    make(folder, configs / 'own.py', said)
    assert ("the split 'test' is empty: the table gives its splits itself, "
            'and this is none of them') in said
    # Nothing to test: no command for it.
    assert 'tools/train.py' in said[-1]
    assert 'tools/test.py' not in said[-1]


def test_seed_and_shares_decide_the_split(folder):
    write_csv(folder, rows())

    def splits(**options):
        return [r.split for r in make(folder, **options)]
    assert splits() == splits() != splits(seed=1)
    assert Counter(splits(fractions=(.5, .2, .3))) == {
        'train': 30, 'val': 12, 'test': 18}
    with pytest.raises(ValueError, match='sum to 1'):
        splits(fractions=(.5, .2, .2))


def test_given_splits_stay_and_validation_is_cut(folder):
    write_csv(folder, [(*row, 'Test' if i >= 45 else 'training')
                       for i, row in enumerate(rows())],
              ('image', 'text', 'label', 'split'))
    assert Counter(r.split for r in make(folder)) == {
        'train': 40, 'val': 5, 'test': 15}


@pytest.mark.parametrize('lines, reason', [
    ([('0.png', 'x', '')], 'needs a label: .*:2'),
    ([('', '', 'a')], 'an image, a text or both'),
    ([('nothing.png', 'x', 'a')], r'nothing\.png \(.*:2: no such file\)'),
    ([('../../etc/passwd', 'x', 'a')], 'no such file'),
    ([('0.png', 'x', 'a'), ('0.png', 'y', 'b')], 'must agree.*:2.*:3'),
])
def test_broken_rows_are_named(folder, lines, reason):
    write_csv(folder, lines)
    with pytest.raises(ValueError, match=reason):
        make(folder)


def test_picture_outside_the_folder_is_refused(tmp_path):
    picture(tmp_path / 'secret.png')
    (tmp_path / 'mine').mkdir()
    write_csv(tmp_path / 'mine', [('../secret.png', 'x', 'a')])
    with pytest.raises(ValueError, match='must lie inside'):
        make(tmp_path / 'mine')


def test_linked_picture_is_taken(folder, tmp_path_factory):
    # Whoever laid the link meant its target; a path may be a stranger's.
    other = tmp_path_factory.mktemp('other')
    picture(other / 'x.png', 99)
    (folder / 'images' / '0.png').unlink()
    (folder / 'images' / '0.png').symlink_to(other / 'x.png')
    write_csv(folder, rows())
    assert make(folder)[0].image == 'images/0.png'


@pytest.mark.parametrize('target', ['0.png', 'nowhere.png'],
                         ids=['itself', 'nothing'])
def test_link_to_no_picture_is_named(folder, target):
    (folder / 'images' / '0.png').unlink()
    (folder / 'images' / '0.png').symlink_to(target)
    write_csv(folder, rows())
    with pytest.raises(ValueError, match=r'0\.png \(.*:2: no such file'):
        make(folder)


def test_picture_that_would_fill_the_memory_is_named(folder, monkeypatch):
    # Pillow refuses above twice its limit; these have 108 pixels.
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 50)
    write_csv(folder, rows())
    with pytest.raises(ValueError, match=r'images/0\.png .*too large'):
        make(folder)


def test_broken_pictures_can_be_left_out(folder):
    write_csv(folder, rows())
    path = folder / 'images/5.png'
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'images/5\.png'):
        make(folder)
    assert len(make(folder, skip_broken=True)) == 59


@pytest.mark.parametrize('kind, mode', [
    ('ICO', 'RGB'), ('TGA', 'RGB'), ('TIFF', 'F'), ('PNG', 'P'),
    ('GIF', 'RGB'), ('BMP', 'RGB'), ('JPEG', 'CMYK'), ('TIFF', 'RGB'),
    ('PNG', 'RGBA')])
def test_what_training_decodes_is_taken_and_nothing_else(folder, kind, mode):
    path = folder / 'images/5.png'
    Image.open(path).convert(mode).save(path, format=kind)
    try:
        LoadRGBImage()(dict(img_path=str(path)))
    except ValueError:
        assert f'kind of {kind}' in str(image_problem(path))
        write_csv(folder, rows())
        with pytest.raises(ValueError, match=r'images/5\.png .*PNG or JPEG'):
            make(folder)
    else:
        assert image_problem(path) is None


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


@pytest.fixture
def configs(tmp_path_factory):
    """A configs folder with an empty ``_base_``."""
    folder = tmp_path_factory.mktemp('configs')
    (folder / '_base_').mkdir()
    (folder / '_base_' / 'default_runtime.py').write_text('')
    return folder


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


def test_config_is_never_written_over_a_users_own(folder, configs, tmp_path):
    write_csv(folder, rows())
    config = configs / 'own.py'
    make(folder, config)
    make(folder, config)
    config.write_text('# mine\n')
    with pytest.raises(ValueError, match='choose another'):
        make(folder, config)
    with pytest.raises(FileNotFoundError, match='_base_'):
        make(folder, tmp_path / 'elsewhere/own.py')


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


def test_class_in_two_unicode_forms_is_one_and_told(folder):
    names = 'Caf\u00e9', 'Cafe\u0301', 'tea'
    write_csv(folder, [(name, text, names[i % 3])
                       for i, (name, text, _) in enumerate(rows())])
    said: list[str] = []
    assert {name for record in make(folder, said=said)
            for name in record.classes} == {'Caf\u00e9', 'tea'}
    assert ('classes spelt in two Unicode forms are taken as one: Caf\u00e9'
            in said)


@pytest.mark.parametrize('on_disk, named', [
    ('caf\u00e9', 'cafe\u0301'), ('cafe\u0301', 'caf\u00e9')])
def test_picture_is_found_in_another_unicode_form(folder, on_disk, named):
    picture(folder / f'images/{on_disk}.png', 99)
    write_csv(folder, [*rows(), (f'{named}.png', 'a cup', 'a')])
    assert make(folder)[-1].image == f'images/{on_disk}.png'


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


def test_given_splits_must_train_every_class(folder):
    write_csv(folder, [*((*row, 'train') for row in rows()[:50]),
                       ('59.png', 'x', 'd', 'test')],
              ('image', 'text', 'label', 'split'))
    with pytest.raises(ValueError, match="training rows: 'd' of split 'test' "
                       r'at .*captions\.csv:52'):
        make(folder)
    assert not (folder / 'manifest.tsv').exists()


def test_drawn_split_trains_every_class(folder):
    # Ten classes of one pair each, where a share is 8 : 1 : 1.
    write_csv(folder, [(name, text, f'class {i}' if i < 10 else label)
                       for i, (name, text, label) in enumerate(rows())])
    records = make(folder)
    assert {r.split for r in records if 'class' in r.classes[0]} == {'train'}
    assert {r.split for r in records} == {'train', 'val', 'test'}


def test_forks_of_a_mac_and_rows_of_commas_are_passed_over(folder):
    write_csv(folder, [*rows(), ('', '', ''), ('', '', '')])
    (folder / '._captions.csv').write_bytes(b'\x00\x05\x16\x07Mac OS X')
    assert len(make(folder)) == 60


def test_cut_of_given_splits_trains_every_class(folder):
    # Ten classes of one training row each.
    write_csv(folder, [(*row[:2], f'class {i}' if i < 10 else row[2],
                        'test' if i >= 50 else 'train')
                       for i, row in enumerate(rows())],
              ('image', 'text', 'label', 'split'))
    for seed in range(3):
        records = make(folder, seed=seed, fractions=(.5, .4, .1))
        assert {r.split for r in records if 'class' in r.classes[0]} == {
            'train'}
        assert {r.split for r in records[50:]} == {'test'}
        assert 'val' in {r.split for r in records}


# Rows without a class.


def few_labels():
    """Every fourth row keeps its class."""
    return [(image, text, label if number % 4 == 0 else '')
            for number, (image, text, label) in enumerate(rows())]


def test_rows_without_a_class_are_trained_on_and_counted(folder):
    write_csv(folder, few_labels())
    said = []
    records = make(folder, said=said)
    assert Counter(r.split for r in records if not r.classes) == {'train': 45}
    assert {r.split for r in records if r.classes} == {'train', 'val',
                                                       'test'}
    assert '45 rows without a class: trained on as pairs' in said


def test_a_copy_of_a_test_pair_without_class_is_not_trained_on(folder):
    lines = few_labels()
    tested = next(r for r in (write_csv(folder, lines), make(folder))[1]
                  if r.split == 'test')
    source = folder / tested.image
    (folder / 'images/copy.png').write_bytes(source.read_bytes())
    write_csv(folder, [*lines, ('copy.png', 'another text', '')])
    copy = next(r for r in make(folder) if r.image == 'images/copy.png')
    twin = next(r for r in make(folder) if r.image == tested.image)
    assert copy.split == twin.split


def test_rows_of_one_picture_need_its_class_once(folder):
    write_csv(folder, [*rows(), ('0.png', 'another text', '')])
    first = make(folder)[0]
    assert first.classes == ('a', ) and len(first.texts) == 2


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


def test_several_labels_a_row_have_no_teacher(folder, whole_configs):
    lines = few_labels()
    lines[0] = (*lines[0][:2], 'a;b')
    write_csv(folder, lines)
    make(folder, whole_configs / 'own.py')
    config = Config.fromfile(str(whole_configs / 'own.py'))
    assert config.train_dataloader.dataset.only == 'labelled'
    assert 'pair_teacher' not in config.model
