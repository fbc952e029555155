"""NUS-WIDE-10k, from a tiny tree of the official files."""
from __future__ import annotations

from collections import Counter

import pytest
from layouts import picture

from chtn_plugin.curation.preparation.nuswide import read_nuswide
from chtn_plugin.datasets.manifest import read_manifest

CLASSES = ('animal', 'clouds', 'sky')


@pytest.fixture
def official(tmp_path):
    """60 pictures: 15 animal, 15 clouds, 15 sky, 15 clouds and sky."""
    root = tmp_path / 'source'
    names, labels, tags = [], [], []
    for index in range(60):
        kind = index % 4
        photo = 2_000_000 + index
        names.append(f'actor\\{index:04}_{photo}.jpg')
        labels.append({kind} if kind < 3 else {1, 2})
        tags.append(f'{photo}      tag{kind} common rare{index}')
        picture(root / f'Flickr/actor/{index:04}_{photo}.jpg', index)
    for folder in ('ImageList', 'Groundtruth/AllLabels', 'NUS_WID_Tags'):
        (root / folder).mkdir(parents=True)
    (root / 'ImageList/ImageList.txt').write_text('\n'.join(names) + '\n')
    (root / 'NUS_WID_Tags/All_Tags.txt').write_text('\r\n'.join(tags))
    (root / 'NUS_WID_Tags/TagList1k.txt').write_text('common\n')
    for number, name in enumerate(CLASSES):
        (root / f'Groundtruth/AllLabels/Labels_{name}.txt').write_text(
            ''.join(f'{int(number in row)}\n' for row in labels))
    return root


def test_single_label_pictures_are_drawn(official):
    records = read_nuswide(official, n_classes=3, per_class=10)
    assert Counter(record.classes[0] for record in records) == dict.fromkeys(
        CLASSES, 10)
    assert Counter(record.split for record in records) == {
        'train': 24, 'val': 3, 'test': 3}
    for record in records:
        # The fourth kind has two labels and must never be drawn.
        index = int(record.id.partition('_')[0])
        assert CLASSES[index % 4] == record.classes[0]
        assert record.texts[0] == f'tag{index % 4} common rare{index}'
        assert (official / record.image).is_file()


def test_seed_decides_the_draw(official):
    def ids(seed):
        return [r.id for r in read_nuswide(official, 3, 10, seed)]
    assert ids(0) == ids(0) != ids(1)


def test_largest_classes_are_taken_and_missing_files_do_not_count(official):
    for path in sorted((official / 'Flickr/actor').glob('*'))[::4]:
        path.unlink()  # every animal
    chosen = {r.classes[0] for r in read_nuswide(official, 2, 10)}
    assert chosen == {'clouds', 'sky'}
    with pytest.raises(ValueError, match='animal must have 10'):
        read_nuswide(official, 3, 10)


def test_vocabulary_filters_tags(official):
    records = read_nuswide(official, 3, 10, vocabulary='1k')
    assert {record.texts for record in records} == {('common', )}


def test_files_that_disagree_are_named(official):
    path = official / 'Groundtruth/AllLabels/Labels_sky.txt'
    path.write_text(path.read_text()[:-2])
    with pytest.raises(ValueError, match='Labels_sky.txt has 59'):
        read_nuswide(official, 3, 10)


def test_tags_in_another_order_are_refused(official):
    path = official / 'NUS_WID_Tags/All_Tags.txt'
    lines = path.read_text().split('\n')
    lines[0], lines[1] = lines[1], lines[0]
    path.write_text('\n'.join(lines))
    with pytest.raises(ValueError, match='All_Tags.txt:1 is photo 2000001'):
        read_nuswide(official, 3, 10)


def test_missing_official_file_is_named(official):
    (official / 'NUS_WID_Tags/All_Tags.txt').unlink()
    with pytest.raises(FileNotFoundError, match='All_Tags.txt'):
        read_nuswide(official, 3, 10)


def test_prepared_set_says_that_it_was_drawn(official, tmp_path, run):
    said = run('nuswide10k', official, tmp_path / 'out', '--per-class', '10',
               '--classes', *CLASSES)
    assert 'unpublished' in said and 'seed 0' in said
    assert len(read_manifest(tmp_path / 'out/pairs.tsv')) == 30
