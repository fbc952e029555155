"""The demo's data: drawn once, the same everywhere, giving nothing away."""
from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from chtn_plugin.datasets import (
    GlyphDataset,
    GlyphSourceDataset,
    glyphs,
    prepare_glyphs,
    read_manifest,
)

SHIPPED = glyphs.CLASSES
CLASSES = {'greek': ([(0x0391, 0x03A1)], 'greek'),
           'arrows': ([(0x2190, 0x21A0)], 'arrows arrow')}
LOAD = [dict(type='LoadImageFromFile', color_type='grayscale')]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """The demo's folder, of two classes and three source fonts."""
    patch = pytest.MonkeyPatch()
    patch.setattr(glyphs, 'CLASSES', CLASSES)
    patch.setattr(glyphs, 'SOURCE_FONTS', ('DejaVuSerif', 'STIXGeneral',
                                           'cmr10'))
    patch.setattr(glyphs, 'MIN_SOURCE_IMAGES', 2)
    yield prepare_glyphs(tmp_path_factory.mktemp('data') / 'glyphs')
    patch.undo()


@pytest.fixture(scope='module')
def records(root):
    return read_manifest(root / 'pairs.tsv')


def test_split_takes_from_every_class_alike(records):
    # 17 characters each; .7, .1 and .2 of the 34 are 23.8, 3.4 and 6.8
    assert Counter(r.split for r in records) == dict(train=24, val=3, test=7)
    assert Counter(r.classes[0] for r in records if r.split == 'train') == {
        name: 12 for name in CLASSES}


def test_text_is_the_name_without_the_words_of_its_class(records):
    texts = {r.id: r.texts[0] for r in records}
    assert texts['U+0391'] == 'capital letter alpha'
    assert texts['U+2190'] == 'leftwards'


def test_no_text_has_a_word_of_any_class(tmp_path, monkeypatch):
    # Dingbats are called arrows, too: 'heavy wide-headed rightwards arrow'.
    # Were the word left there, it would speak against arrows.
    monkeypatch.setattr(glyphs, 'CLASSES', {
        'arrows': ([(0x2190, 0x21A0)], 'arrows arrow'),
        'dingbats': ([(0x2794, 0x279F)], 'dingbats dingbat')})
    monkeypatch.setattr(glyphs, 'SOURCE_FONTS', ('DejaVuSerif', ))
    monkeypatch.setattr(glyphs, 'MIN_SOURCE_IMAGES', 1)
    texts = {record.id: record.texts[0] for record in read_manifest(
        prepare_glyphs(tmp_path / 'glyphs') / 'pairs.tsv')}
    assert texts['U+2794'] == 'heavy wide-headed rightwards'
    assert not any('arrow' in text.split() for text in texts.values())


def test_picture_is_small_grey_black_on_white(root, records):
    picture = np.asarray(Image.open(root / records[0].image))
    assert picture.shape == (32, 32) and picture.dtype == np.uint8
    assert picture[0, 0] == 255 and picture.min() < 64


def test_pictures_differ(root, records):
    contents = {(root / r.image).read_bytes() for r in records}
    # Latin and Greek capitals look alike, characters of one script do not.
    assert len(contents) == len(records)


def test_equal_pictures_and_texts_are_on_one_side(tmp_path, monkeypatch):
    # Greek and Cyrillic capitals: many are drawn alike, iota is named alike.
    monkeypatch.setattr(glyphs, 'CLASSES', {
        'greek': ([(0x0391, 0x03A9)], 'greek'),
        'cyrillic': ([(0x0400, 0x042F), (0xA646, 0xA646)], 'cyrillic')})
    monkeypatch.setattr(glyphs, 'SOURCE_FONTS', ('DejaVuSerif', ))
    monkeypatch.setattr(glyphs, 'MIN_SOURCE_IMAGES', 1)
    root = prepare_glyphs(tmp_path / 'glyphs')
    sides = defaultdict(list)
    for record in read_manifest(root / 'pairs.tsv'):
        sides[(root / record.image).read_bytes()].append(record.split)
        sides[record.texts[0]].append(record.split)
    shared = [splits for splits in sides.values() if len(splits) > 1]
    assert len(shared) > 10
    assert all(len(set(splits)) == 1 for splits in shared)


def test_source_labels_are_gapless(root):
    lines = (root / 'source' / 'list.txt').read_text().split('\n')[:-1]
    labels = [int(line.split()[1]) for line in lines]
    assert set(labels) == set(range(max(labels) + 1))
    assert min(Counter(labels).values()) >= 2


def test_source_shows_no_character_of_validation_or_test(root, records):
    hidden = {r.id[2:] for r in records if r.split != 'train'}
    shown = {path.name for path in (root / 'source').iterdir()}
    assert hidden and not hidden & shown


def test_source_shows_characters_of_training(root, records):
    trained = {r.id[2:] for r in records if r.split == 'train'}
    assert trained & {path.name for path in (root / 'source').iterdir()}


def test_second_call_changes_nothing(root):
    before = (root / 'glyphs.json').stat().st_mtime_ns
    assert prepare_glyphs(root) == root
    assert (root / 'glyphs.json').stat().st_mtime_ns == before


def test_same_everywhere(root, tmp_path):
    again = prepare_glyphs(tmp_path / 'glyphs')
    for name in ('pairs.tsv', 'source/list.txt', 'images/2190.png'):
        assert (again / name).read_bytes() == (root / name).read_bytes()


def test_older_version_is_drawn_anew(root, tmp_path):
    old = tmp_path / 'glyphs'
    old.mkdir()
    (old / 'glyphs.json').write_text('{}')
    prepare_glyphs(old)
    assert json.loads((old / 'glyphs.json').read_text())['version'] == (
        glyphs._VERSION)
    assert [path.name for path in tmp_path.iterdir()] == ['glyphs']


def test_folder_of_other_files_is_left_alone(root, tmp_path):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(FileExistsError, match='a folder of their own'):
        prepare_glyphs(tmp_path)
    assert (tmp_path / 'thesis.tex').exists()


def test_file_of_the_users_beside_older_pictures_is_kept(root, tmp_path):
    shutil.copytree(root, tmp_path / 'glyphs')
    stamp = json.loads((root / 'glyphs.json').read_text())
    (tmp_path / 'glyphs/glyphs.json').write_text(
        json.dumps(dict(stamp, version=0)))
    (tmp_path / 'glyphs/notes.txt').write_text('mine')
    with pytest.raises(FileExistsError, match='other files'):
        prepare_glyphs(tmp_path / 'glyphs')
    assert (tmp_path / 'glyphs/notes.txt').read_text() == 'mine'


def test_failure_leaves_nothing(root, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError('disk full')
    monkeypatch.setattr(glyphs, '_build_source', fail)
    with pytest.raises(RuntimeError, match='disk full'):
        prepare_glyphs(tmp_path / 'glyphs')
    assert not list(tmp_path.iterdir())


def test_data_sets_serve_the_folder(root):
    text = dict(type='BagOfWords', num_terms=30)
    pairs = GlyphDataset(text, LOAD, str(root), 'test')
    source = GlyphSourceDataset(LOAD, str(root))
    assert len(pairs) == 7
    assert pairs[0]['inputs']['image'].shape == (1, 32, 32)
    assert pairs.metainfo['classes'] == tuple(CLASSES)
    assert source[0]['inputs']['source_image'].shape == (1, 32, 32)


def test_shipped_classes_do_not_overlap():
    ranges = sorted(part for parts, _ in SHIPPED.values() for part in parts)
    assert all(first[1] < second[0] for first, second in pairwise(ranges))


def test_pairs_whose_labels_are_kept_back_stay_as_pairs(root):
    words = dict(type='BagOfWords', num_terms=20)
    few, rest, everything = (GlyphDataset(
        words, LOAD, str(root), per_class=2, rest='unlabelled', only=only)
        for only in ('labelled', 'unlabelled', None))
    assert len(few) == 2 * len(CLASSES)
    assert len(few) + len(rest) == len(everything) == 24
    assert {int(rest.get_data_info(row)['label'])
            for row in range(len(rest))} == {-1}
