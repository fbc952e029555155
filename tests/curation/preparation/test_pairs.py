"""Sets that have a manifest already, and what holds for every preparation."""
from __future__ import annotations

import json
import tarfile

import pytest
from layouts import picture

from chtn_plugin.curation.preparation.verify import sum_problems
from chtn_plugin.datasets.manifest import read_manifest


@pytest.fixture
def source(tmp_path):
    """Twenty pairs, their pictures in images.tar.xz."""
    root = tmp_path / 'source'
    root.mkdir()
    rows = ['id\tsplit\tclass\timage\ttext\textra']
    with tarfile.open(root / 'images.tar.xz', 'w:xz') as file:
        for index in range(20):
            path = picture(tmp_path / 'made' / f'{index}.png', index)
            file.add(path, f'images/{index}.png')
            split = 'train' if index < 16 else 'test'
            rows.append(f'{index}\t{split}\t{"ab"[index % 2]}\t'
                        f'images/{index}.png\t文本 {index}\tx')
    (root / 'pairs.tsv').write_text('\n'.join(rows), encoding='utf-8')
    return root


def test_images_are_unpacked_and_validation_is_cut(source, tmp_path, run):
    run('pairs', source, tmp_path / 'out', '--val-fraction', '.25')
    records = read_manifest(tmp_path / 'out/pairs.tsv')
    assert [r.split for r in records].count('val') == 4
    assert records[3].texts == ('文本 3', )
    assert (tmp_path / 'out' / records[3].image).is_file()


def test_record_is_written_last(source, tmp_path, run, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt
    out = tmp_path / 'out'
    with monkeypatch.context() as patch:
        patch.setattr('chtn_plugin.curation.preparation.base.write_sums',
                      interrupted)
        with pytest.raises(KeyboardInterrupt):
            run('pairs', source, out)
    assert sum_problems(out) is None
    run('pairs', source, out)
    assert sum_problems(out) == []
    assert json.loads((out / 'prepared.json').read_text())['n_files'] == 21


def test_nothing_half_written_is_left(source, tmp_path, run):
    run('pairs', source, tmp_path / 'out')
    assert not [path for path in (tmp_path / 'out').rglob('*')
                if path.name.endswith('.part')
                or path.name.startswith('.pairs')]


def test_other_options_prepare_anew(source, tmp_path, run):
    run('pairs', source, tmp_path / 'out')
    said = run('pairs', source, tmp_path / 'out', '--val-fraction', '.5')
    assert 'other options' in said
    splits = [r.split for r in read_manifest(tmp_path / 'out/pairs.tsv')]
    assert splits.count('val') == 8


def test_later_run_needs_no_source(source, tmp_path, run):
    run('pairs', source, tmp_path / 'out')
    assert '21 files agree' in run('pairs', None, tmp_path / 'out')


def test_source_file_is_never_shared(source, tmp_path, run):
    # An edit in the prepared set must not reach the user's own folder.
    picture(source / 'images/0.png', 0)
    with tarfile.open(source / 'images.tar.xz') as file:
        file.extractall(source, filter='data')
    run('pairs', source, tmp_path / 'out')
    assert not (tmp_path / 'out/images/0.png').samefile(
        source / 'images/0.png')


def test_missing_images_are_named(source, tmp_path, run):
    (source / 'images.tar.xz').unlink()
    with pytest.raises(FileNotFoundError, match='20 of 20.*images/0.png'):
        run('pairs', source, tmp_path / 'out')


def test_sources_that_are_none(tmp_path, run):
    with pytest.raises(FileNotFoundError, match='needs a --source'):
        run('pairs', None, tmp_path / 'out')
    with pytest.raises(FileNotFoundError, match='source not found'):
        run('pairs', tmp_path / 'no', tmp_path / 'out')
    (tmp_path / 'x.rar').write_text('')
    with pytest.raises(ValueError, match='folder, a zip or a tar'):
        run('pairs', tmp_path / 'x.rar', tmp_path / 'out')


@pytest.mark.parametrize('name', ['original', 'original.partial'])
def test_folder_of_the_users_in_out_is_kept(source, tmp_path, run, name):
    mine = tmp_path / 'out' / name / 'mine.txt'
    mine.parent.mkdir(parents=True)
    mine.write_text('x')
    with pytest.raises(ValueError, match='was not unpacked by this tool'):
        run('pairs', source, tmp_path / 'out')
    assert mine.read_text() == 'x'


@pytest.mark.parametrize('name', ['pairs.tsv', 'images/3.png', 'SHA256SUMS',
                                  'prepared.json'])
def test_file_of_the_users_in_out_is_kept(source, tmp_path, run, name):
    mine = tmp_path / 'out' / name
    mine.parent.mkdir(parents=True)
    mine.write_text('["mine"]')
    with pytest.raises(ValueError, match=f'1 that it has not, as {name}'):
        run('pairs', source, tmp_path / 'out')
    assert mine.read_text() == '["mine"]'


def test_manifest_of_the_users_is_kept_where_source_and_out_are_one(
        source, run):
    before = (source / 'pairs.tsv').read_bytes()
    with pytest.raises(ValueError, match='as pairs.tsv'):
        run('pairs', source, source)
    assert (source / 'pairs.tsv').read_bytes() == before


def test_users_copy_of_the_same_picture_is_left_as_it_is(source, tmp_path,
                                                         run):
    run('pairs', source, tmp_path / 'first')
    picture = tmp_path / 'out/images/3.png'
    picture.parent.mkdir(parents=True)
    picture.write_bytes((tmp_path / 'first/images/3.png').read_bytes())
    run('pairs', source, tmp_path / 'out')
    assert sum_problems(tmp_path / 'out') == []


def test_killed_before_the_record_the_next_run_knows_its_files(
        source, tmp_path, run, monkeypatch):
    out = tmp_path / 'out'
    with monkeypatch.context() as patch:
        patch.setattr('chtn_plugin.curation.preparation.base.json.dump',
                      lambda *args, **kwargs: (_ for _ in ()).throw(
                          KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run('pairs', source, out)
    # A picture is changed, too: what is ours is mended.
    (out / 'images/3.png').unlink()
    (out / 'images/3.png').write_bytes(b'torn')
    run('pairs', source, out)
    assert sum_problems(out) == []
    assert [path.name for path in out.iterdir()
            if path.name.startswith('.')] == []
