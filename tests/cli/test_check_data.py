"""The command line of tools/check_data.py."""
from __future__ import annotations

import io
import json
import runpy
import sys
from contextlib import redirect_stdout
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_data import write_picture

from chtn_plugin.curation.checked_data import check

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'check_data.py'
WEBNEWS = ROOT / 'data' / 'webnews_zh' / 'pairs.tsv'
PHOTOS = ROOT / 'data' / 'webnews_photos'


def run(*args):
    """Run the tool in this process; its status and what it printed."""
    said = io.StringIO()
    if '--cache' not in args:
        args = (*args, '--no-cache')
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.setattr(sys, 'argv', [str(TOOL), *map(str, args)])
        status = runpy.run_path(str(TOOL), run_name='tool')['main']()
    return status, said.getvalue()


def write(path, rows):
    """A manifest of these (split, class, image, text)."""
    lines = ['id\tsplit\tclass\timage\ttext']
    lines += [f'{k}\t' + '\t'.join(row) for k, row in enumerate(rows)]
    path.write_text('\n'.join(lines), encoding='utf-8')
    return path


def sound():
    """Twelve texts a split, of two classes in turn."""
    return [(split, f'class{i % 2}', '', f'some words number {i} of {split}')
            for split in ('train', 'val', 'test') for i in range(12)]


def test_status_tells_errors_from_warnings(tmp_path):
    path = write(tmp_path / 'pairs.tsv',
                 [*sound(), ('train', 'class0', '', 'lonely')])
    status, said = run(path, '--json', tmp_path / 'found.json')
    assert status == 0
    assert '37 rows (train 13, val 12, test 12)' in said
    assert 'warning      1  texts of one word' in said
    assert json.loads((tmp_path / 'found.json').read_text())[0][
        'level'] == 'warning'
    assert run(path, '--strict')[0] == 1
    assert run(tmp_path / 'no.tsv')[0] == 2


def photo(path, seed):
    """A smooth picture, as photos are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC).save(
        path, quality=90)


@pytest.fixture(scope='module')
def spoilt(tmp_path_factory):
    """A manifest with one of each trouble that the tool promises to find."""
    root = tmp_path_factory.mktemp('spoilt')
    rows = []
    for split in ('train', 'val', 'test'):
        for i in range(120 if split == 'train' else 6):
            # Class numbers from 0, in the test split from 1.
            label = (0 if i >= 12 else i % 3) + (split == 'test')
            photo(root / f'{split}{i}.jpg', len(rows))
            rows.append((split, str(label), f'{split}{i}.jpg',
                         f'entirely other words of {split}w{i}'))
    rows[0] = (*rows[0][:3], '… !')
    rows[1] = (*rows[1][:3], 'lonely')
    for k in range(20, 40):
        rows[k] = (*rows[k][:3], f'class 0 stands here and w{k}')
    # A copy and a look-alike across splits, a broken and an even picture.
    (root / 'test0.jpg').write_bytes((root / 'train2.jpg')
                                         .read_bytes())
    with Image.open(root / 'train3.jpg') as image:
        image.resize((80, 60)).save(root / 'test1.jpg')
    (root / 'train4.jpg').write_bytes(b'no picture')
    write_picture(root / 'train5.jpg', 7)
    rows[-1] = (*rows[-1][:3], rows[6][3])
    return write(root / 'pairs.tsv', rows)


@pytest.fixture(scope='module')
def report(spoilt):
    """Status and table of the spoilt data."""
    return run(spoilt)


@pytest.mark.parametrize('line', [
    'error        1  texts that stand in two splits',
    'error        1  texts without a word',
    'error        1  images whose copy stands in another split',
    'error        1  images that cannot be read',
    'error        1  class numbers of splits are off by one',
    'error        1  classes of test without a training item',
    'warning      1  images that look like one of another split',
    'warning      1  images of one colour',
    'warning      1  texts of one word',
    'warning      1  classes of train missing in test',
    'warning      1  wildly unbalanced training classes',
])
def test_each_trouble_is_counted(report, line):
    status, said = report
    assert status == 1
    assert line in said


def test_class_names_in_texts_are_counted(report):
    said = report[1].splitlines()
    line = next(line for line in said if 'hold their class name' in line)
    assert line.split()[:2] == ['warning', '20']


def test_examples_follow_each_count_as_many_as_wanted(spoilt):
    def shown(count):
        said = run(spoilt, '--no-images', '--examples',
                   count)[1].splitlines()
        start = next(k for k, line in enumerate(said)
                     if 'hold their class name' in line)
        return len(list(takewhile(lambda line: line.startswith(' ' * 16),
                                  said[start + 1:])))
    assert shown(2) == 2 and shown(4) == 4


def test_fix_writes_a_new_manifest_and_never_the_old(spoilt):
    before = spoilt.read_bytes()
    status, said = run(spoilt, '--fix')
    assert status == 1 and 'pairs_fixed.tsv' in said
    assert spoilt.read_bytes() == before
    fixed = spoilt.with_name('pairs_fixed.tsv')
    written = fixed.read_bytes()
    said = run(fixed)[1]
    for gone in ('two splits', 'without a word', 'copy stands', 'be read'):
        assert gone not in said
    # A second time nothing is written over.
    assert run(spoilt, '--fix')[0] == 2
    assert fixed.read_bytes() == written


@pytest.mark.slow
@pytest.mark.skipif(not (WEBNEWS.is_file() and PHOTOS.is_dir()),
                    reason='web news is not shipped')
def test_shipped_split_of_web_news_leaks_as_is_known():
    findings = check(WEBNEWS, PHOTOS, say=lambda table: None)
    counts = {finding.what: finding.count for finding in findings
              if finding.level == 'error'}
    assert counts['images whose copy stands in another split'] == 4
    assert counts['texts that stand in two splits'] == 1


def test_findings_never_replace_a_file_of_the_users(tmp_path, capsys):
    path = write(tmp_path / 'pairs.tsv', sound())
    before = path.read_bytes()
    assert run(path, '--json', path)[0] == 2
    assert 'pairs.tsv is another' in capsys.readouterr().err
    assert path.read_bytes() == before
    for _ in range(2):
        run(path, '--json', tmp_path / 'findings.json')
    assert isinstance(json.loads(
        (tmp_path / 'findings.json').read_text()), list)


def test_second_look_takes_what_is_kept(spoilt, tmp_path, monkeypatch):
    from chtn_plugin.curation import image_facts
    looks = []
    look = image_facts._facts
    monkeypatch.setattr(image_facts, '_facts',
                        lambda path: looks.append(path) or look(path))
    first = run(spoilt, '--cache', tmp_path / 'kept', '--workers', 2)
    number = len(looks)
    assert run(spoilt, '--cache', tmp_path / 'kept') == first
    # The one that cannot be read is tried again.
    assert number > 10 and len(looks) - number == 1


@pytest.mark.parametrize('options, reason', [
    (['--cache', 'x', '--no-cache'], 'exclude each other'),
    (['--workers', '0'], 'at least 1, got 0')])
def test_options_that_make_no_sense_are_refused(tmp_path, capsys, options,
                                                reason):
    with pytest.raises(SystemExit):
        run(tmp_path / 'x.tsv', *options)
    assert reason in capsys.readouterr().err


def test_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch,
                                               capsys):
    path = write(tmp_path / 'pairs.tsv', sound())
    (tmp_path / 'data').write_text('a file of the user')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', [str(TOOL), str(path)])
    assert runpy.run_path(str(TOOL), run_name='tool')['main']() == 0
    assert 'nothing is kept for the next look' in capsys.readouterr().err


def test_a_misspelt_configuration_is_told_its_near_name(tmp_path, capsys):
    (tmp_path / 'my_pairs.py').write_text('')
    status, _ = run(tmp_path / 'my_piars.py')
    assert status == 2
    error, = capsys.readouterr().err.strip().splitlines()
    assert 'configuration not found: ' in error
    assert error.endswith(f'did you mean {tmp_path / "my_pairs.py"}?')
