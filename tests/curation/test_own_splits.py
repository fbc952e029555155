"""Which pairs of a user's folder train, validate and test."""
from __future__ import annotations

from collections import Counter

import pytest
from own_folder import few_labels, make, picture, rows, write_csv


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
