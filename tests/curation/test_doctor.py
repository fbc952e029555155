"""The doctor finds each trouble, names it, and mends what can be mended."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from chtn_plugin.curation import doctor
from chtn_plugin.curation.checked_data import check
from chtn_plugin.curation.doctor import (
    check_classes,
    check_texts,
    examine,
    rows_to_drop,
    table,
)
from chtn_plugin.curation.image_facts import image_facts
from chtn_plugin.curation.near_duplicates import near_duplicates
from chtn_plugin.datasets.manifest import (
    PairRecord,
    other_columns,
    read_manifest,
    write_manifest,
)

SENTENCES = ('the quick brown fox jumps over a lazy dog',
             'five boxing wizards jump quickly over the moon')


def pair(number, split='train', label='cat', text=None, image=None):
    return PairRecord(str(number), split, (label, ), image,
                      (text or f'entirely different words number {number}', ),
                      '')


def levels(findings):
    return {finding.what: finding.level for finding in findings}


def found(findings, part):
    return next(finding for finding in findings if part in finding.what)


def sound():
    """Three splits of two classes with ten items each."""
    return [pair(f'{split}{index}', split, 'ab'[index % 2])
            for split in ('train', 'val', 'test') for index in range(20)]


def photo(path, seed, size=(160, 120)):
    """A smooth picture, as photos are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(
        path, quality=90)
    return path


def with_images(records, root):
    result = []
    for number, record in enumerate(records):
        name = f'images/{record.id}.jpg'
        photo(root / name, number)
        result.append(PairRecord(record.id, record.split, record.classes,
                                 name, record.texts, record.where))
    return result


def test_sound_data_are_found_sound(tmp_path):
    findings = examine(with_images(sound(), tmp_path), tmp_path)
    assert findings == [] and table(findings) == 'nothing found'


def test_workers_look_at_images_and_search_among_them(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(doctor, 'image_facts', lambda paths, workers, cache:
                        given.append(workers) or image_facts(paths, workers))
    monkeypatch.setattr(doctor, 'near_duplicates', lambda facts, workers:
                        given.append(workers) or [])
    examine(with_images(sound(), tmp_path), tmp_path, workers=3)
    assert given == [3, 3]


def test_copy_across_splits_is_an_error(tmp_path):
    records = with_images(sound(), tmp_path)
    one, other = records[0], records[-2]
    (tmp_path / other.image).write_bytes((tmp_path / one.image).read_bytes())
    finding = found(examine(records, tmp_path), 'copy stands in another')
    assert finding.level == 'error' and finding.count == 1
    assert finding.examples == ('train train0 = test test18', )
    # The test item stays: results on it must stay comparable.
    assert finding.drop == (0, )


def test_copy_within_a_split_is_a_note(tmp_path):
    records = with_images(sound(), tmp_path)
    (tmp_path / records[2].image).write_bytes(
        (tmp_path / records[0].image).read_bytes())
    assert levels(examine(records, tmp_path)) == {
        'equal images within a split': 'note'}


def test_equal_images_with_two_classes_are_an_error(tmp_path):
    records = with_images(sound(), tmp_path)
    (tmp_path / records[1].image).write_bytes(
        (tmp_path / records[0].image).read_bytes())
    assert levels(examine(records, tmp_path))[
        'equal images with different classes'] == 'error'


@pytest.mark.parametrize('change', ['smaller', 'recompressed', 'lighter'])
def test_near_duplicate_is_found(tmp_path, change):
    records = with_images(sound(), tmp_path)
    with Image.open(tmp_path / records[0].image) as image:
        image.load()
    target = tmp_path / records[-1].image
    if change == 'smaller':
        image.resize((80, 60)).save(target)
    elif change == 'recompressed':
        image.save(target, quality=50)
    else:
        image.point(lambda value: min(value + 20, 255)).save(target)
    finding = found(examine(records, tmp_path), 'look like one of another')
    assert finding.level == 'warning' and finding.drop == (0, )


def test_pictures_that_share_a_layout_are_no_duplicates(tmp_path):
    # Same shape on white in two colours: equal difference hashes.
    for name, colour in (('a', (200, 30, 30)), ('b', (30, 30, 200))):
        image = Image.new('RGB', (64, 64), 'white')
        image.paste(colour, (16, 16, 48, 48))
        image.save(tmp_path / f'{name}.png')
    facts = image_facts(tmp_path.glob('*.png'))
    assert len(facts) == 2 and near_duplicates(facts) == []


@pytest.mark.parametrize('content, reason', [
    (None, 'No such file'), (b'', 'cannot identify'),
    (b'\xff\xd8\xff\xe0 no picture', ''), ('cut', 'truncated')])
def test_broken_image_is_named(tmp_path, content, reason):
    records = with_images(sound(), tmp_path)
    path = tmp_path / records[5].image
    if content is None:
        path.unlink()
    elif content == 'cut':
        path.write_bytes(path.read_bytes()[:-300])
    else:
        path.write_bytes(content)
    finding = found(examine(records, tmp_path), 'cannot be read')
    assert finding.level == 'error' and finding.drop == (5, )
    assert records[5].image in finding.examples[0]
    assert reason in finding.examples[0]


def test_format_that_training_does_not_read_is_named(tmp_path):
    records = with_images(sound(), tmp_path)
    Image.new('RGB', (16, 16)).save(tmp_path / records[3].image, format='TGA')
    finding = found(examine(records, tmp_path), 'cannot be read')
    assert finding.drop == (3, ) and 'kind of TGA' in finding.examples[0]


def test_one_colour_image_is_a_warning(tmp_path):
    records = with_images(sound(), tmp_path)
    Image.new('RGB', (160, 120), (7, 7, 7)).save(tmp_path / records[0].image)
    assert levels(examine(records, tmp_path)) == {
        'images of one colour': 'warning'}


def test_transparency_counts_as_white(tmp_path):
    Image.new('RGBA', (8, 8), (0, 0, 0, 0)).save(tmp_path / 'a.png')
    fact, = image_facts([tmp_path / 'a.png']).values()
    assert fact.one_colour and fact.thumbnail.min() == 255


@pytest.mark.parametrize('other', [
    SENTENCES[0], SENTENCES[0].upper() + '!', f'  {SENTENCES[0]}\u00a0'])
def test_text_in_two_splits_is_an_error(other):
    records = [*sound(), pair('x', 'train', 'a', SENTENCES[0]),
               pair('y', 'test', 'a', other)]
    finding = found(check_texts(records), 'texts that stand in two')
    assert finding.level == 'error' and finding.drop == (60, )


def test_one_of_several_texts_in_two_splits_is_an_error():
    def with_texts(number, split, *texts):
        return PairRecord(number, split, ('a', ), None, texts, '')
    findings = check_texts([
        *sound(), with_texts('x', 'train', SENTENCES[0], 'one two', 'three'),
        with_texts('y', 'test', SENTENCES[1], SENTENCES[0].title()),
        with_texts('z', 'val', 'one two')])
    long = found(findings, 'texts that stand in two')
    assert (long.level, long.count, long.drop) == ('error', 1, (60, ))
    assert long.examples == ('train x = test y', )
    short = found(findings, 'texts under 5')
    assert (short.level, short.examples) == ('note', ('train x = val z', ))


def test_short_text_in_two_splits_is_a_note():
    records = [*sound(), pair('x', 'train', 'a', 'red shirt'),
               pair('y', 'test', 'a', 'red shirt')]
    assert set(levels(check_texts(records)).values()) == {'note'}


def test_chinese_texts_are_counted_by_character():
    records = [*sound(), pair('x', 'train', 'a', '北京举行国际会议'),
               pair('y', 'test', 'a', '北京举行国际会议')]
    assert found(check_texts(records), 'stand in two').level == 'error'


def test_texts_without_a_word_and_of_one():
    records = [*sound(), pair('x', text='!!! …'), pair('y', text='word')]
    assert levels(check_texts(records)) == {
        'texts without a word': 'error', 'texts of one word': 'warning'}


@pytest.mark.parametrize('label, text, holds', [
    ('cat', 'A Cat sleeps on the sofa', True),
    ('cat', 'Two cats sleep on the sofa', True),
    ('cat', 'A catalogue of every sofa', False),
    ('Flip_Flops', 'Blue flip flops for men', True),
    ('经济', '中国经济增长了', True),
])
def test_class_name_in_the_text(label, text, holds):
    records = [pair('x', label=label, text=text)]
    assert any('hold their class name' in finding.what
               for finding in check_texts(records)) == holds


def test_class_without_training_item_is_an_error():
    records = [*sound(), pair('x', 'test', 'c')]
    assert levels(check_classes(records)) == {
        'classes of test without a training item': 'error'}


def test_class_missing_in_test_is_a_warning():
    records = [*sound(), *(pair(f'x{i}', 'train', 'c') for i in range(5)),
               pair('x', 'val', 'c')]
    assert levels(check_classes(records)) == {
        'classes of train missing in test': 'warning'}


def test_labels_off_by_one():
    records = [pair(f'{split}{index}', split, str(index % 5 + first))
               for split, first in (('train', 0), ('val', 0), ('test', 1))
               for index in range(25)]
    finding = found(check_classes(records), 'off by one')
    assert finding.examples == ('test has 1 to 5, train 0 to 4', )


def test_class_names_that_are_meant_to_be_one():
    records = [*sound(), *(pair(f'x{i}', split, 'A ')
                           for i in range(5)
                           for split in ('train', 'val', 'test'))]
    assert found(check_classes(records), 'differ only').examples == (
        'A  / a', )


def test_unbalanced_and_rare_classes():
    records = [*sound(), *(pair(f'x{i}', 'train', 'a') for i in range(300)),
               *(pair(f'y{s}', s, 'c') for s in ('train', 'val', 'test'))]
    names = levels(check_classes(records))
    assert names['wildly unbalanced training classes'] == 'warning'
    assert names['classes with under 5 training items'] == 'warning'


def test_sorted_training_rows_are_noted():
    records = sorted(sound(), key=lambda record: record.classes)
    assert 'sorted by class' in check_classes(records)[0].what


def test_missing_split_is_an_error_only_for_training():
    records = [record for record in sound() if record.split == 'train']
    assert set(levels(check_classes(records)).values()) == {'warning'}
    others = [record for record in sound() if record.split != 'train']
    assert 'error' in levels(check_classes(others)).values()


@pytest.fixture
def leaking(tmp_path):
    """A manifest with a copied photo, a broken one and a shared text."""
    records = with_images(sound(), tmp_path)
    (tmp_path / records[-1].image).write_bytes(
        (tmp_path / records[1].image).read_bytes())
    (tmp_path / records[2].image).write_bytes(b'broken')
    records[4] = PairRecord('train4', 'train', ('a', ), records[4].image,
                            (SENTENCES[0], ), '')
    records[20] = PairRecord('val0', 'val', ('a', ), records[20].image,
                             (SENTENCES[0], ), '')
    write_manifest(tmp_path / 'pairs.tsv', records)
    return tmp_path / 'pairs.tsv'


def test_fix_writes_a_new_sound_manifest(leaking):
    before = leaking.read_bytes()
    check(leaking, fix=True, say=lambda line: None)
    assert leaking.read_bytes() == before
    fixed = leaking.with_name('pairs_fixed.tsv')
    assert {r.id for r in read_manifest(leaking)} - {
        r.id for r in read_manifest(fixed)} == {'train1', 'train2', 'train4'}
    assert {finding.level for finding in check(
        fixed, say=lambda line: None)} <= {'note'}
    with pytest.raises(ValueError, match='exists already'):
        check(leaking, fix=True, say=lambda line: None)


def test_the_mended_manifest_keeps_further_columns(leaking):
    records = [replace(record, other=(('colour', record.id), ))
               for record in read_manifest(leaking)]
    write_manifest(leaking, records)
    check(leaking, fix=True, say=lambda line: None)
    assert [cells['colour'] for cells in other_columns(
        leaking.with_name('pairs_fixed.tsv'))][0] == 'train0'


def test_warnings_are_mended_only_on_request():
    records = [*sound()]
    findings = check_texts(records)
    assert rows_to_drop(findings) == set()


def test_configuration_names_its_sets(leaking):
    config = leaking.with_name('config.py')
    root = str(leaking.parent)
    config.write_text(
        f'data = dict(type="CrossModalDataset", data_root={root!r},\n'
        '            ann_file="pairs.tsv", split="train", pipeline=[dict(\n'
        '                type="LoadRGBImage")],\n'
        '            text=dict(type="BagOfWords"))\n'
        'train_dataloader = dict(dataset=dict(\n'
        '    type="HybridTransferDataset", target=data,\n'
        '    source=dict(type="SourceImageDataset", ann_file="list.txt")))\n'
        'test_dataloader = dict(dataset=data)\n')
    said: list[str] = []
    findings = check(config, say=said.append)
    assert len(said) == 2 and said[0].startswith(str(leaking))
    assert sum(finding.level == 'error' for finding in findings) == 3


def test_original_layout_is_looked_at_too(tmp_path):
    from layouts import wikipedia
    wikipedia(tmp_path, 40, 10)
    config = tmp_path / 'config.py'
    config.write_text(
        f'train_dataloader = dict(dataset=dict(type="WikipediaDataset",\n'
        f'    data_root={str(tmp_path)!r}, text=dict(type="BagOfWords"),\n'
        '    pipeline=[dict(type="LoadRGBImage")]))\n')
    said: list[str] = []
    check(config, say=said.append)
    assert said[0].startswith(f'{tmp_path}: 50 rows')
    assert 'val 4' in said[0] and 'test 10' in said[0]


def test_configuration_of_features_says_so(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text('train_dataloader = dict(dataset=dict(\n'
                      '    type="FeaturePairDataset"))\n')
    with pytest.raises(ValueError, match='names no data set of pairs'):
        check(config)


# Rows without a class.


def without_class(record):
    return PairRecord(record.id, record.split, (), record.image, record.texts,
                      record.where)


def test_training_rows_without_a_class_are_noted():
    records = sound()
    records[1] = without_class(records[1])
    finding = found(check_classes(records), 'rows of train without a class')
    assert (finding.level, finding.count) == ('note', 1)
    assert finding.drop == ()


def test_test_rows_without_a_class_are_a_warning():
    records = sound()
    records[-1] = without_class(records[-1])
    finding = found(check_classes(records), 'rows of test without a class')
    assert finding.level == 'warning'


def test_copy_of_a_test_pair_among_those_without_class_leaks(tmp_path):
    records = with_images(sound(), tmp_path)
    records[0] = without_class(records[0])
    (tmp_path / records[-2].image).write_bytes(
        (tmp_path / records[0].image).read_bytes())
    finding = found(examine(records, tmp_path), 'copy stands in another')
    assert finding.level == 'error' and finding.drop == (0, )


def test_a_copy_without_class_contradicts_no_class(tmp_path):
    records = with_images(sound(), tmp_path)
    records[1] = without_class(records[1])
    (tmp_path / records[1].image).write_bytes(
        (tmp_path / records[0].image).read_bytes())
    assert not any('different classes' in finding.what
                   for finding in examine(records, tmp_path))
