"""Pairs of a manifest: what an item holds, and what is refused."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS
from tiny_data import write_pairs, write_picture
from torch.utils.data import DataLoader

from chtn_plugin.datasets import (
    CrossModalDataset,
    PassSampler,
    cross_modal_collate,
)
from chtn_plugin.text.vocabulary import words_of

LOAD = [dict(type='LoadImageFromFile')]


def dataset(root, **options):
    return DATASETS.build(dict(
        dict(type='CrossModalDataset', ann_file='pairs.tsv',
             data_root=str(root), pipeline=LOAD,
             text=dict(type='BagOfWords', num_terms=8)), **options))


def tiny(root, *rows, **options):
    """A data set of some rows, whose image is everywhere the same."""
    write_picture(root / 'a.png')
    write_pairs(root, list(rows))
    return dataset(root, **options)


def terms(made, row):
    """The terms whose weight is not 0 in a text vector."""
    return {made.text_transform.terms[i] for i in row.nonzero().flatten()}


# What an item holds.


def test_item_holds_image_text_label_and_indices(pairs):
    made = dataset(pairs)
    item = made[1]
    assert (item['inputs']['image'] == 10).all()
    assert item['inputs']['image'].shape == (3, 4, 4)
    assert terms(made, item['inputs']['text']) == {'cat', 'word1'}
    assert {name: int(value) for name, value in
            item['data_samples'].items()} == dict(
                label=1, sample_idx=1, image_idx=1, text_idx=1,
                same_text_idx=1)


def test_batch_is_the_stack_of_its_items(pairs):
    made = dataset(pairs)
    batch = made.__getitems__([2, 0])
    stacked = cross_modal_collate([made[2], made[0]])
    for part, values in stacked.items():
        for name, value in values.items():
            assert torch.equal(batch[part][name], value), name


@pytest.mark.parametrize('split, ids', [
    ('train', ['p0', 'p1', 'p2', 'p3']), ('val', ['p4', 'p5']),
    ('test', ['p6', 'p7'])])
def test_a_split_is_served(pairs, split, ids):
    made = dataset(pairs, split=split)
    assert [info['id'] for info in made.data_list] == ids


def test_image_indices_are_rows_of_the_manifest(pairs):
    samples = dataset(pairs, split='test').__getitems__([0, 1])[
        'data_samples']
    assert samples['image_idx'].tolist() == [6, 7]
    assert samples['sample_idx'].tolist() == [0, 1]


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_vocabulary_is_that_of_the_training_split(pairs, split):
    assert set(dataset(pairs, split=split).text_transform.terms) == {
        'bird', 'cat', 'word0', 'word1', 'word2', 'word3'}


def test_vocabulary_goes_to_the_checkpoint(pairs):
    made = dataset(pairs)
    assert words_of(made.metainfo['text']) == made.text_transform.terms
    assert len(made.metainfo['text']['idf']) == 6


def test_classes_are_those_of_the_training_split_sorted(pairs):
    assert dataset(pairs, split='test').metainfo['classes'] == ('bird', 'cat')


def test_classes_may_be_given(pairs):
    made = dataset(pairs, classes=['cat', 'fish', 'bird'])
    assert made.__getitems__([0, 1])['data_samples']['label'].tolist() == [
        2, 0]


def test_labels_may_be_several(tmp_path):
    made = tiny(tmp_path, 'a,train,cat;pet,a.png,x', 'b,train,dog,a.png,y',
                label_separator=';')
    assert made.metainfo['classes'] == ('cat', 'dog', 'pet')
    assert made.__getitems__([0, 1])['data_samples']['label'].tolist() == [
        [1, 0, 1], [0, 1, 0]]


def test_several_texts_are_joined(tmp_path):
    made = tiny(tmp_path, 'a,train,cat,a.png,one ||| two')
    assert terms(made, made[0]['inputs']['text']) == {'one', 'two'}


def test_several_texts_may_be_an_item_each(tmp_path):
    made = tiny(tmp_path, 'a,train,cat,a.png,one ||| two', text_mode='each')
    samples = made.__getitems__([0, 1])['data_samples']
    assert samples['image_idx'].tolist() == [0, 0]
    assert samples['text_idx'].tolist() == [0, 1]
    assert terms(made, made[1]['inputs']['text']) == {'two'}


def test_texts_of_the_same_words_are_known_as_equal(tmp_path):
    made = tiny(tmp_path, 'a,train,cat,a.png,One two!',
                'b,train,cat,a.png,three', 'c,train,cat,a.png,one  two')
    samples = made.__getitems__([0, 1, 2])['data_samples']
    assert samples['text_idx'].tolist() == [0, 1, 2]
    assert samples['same_text_idx'].tolist() == [0, 1, 0]


def test_ready_features_take_the_place_of_images(pairs):
    np.savez(pairs / 'f.npz', X=np.arange(16.).reshape(8, 2))
    made = dataset(pairs, split='val', pipeline=(),
                   image_features=dict(file='f.npz', key='X'))
    assert made.__getitems__([0, 1])['inputs']['image'].tolist() == [
        [8, 9], [10, 11]]
    assert made[1]['inputs']['image'].tolist() == [10, 11]


# Shares of the training pairs.


def ids(made):
    return {info['id'] for info in made.data_list}


def many(root, **options):
    rows = [f'{k},train,{"cat" if k % 5 else "dog"},a.png,word{k}'
            for k in range(40)] + ['t,test,cat,a.png,x']
    return tiny(root, *rows, **options)


def test_share_takes_from_every_class_alike(tmp_path):
    made = many(tmp_path, fraction=0.25)
    labels = [info['label'] for info in made.data_list]
    assert (labels.count(0), labels.count(1)) == (8, 2)


def test_smaller_share_lies_in_the_larger(tmp_path):
    small, large = (ids(many(tmp_path, fraction=f)) for f in (0.2, 0.5))
    assert small < large


def test_share_limits_the_vocabulary_too(tmp_path):
    made = many(tmp_path, fraction=0.1, split='test',
                text=dict(type='BagOfWords'))
    assert len(made.text_transform.terms) == 4
    assert len(made) == 1


def test_seed_of_the_share(tmp_path):
    assert ids(many(tmp_path, fraction=0.2)) != ids(
        many(tmp_path, fraction=0.2, fraction_seed=1))


# Items without image or text.

HALVES = ('a,train,cat,a.png,one', 'b,test,cat,a.png,', 'c,test,cat,,one')


@pytest.mark.parametrize('row, lacks', [('b,train,cat,a.png,', 'text'),
                                        ('b,train,cat,,one', 'image')])
def test_pair_that_lacks_a_side_is_refused(tmp_path, row, lacks):
    with pytest.raises(ValueError, match='a pair must have both image and '
                       rf'text: .*pairs.tsv:3 has no {lacks}'):
        tiny(tmp_path, HALVES[0], row)


def test_pairs_that_lack_a_side_may_be_left_out(tmp_path):
    made = tiny(tmp_path, *HALVES, 'd,test,cat,a.png,one', split='test',
                unpaired='drop')
    assert ids(made) == {'d'}


def test_pairs_that_lack_a_side_may_be_kept(tmp_path):
    made = tiny(tmp_path, *HALVES, split='test', unpaired='keep')
    batch = made.__getitems__([0, 1])
    assert batch['data_samples']['image_idx'].tolist() == [1, -1]
    assert batch['data_samples']['text_idx'].tolist() == [-1, 1]
    assert not batch['inputs']['image'][1].any()
    assert not batch['inputs']['text'][0].any()


# Bad input: one error that names the rule, what came, and where.


def test_missing_manifest_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='manifest not found: .*pairs'):
        dataset(tmp_path)


def test_missing_column_is_named(tmp_path):
    write_pairs(tmp_path, ['a,train,a.png,x'], 'id split image text')
    with pytest.raises(ValueError, match="needs a column 'class' .*pairs.tsv"):
        dataset(tmp_path)


def test_missing_image_is_named_before_training(pairs):
    (pairs / 'images' / '2.png').unlink()
    with pytest.raises(FileNotFoundError, match='image not found: .*2.png, '
                       'named at .*pairs.tsv:4'):
        dataset(pairs)


@pytest.mark.parametrize('split', ['train', 'test'])
def test_class_without_training_pairs_is_named_before_training(pairs, split):
    path = pairs / 'pairs.tsv'
    path.write_text(path.read_text() + 'x\ttest\tdog\timages/0.png\ty\n')
    with pytest.raises(ValueError, match=r"one of the 2 of split 'train' "
                       r"\(bird, cat, ...\): got 'dog' at .*pairs.tsv:10"):
        dataset(pairs, split=split)


def test_unknown_class_is_named(pairs):
    with pytest.raises(ValueError, match="got 'bird' at .*pairs.tsv:2"):
        dataset(pairs, classes=['cat', 'dog'])


def test_id_of_two_images_is_named(tmp_path):
    with pytest.raises(ValueError, match="an id must be unique: 'a' at "
                       '.*pairs.tsv:3 stands already at .*pairs.tsv:2'):
        tiny(tmp_path, 'a,train,cat,a.png,x', 'a,train,cat,b.png,x')


def test_training_texts_without_a_word_are_named(tmp_path):
    with pytest.raises(ValueError, match='no token found in 1 training'):
        tiny(tmp_path, 'a,train,cat,a.png,!!!')


@pytest.mark.parametrize('option', ['split', 'fit_split'])
def test_unknown_split_is_named(pairs, option):
    with pytest.raises(ValueError, match="split 'dev' must have rows: .*has "
                       r"the splits \['test', 'train', 'val'\]"):
        dataset(pairs, **{option: 'dev'})


@pytest.mark.parametrize('options, reason', [
    (dict(text_mode='all'), "text_mode must be one of .* got 'all'"),
    (dict(unpaired='skip'), "unpaired must be one of .* got 'skip'"),
    (dict(pipeline=()), 'either a pipeline .* or image_features'),
    (dict(fraction=0.), r'fraction must be in \(0, 1\], got 0.0'),
    (dict(columns=dict(caption='x')), "'caption'"),
])
def test_option_out_of_range_is_refused(pairs, options, reason):
    with pytest.raises(ValueError, match=reason):
        dataset(pairs, **options)


def test_misspelt_option_is_refused(pairs):
    with pytest.raises(TypeError, match="'spilt'"):
        dataset(pairs, spilt='val')


@pytest.mark.parametrize('features, reason', [
    (np.zeros((7, 2)), r'has \(7, 2\), .*pairs.tsv has 8 rows'),
    (np.zeros(8), r'has \(8,\)')])
def test_features_of_other_size_are_refused(pairs, features, reason):
    np.savez(pairs / 'f.npz', X=features)
    with pytest.raises(ValueError, match=reason):
        dataset(pairs, image_features=dict(file='f.npz', key='X'))


def test_missing_feature_file_or_array_is_named(pairs):
    np.savez(pairs / 'f.npz', X=np.zeros((8, 2)))
    with pytest.raises(FileNotFoundError, match='not found: .*g.npz'):
        dataset(pairs, image_features=dict(file='g.npz', key='X'))
    with pytest.raises(KeyError, match=r"arrays \['X'\], not 'Y'"):
        dataset(pairs, image_features=dict(file='f.npz', key='Y'))


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('content, error', [
    (b'no picture', ValueError), (None, FileNotFoundError)])
def test_broken_image_in_mid_training_is_named(pairs, workers, content,
                                               error):
    made = dataset(pairs)
    path = pairs / 'images' / '3.png'
    path.unlink()
    if content:
        path.write_bytes(content)
    loader = DataLoader(made, 2, sampler=PassSampler(made, seed=0),
                        num_workers=workers, collate_fn=cross_modal_collate)
    with pytest.raises(error, match=r'images/3\.png'):
        for _ in loader:
            pass


def test_images_of_different_size_are_refused(pairs):
    write_picture(pairs / 'images' / '3.png', size=5)
    with pytest.raises(ValueError, match='does the pipeline end in one'):
        dataset(pairs).__getitems__([2, 3])


def test_nothing_is_read_before_first_use(tmp_path):
    assert isinstance(dataset(tmp_path, lazy_init=True), CrossModalDataset)


# Pairs without a class.


def half_labelled(root, **options):
    return tiny(root, '0,train,cat,a.png,one', '1,train,,a.png,two',
                '2,train,dog,a.png,three', '3,train,,a.png,four',
                '4,test,dog,a.png,one', '5,test,,a.png,two', **options)


def test_a_pair_without_class_has_label_minus_1(tmp_path):
    made = half_labelled(tmp_path)
    assert made.__getitems__(range(4))['data_samples']['label'].tolist() == [
        0, -1, 1, -1]
    assert made.metainfo['classes'] == ('cat', 'dog')


def test_a_pair_without_class_is_a_row_of_nan_in_multi_label_data(tmp_path):
    made = half_labelled(tmp_path, label_separator=';')
    label = made.__getitems__(range(4))['data_samples']['label']
    assert label.isnan().all(1).tolist() == [False, True, False, True]


@pytest.mark.parametrize(('only', 'names'), [
    (None, '0123'), ('labelled', '02'), ('unlabelled', '13')])
def test_only_selects_pairs(tmp_path, only, names):
    made = half_labelled(tmp_path, only=only)
    assert ''.join(info['id'] for info in made.data_list) == names


def test_both_selections_share_one_vocabulary(tmp_path):
    parts = [half_labelled(tmp_path, only=only)
             for only in ('labelled', 'unlabelled')]
    assert parts[0].metainfo['text'] == parts[1].metainfo['text']
    assert set(parts[0].text_transform.terms) == {'one', 'two', 'three',
                                                  'four'}


def test_a_test_pair_without_class_is_served(tmp_path):
    # Evaluation leaves it out of what goes by class.
    made = half_labelled(tmp_path, split='test')
    assert made.__getitems__([0, 1])['data_samples']['label'].tolist() == [
        1, -1]


def test_rows_left_out_by_few_labels_may_stay_without_class(pairs):
    whole = dataset(pairs)
    made = dataset(pairs, per_class=1, rest='unlabelled')
    label = made.__getitems__(range(len(made)))['data_samples']['label']
    assert len(made) == len(whole)
    assert sorted(set(label.tolist())) == [-1, *range(
        len(made.metainfo['classes']))]
    assert (label >= 0).sum() == len(made.metainfo['classes'])


def test_no_pair_without_class_is_an_empty_set(pairs):
    assert len(dataset(pairs, only='unlabelled')) == 0


def test_refuses_training_pairs_none_of_which_has_a_class(tmp_path):
    with pytest.raises(ValueError, match='some training pairs must have'):
        tiny(tmp_path, '0,train,,a.png,one', '1,train,,a.png,two')


def test_ten_thousand_classes_are_numbers_until_a_batch_is_made(tmp_path):
    rows = '\n'.join(f'{k}\ttrain\tc{k:05};c{(k + 1) % 10_000:05}\ta\tx'
                     for k in range(10_000))
    (tmp_path / 'pairs.tsv').write_text(
        f'id\tsplit\tclass\timage\ttext\n{rows}\n')
    np.savez(tmp_path / 'f.npz', x=np.zeros((10_000, 2)))
    dataset = CrossModalDataset(
        str(tmp_path / 'pairs.tsv'), dict(type='BagOfWords'),
        image_features=dict(file=str(tmp_path / 'f.npz'), key='x'),
        label_separator=';')
    assert dataset.data_list[7]['label'] == (7, 8)
    label = dataset.__getitems__([7, 9_999])['data_samples']['label']
    assert label.shape == (2, 10_000)
    assert label.nonzero().tolist() == [[0, 7], [0, 8], [1, 0], [1, 9_999]]
    assert torch.equal(dataset[7]['data_samples']['label'], label[0])
