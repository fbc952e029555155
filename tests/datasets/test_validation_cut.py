"""A validation split that is cut from the training rows."""
from __future__ import annotations

import numpy as np
import pytest
from tiny_data import write_pairs, write_picture

from chtn_plugin.datasets import CrossModalDataset
from chtn_plugin.datasets.manifest import PairRecord
from chtn_plugin.datasets.validation_cut import ValidationCut


def served(root, split, **options):
    made = CrossModalDataset(
        'pairs.tsv', dict(type='BagOfWords', num_terms=50),
        [dict(type='LoadImageFromFile')], str(root), split,
        **dict(dict(val_fraction=0.25), **options))
    return made, [info['id'] for info in made.data_list]


@pytest.fixture
def root(tmp_path):
    """Two classes of 8 and 4 training pairs, and 2 test pairs."""
    rows = [('train', 'cat')] * 8 + [('train', 'dog')] * 4 + [
        ('test', 'cat'), ('test', 'dog')]
    for number in range(len(rows)):
        write_picture(tmp_path / f'{number}.png', number)
    write_pairs(tmp_path, [
        f'{number}\t{split}\t{name}\t{number}.png\tword{number}'
        for number, (split, name) in enumerate(rows)])
    return tmp_path


def test_it_takes_from_every_class_alike(root):
    made, _ = served(root, 'val')
    # a quarter of 8 and of 4
    assert [info['label'] for info in made.data_list] == [0, 0, 1]


def test_train_and_val_part_the_training_rows(root):
    parts = [set(served(root, split)[1]) for split in ('train', 'val')]
    assert parts[0] | parts[1] == {str(i) for i in range(12)}
    assert not parts[0] & parts[1]


def test_test_split_is_untouched(root):
    assert served(root, 'test')[1] == ['12', '13']


def test_its_texts_are_not_learned_from(root):
    made, ids = served(root, 'val')
    assert not {f'word{i}' for i in ids} & set(made.text_transform.terms)


def test_seed_chooses(root):
    cuts = {tuple(served(root, 'val', val_seed=seed)[1]) for seed in range(5)}
    assert len(cuts) > 1
    assert served(root, 'val')[1] == served(root, 'val', val_seed=0)[1]


def test_a_manifest_with_its_own_is_not_cut(root, monkeypatch):
    said = []
    monkeypatch.setattr('chtn_plugin.datasets.cross_modal.print_log',
                        lambda line, logger: said.append(line))
    path = root / 'pairs.tsv'
    path.write_text(path.read_text().replace('\ttest\t', '\tval\t'))
    assert served(root, 'train')[1] == [str(i) for i in range(12)]
    assert served(root, 'val', val_fraction=0)[1] == ['12', '13']
    assert not said
    # Of a run's data sets one says so.
    assert served(root, 'val')[1] == ['12', '13']
    assert said == [f"{path} has a split 'val' of its own: val_fraction has "
                    'no effect']


def test_equal_pictures_and_texts_stay_on_one_side(root):
    # 0 and 1 show the same, 1 and 2 say the same: three pairs, one group.
    write_picture(root / '1.png', 0)
    path = root / 'pairs.tsv'
    path.write_text(path.read_text().replace('word2\n', 'Word1!\n'))
    for seed in range(10):
        ids = set(served(root, 'val', val_seed=seed)[1])
        assert len({'0', '1', '2'} & ids) in (0, 3)


def test_one_of_several_texts_in_common_keeps_pairs_on_one_side(root):
    path = root / 'pairs.tsv'
    path.write_text(path.read_text().replace('word2\n', 'a ||| Word1!\n'))
    for seed in range(10):
        ids = set(served(root, 'val', val_seed=seed)[1])
        assert len({'1', '2'} & ids) in (0, 2)


def test_equal_features_stay_on_one_side(root):
    np.savez(root / 'f.npz', image=np.arange(14)[:, None] // 2)
    for seed in range(10):
        _, ids = served(root, 'val', val_seed=seed, image_features=dict(
            file='f.npz', key='image'))
        assert ids and all(str(int(i) ^ 1) in ids for i in ids)


def test_nothing_left_to_validate_on_is_refused(root):
    for number in range(12):
        write_picture(root / f'{number}.png', 0)
    with pytest.raises(ValueError, match='12 training rows .* make 1 groups'):
        served(root, 'val')


def test_missing_picture_is_named(root):
    (root / '3.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'3\.png, named at .*:5'):
        served(root, 'val')


def test_share_out_of_range_is_refused(root):
    with pytest.raises(ValueError, match='val_fraction.*got 1.5'):
        served(root, 'val', val_fraction=1.5)


def test_a_file_named_as_the_split_is_not_read(root, monkeypatch):
    monkeypatch.chdir(root)
    (root / 'val').write_text('a line\n')
    assert served(root, 'val')[0].metainfo['split'] == 'val'


LABELS = ['a'] * 8 + ['b'] * 4


def records(labels, split='train'):
    return [PairRecord(str(number), split, (label, ), f'{number}.png',
                       (f'word{number}', ), '')
            for number, label in enumerate(labels)]


def test_cut_is_the_same_by_rows_and_by_records():
    contents = list(range(12))
    rows = ValidationCut(0.25, 3).rows(LABELS, contents)
    assert len(rows) == 3 and rows == ValidationCut(0.25, 3).rows(
        LABELS, contents)
    cut = ValidationCut(0.25, 3).records(records(LABELS))
    assert [int(r.id) for r in cut if r.split == 'val'] == rows


def test_nothing_is_cut_of_another_split_or_by_a_share_of_0():
    pairs = records(LABELS, 'test')
    assert ValidationCut(0).records(pairs) == pairs
    mixed = [*pairs, *records(LABELS)]
    assert ValidationCut(0.25).records(mixed)[:12] == pairs


def test_rows_that_share_a_content_stay_on_one_side():
    # two groups, of six rows each
    for seed in range(5):
        rows = ValidationCut(0.5, seed).rows(LABELS, [0, 1] * 6)
        assert len({row % 2 for row in rows}) == 1


@pytest.mark.parametrize('fraction', [0, 1, -0.1, 1.5])
def test_share_must_be_one(fraction):
    with pytest.raises(ValueError, match=r'val_fraction must be in \(0, 1\)'):
        ValidationCut(fraction).rows(LABELS, list(range(12)))


def test_one_group_leaves_nothing_to_validate_on():
    with pytest.raises(ValueError, match='12 training rows leave none.* they '
                       'make 1 groups'):
        ValidationCut(0.1).rows(LABELS, [0] * 12)


def test_rows_without_class_stay_in_training():
    labels = ['a', 'b', None, None] * 10
    rows = ValidationCut(.5).rows(labels, list(range(40)))
    assert len(rows) == 10
    assert all(labels[row] for row in rows)


def test_a_row_without_class_goes_with_its_twin():
    labels = ['a'] * 10 + [None] * 10
    contents = [*range(10), *range(10)]
    rows = ValidationCut(.3).rows(labels, contents)
    assert [row + 10 for row in rows[:3]] == rows[3:]


def test_folds_part_the_rows_of_every_class_alike():
    labels = ['a'] * 6 + ['b'] * 3
    folds = [ValidationCut(0, 5, (number, 3)).rows(labels, range(9))
             for number in range(3)]
    assert sorted(sum(folds, [])) == list(range(9))
    assert [[labels[row] for row in fold] for fold in folds] == [
        ['a', 'a', 'b']] * 3
    assert folds[0] != ValidationCut(0, 6, (0, 3)).rows(labels, range(9))


def test_equal_contents_stay_in_one_fold():
    contents = [0, 0, 0, 1, 1, 2, 3, 4]
    for number in range(3):
        fold = set(ValidationCut(0, 0, (number, 3)).rows(['a'] * 8,
                                                         contents))
        assert not {contents[row] for row in fold} & {
            contents[row] for row in range(8) if row not in fold}


def test_an_unlabelled_row_validates_only_beside_its_like():
    chosen = [ValidationCut(0, 0, (number, 2)).rows(
        ['a', 'a', None, None], [0, 1, 0, 9]) for number in range(2)]
    assert sorted(map(tuple, chosen)) == [(0, 2), (1, )]


@pytest.mark.parametrize('fold', [(3, 3), (-1, 3), (0, 1), 2, ('x', 3)])
def test_refuses_what_is_no_fold(fold):
    with pytest.raises(ValueError, match=r'a fold must be \(k, K\)'):
        ValidationCut(0, 0, fold)


def test_folds_deal_training_and_validation_rows_and_no_test_row(root):
    whole = [{*served(root, 'train', val_fraction=0)[1]}]
    for number in range(2):
        options = dict(val_fraction=0.25, fold=(number, 2))
        val = served(root, 'val', **options)[1]
        assert len(val) == 6
        whole.append({*val, *served(root, 'train', **options)[1]})
    assert whole[0] == whole[1] == whole[2] and len(whole[0]) == 12
