"""A validation split that is cut from the training rows."""
from __future__ import annotations

import pytest
from tiny_data import write_pairs, write_picture

from chtn_plugin.datasets import CrossModalDataset


def served(root, split, **options):
    made = CrossModalDataset(
        'pairs.tsv', dict(type='BagOfWords', num_terms=50),
        [dict(type='LoadImageFromFile')], str(root), split,
        **dict(dict(val_fraction=0.25), **options))
    return made, [info['id'] for info in made.data_list]


@pytest.fixture
def root(tmp_path):
    """Two classes of 8 and 4 training pairs, and 2 test pairs."""
    write_picture(tmp_path / 'a.png')
    rows = [('train', 'cat')] * 8 + [('train', 'dog')] * 4 + [
        ('test', 'cat'), ('test', 'dog')]
    write_pairs(tmp_path, [
        f'{number}\t{split}\t{name}\ta.png\tword{number}'
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


def test_a_manifest_with_its_own_is_not_cut(root):
    path = root / 'pairs.tsv'
    path.write_text(path.read_text().replace('\ttest\t', '\tval\t'))
    with pytest.raises(ValueError, match="split 'val' of its own"):
        served(root, 'val')
    assert served(root, 'val', val_fraction=0)[1] == ['12', '13']


def test_share_out_of_range_is_refused(root):
    with pytest.raises(ValueError, match='val_fraction.*got 1.5'):
        served(root, 'val', val_fraction=1.5)


def test_a_file_named_as_the_split_is_not_read(root, monkeypatch):
    monkeypatch.chdir(root)
    (root / 'val').write_text('a line\n')
    assert served(root, 'val')[0].metainfo['split'] == 'val'
