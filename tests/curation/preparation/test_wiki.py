"""The Wikipedia set, from trees in the layout of the original archive."""
from __future__ import annotations

import zipfile
from collections import Counter

import pytest
from layouts import wikipedia

from chtn_plugin.curation.preparation.wiki import (
    CLASSES,
    EXPECTED,
    read_wikipedia,
    test_validation_split,
)
from chtn_plugin.datasets.manifest import read_manifest


def test_records_keep_the_order_of_the_lists(tmp_path):
    records = read_wikipedia(wikipedia(tmp_path), val_fraction=0)
    assert [int(record.id[:32], 16) for record in records] == list(
        range(1, 27))
    assert Counter(record.split for record in records) == {
        'train': 20, 'test': 6}


def test_text_comes_out_of_the_text_element(tmp_path):
    first = read_wikipedia(wikipedia(tmp_path))[0]
    assert first.texts == ('Article 1 & more', )
    assert first.image == f'images/art/{1:032x}.jpg'
    assert first.classes == ('art', )


def test_validation_is_cut_from_training_by_class(tmp_path):
    # 10 classes of 4 training pairs: a quarter is one pair of each.
    records = read_wikipedia(wikipedia(tmp_path, 40, 10), val_fraction=.25)
    val = [record.classes[0] for record in records if record.split == 'val']
    assert sorted(val) == sorted(CLASSES)
    assert sum(record.split == 'test' for record in records) == 10


def test_seed_decides_the_validation_pairs(tmp_path):
    root = wikipedia(tmp_path, 40, 10)

    def val(seed):
        return [record.id for record in read_wikipedia(root, .25, seed)
                if record.split == 'val']
    assert val(0) == val(0) != val(1)


def test_stray_letter_before_the_first_id_is_dropped(tmp_path):
    path = wikipedia(tmp_path) / 'trainset_txt_img_cat.list'
    path.write_text('A' + path.read_text())
    assert read_wikipedia(tmp_path)[0].id == f'{1:032x}-0.1'


def test_second_split_validates_on_the_first_test_pairs(tmp_path):
    records = test_validation_split(read_wikipedia(wikipedia(tmp_path)), 2)
    assert [record.split for record in records] == (
        ['train'] * 20 + ['val'] * 2 + ['test'] * 4)


def test_expected_counts_sum_to_the_published_ones():
    assert EXPECTED.splits == {'train+val': 2173, 'test': 693}
    assert sum(EXPECTED.classes['train+val'].values()) == 2173
    assert sum(EXPECTED.classes['test'].values()) == 693


def test_missing_files_are_counted_named_and_located(tmp_path):
    wikipedia(tmp_path)
    (tmp_path / f'images/art/{1:032x}.jpg').unlink()
    (tmp_path / f'texts/{2:032x}-1.1.xml').unlink()
    with pytest.raises(FileNotFoundError) as error:
        read_wikipedia(tmp_path)
    message = str(error.value)
    assert message.startswith('2 files of the 26')
    assert f'images/art/{1:032x}.jpg' in message
    assert str(tmp_path) in message and '--allow-missing' in message
    assert len(read_wikipedia(tmp_path, allow_missing=True)) == 24


def test_missing_list_says_where_it_stands(tmp_path):
    with pytest.raises(FileNotFoundError, match='trainset_txt_img_cat'):
        read_wikipedia(tmp_path)


@pytest.mark.parametrize('row, reason', [
    ('x y', 'text id, image id and class number'),
    ('x y z', 'text id, image id and class number'),
    ('x y 11', '1 to 10'),
    ('x y 0', '1 to 10'),
    ('x ../../etc/passwd 1', 'plain file name'),
    ('.. y 1', 'plain file name'),
])
def test_broken_row_is_named(tmp_path, row, reason):
    path = wikipedia(tmp_path) / 'testset_txt_img_cat.list'
    path.write_text(path.read_text() + row + '\n')
    with pytest.raises(ValueError, match=reason) as error:
        read_wikipedia(tmp_path)
    assert f'{path}:7' in str(error.value)


def test_entities_are_refused(tmp_path):
    article = wikipedia(tmp_path) / f'texts/{1:032x}-0.1.xml'
    article.write_text('<!DOCTYPE d [<!ENTITY a "aaaa">'
                       '<!ENTITY b "&a;&a;&a;&a;">]>'
                       '<document><text>&b;</text></document>')
    with pytest.raises(ValueError, match='document type'):
        read_wikipedia(tmp_path)


@pytest.mark.parametrize('content, text', [
    (b'<document><text>R&D <b>now</b></text></document>', 'R&D now'),
    (b'<document><text>caf\xe9</text></document>', 'caf\u00e9'),
    (b'\xef\xbb\xbf<document><text>a\r\nb\tc</text></document>', 'a b c'),
    (b'<document><text>a ||| b</text></document>', 'a | b'),
    (b'<document><text>a\x00b</text></document>', 'ab'),
    ('<document><text>中文 🙂</text></document>'.encode(), '中文 🙂'),
])
def test_odd_articles_are_read(tmp_path, content, text):
    (wikipedia(tmp_path) / f'texts/{1:032x}-0.1.xml').write_bytes(content)
    assert read_wikipedia(tmp_path)[0].texts == (text, )


def test_article_without_text_is_named(tmp_path):
    article = wikipedia(tmp_path) / f'texts/{1:032x}-0.1.xml'
    article.write_text('<document/>')
    with pytest.raises(ValueError, match='must have a text'):
        read_wikipedia(tmp_path)


def test_other_counts_are_refused_unless_allowed(tmp_path, run):
    source = wikipedia(tmp_path / 'source')
    with pytest.raises(ValueError, match='2173 pairs, found 20'):
        run('wiki', source, tmp_path / 'out')
    assert not (tmp_path / 'out' / 'prepared.json').exists()
    run('wiki', source, tmp_path / 'out', '--allow-other-counts')


def test_archive_becomes_manifests_and_images(tmp_path, run):
    source = wikipedia(tmp_path / 'source' / 'wikipedia_dataset')
    archive, out = tmp_path / 'wikipedia_dataset.zip', tmp_path / 'out'
    with zipfile.ZipFile(archive, 'w') as file:
        for path in sorted(source.rglob('*')):
            file.write(path, path.relative_to(source.parent))
    said = run('wiki', archive, out, '--allow-other-counts')
    assert 'art' in said
    records = read_manifest(out / 'pairs.tsv')
    assert records == [
        type(record)(record.id, record.split, record.classes, record.image,
                     record.texts, f'{out / "pairs.tsv"}:{line}')
        for line, record in enumerate(read_wikipedia(source), 2)]
    assert all((out / record.image).is_file() for record in records)
    assert len(read_manifest(out / 'pairs_462.tsv')) == 26
    # The prepared folder is in the original layout itself.
    assert [r.texts for r in read_wikipedia(out)] == [
        r.texts for r in records]


def test_second_run_names_a_changed_file_and_mends_it(tmp_path, run):
    source, out = wikipedia(tmp_path / 'source'), tmp_path / 'out'
    args = ('wiki', source, out, '--allow-other-counts')
    run(*args)
    assert '56 files agree' in run(*args)
    image = out / f'images/art/{1:032x}.jpg'
    image.write_bytes(b'broken')
    (out / f'images/biology/{2:032x}.jpg').unlink()
    said = run(*args)
    assert f'images/art/{1:032x}.jpg has changed' in said
    assert f'images/biology/{2:032x}.jpg is missing' in said
    assert '56 files agree' in run(*args)


def test_broken_picture_is_named(tmp_path, run):
    source = wikipedia(tmp_path / 'source')
    image = source / f'images/art/{1:032x}.jpg'
    image.write_bytes(image.read_bytes()[:-200])
    with pytest.raises(ValueError, match=f'{1:032x}.jpg .*truncated'):
        run('wiki', source, tmp_path / 'out', '--allow-other-counts')
    run('wiki', source, tmp_path / 'out', '--allow-missing')
    assert len(read_manifest(tmp_path / 'out' / 'pairs.tsv')) == 25
