"""Pairs of ready features."""
from __future__ import annotations

import resource

import numpy as np
import pytest
import scipy.io
import torch
from mmengine.registry import DATASETS

from chtn_plugin.datasets import FeaturePairDataset

N = 20
ARRAYS = dict(train=dict(image='I', text='T', label='y'),
              test=dict(image='I2', text='T2', label='y2'))


def arrays(**changes):
    """20 training pairs of the labels 3 and 5, and 2 test pairs."""
    made = dict(I=np.arange(N * 2.).reshape(N, 2),
                T=np.arange(N * 3.).reshape(N, 3),
                y=np.array([3, 5] * (N // 2)), I2=np.full((2, 2), 7.),
                T2=np.full((2, 3), 8.), y2=np.array([5, 3]))
    return dict(made, **changes)


def dataset(root, changes=None, **options):
    np.savez(root / 'f.npz', **arrays(**(changes or {})))
    return DATASETS.build(dict(
        dict(type='FeaturePairDataset', file=str(root / 'f.npz'),
             arrays=ARRAYS), **options))


def test_item_holds_both_features_and_the_label(tmp_path):
    item = dataset(tmp_path, split='test')[0]
    assert item['inputs']['image'].tolist() == [7, 7]
    assert item['inputs']['text'].tolist() == [8, 8, 8]
    assert {name: int(value) for name, value in
            item['data_samples'].items()} == dict(
                label=1, sample_idx=0, image_idx=0, text_idx=0,
                same_image_idx=0, same_text_idx=0)


def test_batch_is_a_stack(tmp_path):
    batch = dataset(tmp_path, split='test').__getitems__([1, 0])
    assert batch['inputs']['image'].dtype == torch.float32
    assert batch['data_samples']['label'].tolist() == [0, 1]
    assert batch['data_samples']['sample_idx'].tolist() == [1, 0]


def test_labels_are_numbered_in_the_order_of_their_values(tmp_path):
    made = dataset(tmp_path)
    assert set(made.label.tolist()) == {0, 1}
    assert made.metainfo == dict(split='train', classes=('3', '5'))


def test_matlab_files_are_read(tmp_path):
    made = arrays(y=np.array([[3], [5]] * (N // 2)), y2=np.array([[5, 3]]))
    scipy.io.savemat(tmp_path / 'f.mat', made)
    read = DATASETS.build(dict(type='FeaturePairDataset', split='test',
                               file=str(tmp_path / 'f.mat'), arrays=ARRAYS))
    assert read.label.tolist() == [1, 0]


def test_validation_is_cut_from_training_class_by_class(tmp_path):
    train, val = (dataset(tmp_path, split=split, val_fraction=0.2)
                  for split in ('train', 'val'))
    assert val.label.bincount().tolist() == [2, 2]
    rows = torch.cat([train.inputs['image'], val.inputs['image']])[:, 0]
    assert sorted(rows.tolist()) == list(range(0, 2 * N, 2))


def test_equal_rows_of_either_modality_stay_on_one_side(tmp_path):
    # Rows of one class; each image stands in two rows, each text in four.
    rows = np.arange(N)
    changes = dict(I=np.stack([rows // 2] * 2, 1), y=np.repeat([3, 5], 10),
                   T=np.stack([rows // 4] * 3, 1))
    train, val = (dataset(tmp_path, changes, split=split, val_fraction=0.4)
                  for split in ('train', 'val'))
    for name in ('image', 'text'):
        sides = [set(part.inputs[name][:, 0].tolist())
                 for part in (train, val)]
        assert sides[1] and not sides[0] & sides[1]


def test_stored_validation_is_used(tmp_path):
    made = dataset(tmp_path, split='val',
                   arrays=dict(ARRAYS, val=ARRAYS['test']))
    assert made.inputs['image'].tolist() == [[7, 7], [7, 7]]


def test_share_of_training_rows(tmp_path):
    made = dataset(tmp_path, val_fraction=0.2, fraction=0.5)
    assert made.label.bincount().tolist() == [4, 4]


def test_share_leaves_validation_alone(tmp_path):
    made = dataset(tmp_path, split='val', val_fraction=0.2, fraction=0.5)
    assert len(made) == 4


def test_length_one(tmp_path):
    made = dataset(tmp_path, split='test', l2_normalized=['image'])
    torch.testing.assert_close(made.inputs['image'],
                               torch.full((2, 2), .5**.5))
    assert made.inputs['text'][0, 0] == 8


def test_standardized_by_the_training_rows(tmp_path):
    train, test = (dataset(tmp_path, split=split, standardized=['image'])
                   for split in ('train', 'test'))
    stored = train.inputs['image']
    torch.testing.assert_close(stored.mean(0), torch.zeros(2), atol=1e-6,
                               rtol=0)
    torch.testing.assert_close(stored.std(0, correction=0), torch.ones(2))
    # The test rows alone would become 0.
    assert (test.inputs['image'] != 0).all()


def test_constant_dimension_stays_finite(tmp_path):
    made = dataset(tmp_path, dict(T=np.ones((N, 3))), arrays=dict(
        ARRAYS, val=ARRAYS['test']), standardized=['text'])
    assert not made.inputs['text'].any()


@pytest.mark.parametrize('changes, reason', [
    (dict(I=np.zeros((N - 1, 2))), r'image features must be \(N, D\) .*'
     r"f.npz, split 'train' has \(19, 2\) for 20 labels"),
    (dict(T2=np.zeros(2)), r"split 'test' has \(2,\)"),
    (dict(I2=np.zeros((2, 4))), "image features must have one size: .*f.npz "
     "has 4 in split 'test' and 2 in 'train'"),
    (dict(y2=np.array([5, 4])), r'the labels \[4\] of split .test. in .*npz'),
    (dict(T=np.where(np.arange(N)[:, None] == 6, np.nan, np.ones(3))),
     r"text features must be finite: .*'train', rows \[6\]"),
])
def test_arrays_that_do_not_fit_are_refused(tmp_path, changes, reason):
    # Whichever split is served: all is known before training.
    for split in ('train', 'test'):
        with pytest.raises(ValueError, match=reason):
            dataset(tmp_path, changes, split=split)


@pytest.mark.parametrize('options, error, reason', [
    (dict(split='dev'), KeyError, "got 'dev'"),
    (dict(l2_normalized=['audio']), ValueError, r"got \['audio'\]"),
    (dict(classes=['x']), ValueError, r'names 1, .* \[3, 5\]'),
    (dict(val_fraction=0), ValueError, r'in \(0, 1\), got 0'),
    (dict(arrays=dict(test=ARRAYS['test'])), KeyError, "those of 'train'"),
    (dict(arrays=dict(train=dict(image='I', text='T'))), KeyError,
     "'image', 'text' and 'label'"),
    (dict(arrays=dict(train=dict(ARRAYS['train'], text='X'))), KeyError,
     r"f.npz: \['X'\]"),
    (dict(splits='val'), TypeError, "'splits'"),
])
def test_options_that_do_not_fit_are_refused(tmp_path, options, error,
                                             reason):
    with pytest.raises(error, match=reason):
        dataset(tmp_path, **options)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='not found: .*no.npz'):
        dataset(tmp_path, file=str(tmp_path / 'no.npz'))


def test_other_endings_are_refused(tmp_path):
    (tmp_path / 'f.pkl').touch()
    with pytest.raises(ValueError, match='ends in .npz, .*, got .*f.pkl'):
        dataset(tmp_path, file=str(tmp_path / 'f.pkl'))


def by_name(folder, **more):
    """Arrays under the names that tools/extract_features.py gives them."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (('train', 6), ('test', 4)):
        arrays |= {f'image_{split}': rng.normal(size=(count, 3)),
                   f'text_{split}': rng.normal(size=(count, 2)),
                   f'label_{split}': np.arange(count) % 2}
    path = folder / 'named.npz'
    np.savez(path, **dict(arrays, classes=np.array(['x', 'y'])) | more)
    return str(path)


def test_arrays_are_found_by_their_names(tmp_path):
    data = FeaturePairDataset(by_name(tmp_path), split='test')
    assert len(data) == 4 and data.metainfo['classes'] == ('x', 'y')
    assert data[3]['data_samples']['image_idx'] == 3


def test_rows_of_one_image_have_the_number_of_the_first(tmp_path):
    data = FeaturePairDataset(by_name(
        tmp_path, partner_test=np.array([7, 7, 8, 9])), split='test')
    samples = data.__getitems__([0, 1, 2])['data_samples']
    assert samples['image_idx'].tolist() == [0, 0, 2]
    assert samples['text_idx'].tolist() == [0, 1, 2]


def test_file_without_such_names_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', F=np.zeros((2, 2)))
    with pytest.raises(KeyError, match="'label_train': .*a.npz has "
                       r"\['F'\]"):
        FeaturePairDataset(str(tmp_path / 'a.npz'))


def test_labels_of_several_columns_are_several_labels(tmp_path):
    labels = dict(label_train=np.array([[1, 1], [0, 1]] * 3),
                  label_test=np.array([[1, 0]] * 4))
    data = FeaturePairDataset(by_name(tmp_path, **labels), split='test')
    assert data[0]['data_samples']['label'].tolist() == [1, 0]
    labels['label_test'] = labels['label_test'] * 2
    with pytest.raises(ValueError, match='must be 0 or 1'):
        FeaturePairDataset(by_name(tmp_path, **labels), split='test')


def test_class_of_several_without_training_rows_is_refused(tmp_path):
    labels = dict(label_train=np.array([[1, 0], [1, 0]] * 3),
                  label_test=np.array([[1, 1]] * 4))
    with pytest.raises(ValueError, match=r'labels \[1\] of split'):
        FeaturePairDataset(by_name(tmp_path, **labels), split='test')


# Several classes as lists.


def as_lists(matrix, split):
    """The arrays that stand for a matrix of 0 and 1."""
    rows = [np.flatnonzero(row == 1) for row in np.asarray(matrix)]
    return {f'label_{split}_indices': np.concatenate(rows),
            f'label_{split}_indptr': np.cumsum([0, *map(len, rows)])}


def listed(folder, **options):
    """A file whose labels are lists in place of a matrix."""
    path = by_name(folder)
    with np.load(path) as stored:
        arrays = {name: value for name, value in stored.items()
                  if not name.startswith('label_')}
    np.savez(path, **arrays | as_lists([[1, 1], [0, 1]] * 3, 'train')
             | as_lists([[1, 0], [0, 0]] * 2, 'test') | options)
    return path


def test_lists_are_the_labels_of_their_matrix(tmp_path):
    data = FeaturePairDataset(listed(tmp_path), split='test')
    assert data.metainfo['classes'] == ('x', 'y') and data.has_several
    label = data.__getitems__([2, 1])['data_samples']['label']
    # A row of no class is one whose class is not known.
    assert label[0].tolist() == [1, 0] and label[1].isnan().all()
    assert data[0]['data_samples']['label'].tolist() == [1, 0]


@pytest.mark.parametrize('options', [
    {}, dict(split='val'), dict(fraction=.5), dict(per_class=2),
    dict(fraction=.5, rest='unlabelled'), dict(only='labelled')])
def test_lists_and_matrix_serve_the_same_rows(tmp_path, options):
    rng = np.random.default_rng(1)
    matrix = (rng.random((60, 12)) < .15).astype(np.float32)
    matrix[:, 0] = np.arange(60) % 2  # a class of two in each row
    matrix[:, 1] = 1 - matrix[:, 0]
    parts = {name: rng.normal(size=(60, 2)) for name in (
        'image_train', 'text_train')}
    np.savez(tmp_path / 'matrix.npz', **parts, label_train=matrix)
    np.savez(tmp_path / 'lists.npz', **parts, **as_lists(matrix, 'train'))
    one, other = (FeaturePairDataset(
        str(tmp_path / name), val_fraction=.3, **options)
        for name in ('matrix.npz', 'lists.npz'))
    assert len(one) and torch.equal(one.inputs['image'],
                                    other.inputs['image'])
    assert torch.equal(one.label.nan_to_num(-1), other.label.nan_to_num(-1))


def test_a_row_of_zeros_in_a_matrix_stays_zeros(tmp_path):
    label = np.tile([[1., 0.], [0., 1.]], (N // 2, 1))
    label[4] = 0
    made = dataset(tmp_path, dict(y=label, y2=np.eye(2)), val_fraction=.2,
                   arrays=dict(ARRAYS, val=ARRAYS['test']))
    assert made.label[4].tolist() == [0, 0]


@pytest.mark.parametrize('changes, reason', [
    (dict(label_test_indptr=np.array([0, 1, 1, 3, 2])),
     r"must rise from 0 to the number of class numbers, 2: .*'test'"),
    (dict(label_test_indptr=np.array([0, 1, 2])), 'for 2 labels'),
    (dict(label_test_indices=np.array([0, 2])),
     r"lie in \[0, 2\): .*'test' has 0 to 2"),
    (dict(label_test_indices=np.array([0., 1.])), 'must be whole numbers')])
def test_lists_that_are_none_are_refused(tmp_path, changes, reason):
    with pytest.raises(ValueError, match=reason):
        FeaturePairDataset(listed(tmp_path, **changes))


def test_ten_thousand_classes_cost_what_their_pairs_cost(tmp_path):
    # As a matrix of float32 these labels would be 4 GB; they are 1.6 MB.
    rows, classes = 100_000, 10_000
    codes = (np.arange(2 * rows) // 2 * 7 + np.arange(2 * rows) % 2
             ) % classes
    features = np.arange(rows, dtype=np.float32)[:, None]
    parts = dict(image_val=features, text_val=features, label_val_indices=
                 codes, label_val_indptr=np.arange(0, 2 * rows + 1, 2))
    np.savez(tmp_path / 'many.npz', **parts, **{
        name.replace('val', 'train'): value
        for name, value in parts.items()})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = FeaturePairDataset(str(tmp_path / 'many.npz'))
    batch = data.__getitems__(range(64))['data_samples']['label']
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(data.metainfo['classes']) == classes
    assert batch.shape == (64, classes) and batch.sum() == 128
    assert grown < 300_000  # KiB


# Pairs without a class.


def without_some(values):
    """Every fifth training pair has no class, and val_fraction is off."""
    label = np.array([3, 5] * (N // 2), dtype=float)
    label[::5] = values
    return dict(y=label)


@pytest.mark.parametrize('mark', [-1, np.nan])
def test_a_pair_without_class_has_label_minus_1(tmp_path, mark):
    made = dataset(tmp_path, without_some(mark), only='unlabelled',
                   val_fraction=.2)
    assert set(made.label.tolist()) == {-1}
    assert made.metainfo['classes'] == ('3', '5')


def test_pairs_without_class_are_not_in_validation(tmp_path):
    made = dataset(tmp_path, without_some(-1), split='val', val_fraction=.5)
    assert -1 not in made.label.tolist()


def test_pairs_with_a_class_are_served_alone(tmp_path):
    made = dataset(tmp_path, without_some(-1), only='labelled')
    assert set(made.label.tolist()) == {0, 1}


def test_both_selections_are_all_rows_and_prepared_alike(tmp_path):
    whole, *parts = (dataset(tmp_path, without_some(-1), only=only,
                             standardized=('image', ))
                     for only in (None, 'labelled', 'unlabelled'))
    rows = torch.cat([part.inputs['image'] for part in parts])
    assert sorted(rows.tolist()) == sorted(whole.inputs['image'].tolist())


def test_rows_left_out_by_few_labels_may_stay_without_class(tmp_path):
    made = dataset(tmp_path, per_class=2, rest='unlabelled')
    assert sorted(made.label.tolist()) == [-1] * (len(made) - 4) + [0, 0, 1,
                                                                    1]


def test_multi_hot_rows_without_class_are_nan(tmp_path):
    label = np.tile([[1., 0.], [0., 1.]], (N // 2, 1))
    label[4] = np.nan
    made = dataset(tmp_path, dict(y=label, y2=np.eye(2)), only='unlabelled',
                   val_fraction=.2)
    assert made.label.isnan().all()
    assert made.label.shape == (1, 2)


def test_no_row_without_class_is_an_empty_set(tmp_path):
    assert len(dataset(tmp_path, only='unlabelled')) == 0


def test_refuses_one_class_beside_minus_1(tmp_path):
    made = dict(y=np.array([-1, 1] * (N // 2)), y2=np.array([1, 1]))
    with pytest.raises(ValueError, match='-1 means that the pair has no'):
        dataset(tmp_path, made)


def test_folds_deal_the_rows_of_both_splits(tmp_path):
    rows = np.arange(20, dtype=np.float32).reshape(10, 2)
    file = tmp_path / 'rows.npz'
    np.savez(file, **{f'{name}_{split}': rows[part] for name in (
        'image', 'text') for split, part in dict(
            train=slice(0, 6), val=slice(6, 8), test=slice(8, 10)).items()},
        label_train=[0, 1] * 3, label_val=[0, 1], label_test=[0, 1])
    held_out = []
    for number in range(4):
        data = [FeaturePairDataset(str(file), split=split, fold=(number, 4))
                for split in ('train', 'val')]
        assert [len(part) for part in data] == [6, 2]
        held_out += data[1].inputs['image'][:, 0].tolist()
    assert sorted(held_out) == rows[:8, 0].tolist()
