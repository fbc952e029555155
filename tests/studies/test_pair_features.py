"""Ready features of a set: read, checked, prepared."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from short_run import write_config
from small_set import small_set, write_small_set
from tiny_config import shrunk

from chtn_plugin.studies import pair_features
from chtn_plugin.studies.pair_features import (
    prepare,
    read_pair_features,
    save_pair_features,
    with_class_prior,
)
from chtn_plugin.studies.source_rows import read_source


def test_a_file_is_read_as_it_was_written(tmp_path):
    found = read_pair_features(write_small_set(tmp_path / 'a.npz'))
    assert found.name == 'a'
    assert found.fingerprint == small_set().fingerprint
    assert found.num_classes == 3


def test_a_name_may_be_given(tmp_path):
    path = write_small_set(tmp_path / 'a.npz')
    assert read_pair_features(path, 'other').name == 'other'


def test_validation_rows_of_a_configuration_are_training_rows(tmp_path):
    found = read_pair_features(write_config(tmp_path))
    assert (found.train.sum(), (~found.train).sum()) == (37, 20)
    assert found.image.shape == (57, 6) and found.text.shape == (57, 5)


def test_prepared_rows_have_mean_0_and_mean_square_length_1():
    found = prepare(small_set(), None, ())
    rows = found.image[found.train]
    np.testing.assert_allclose(rows.mean(0), 0, atol=1e-6)
    assert (rows**2).sum(1).mean() == pytest.approx(1, abs=1e-6)


def test_preparing_looks_at_training_rows_alone():
    one, other = small_set(), small_set()
    other.image[~other.train] *= 9
    np.testing.assert_allclose(
        prepare(one, 3).image[one.train], prepare(
            other, 3).image[one.train], atol=1e-6)


def test_principal_components_are_cut():
    assert prepare(small_set(), 2).text.shape == (63, 2)


def test_lengths_go_where_asked():
    one = small_set()
    scaled = replace(one, image=one.image * np.arange(1, 64)[:, None].astype(
        np.float32))
    np.testing.assert_allclose(prepare(one, None, ('image', )).image,
                               prepare(scaled, None, ('image', )).image,
                               atol=1e-5)


def test_other_numbers_have_another_fingerprint():
    one, other = small_set(), small_set()
    other.text[3, 2] += 1
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(('change', 'message'), [
    (dict(image=np.zeros((62, 6), np.float32)), r'\(62, 6\) for 63 labels'),
    (dict(text=np.full((63, 5), np.nan, np.float32)), r'rows \[0, 1, 2, 3'),
    (dict(train=np.ones(63, bool)), '63 of 63 training rows'),
    (dict(label=np.r_[np.zeros(48, int), np.ones(15, int)]),
     r'the labels \[1\] in its test split alone')])
def test_arrays_that_do_not_fit_are_refused(tmp_path, change, message):
    made = replace(small_set(), **change)
    save_pair_features(tmp_path / 'a.npz', vars(made))
    with pytest.raises(ValueError, match=message):
        read_pair_features(tmp_path / 'a.npz')


def test_a_missing_array_is_named(tmp_path):
    np.savez(tmp_path / 'a.npz', image=np.zeros((2, 2)))
    with pytest.raises(KeyError, match=r"\['text', 'label', 'train'\]"):
        read_pair_features(tmp_path / 'a.npz')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='data not found'):
        read_pair_features(tmp_path / 'none.npz')


@pytest.mark.parametrize('read', [read_pair_features, read_source])
def test_a_misspelt_configuration_is_told_its_near_name(tmp_path, read):
    (tmp_path / 'cca_own.py').write_text('')
    with pytest.raises(FileNotFoundError, match=(
            r'configuration not found: .*cca_onw\.py: did you mean '
            r'.*cca_own\.py\?')):
        read(tmp_path / 'cca_onw.py')


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / 'a.txt').write_text('')
    with pytest.raises(ValueError, match='a file of arrays ends in .npz'):
        read_pair_features(tmp_path / 'a.txt')


def split_arrays(**more):
    made, arrays = small_set(), {}
    for split, rows in (('train', slice(0, 40)), ('val', slice(40, 48)),
                        ('test', slice(48, 63))):
        arrays |= {f'{name}_{split}': getattr(made, name)[rows]
                   for name in ('image', 'text', 'label')}
    return arrays | more


def test_arrays_of_each_split_are_read_validation_with_training(tmp_path):
    np.savez(tmp_path / 'a.npz', **split_arrays())
    assert read_pair_features(
        tmp_path / 'a.npz').fingerprint == small_set().fingerprint


def test_several_classes_a_pair_are_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', **split_arrays(label_train=np.ones((40, 3))))
    with pytest.raises(ValueError, match='several classes a pair'):
        read_pair_features(tmp_path / 'a.npz')


def test_a_missing_array_of_a_split_is_named(tmp_path):
    arrays = split_arrays()
    del arrays['text_test']
    np.savez(tmp_path / 'a.npz', **arrays)
    with pytest.raises(KeyError, match='text_test'):
        read_pair_features(tmp_path / 'a.npz')


def test_validation_data_that_are_the_test_data_do_not_train(tmp_path):
    found = read_pair_features(write_config(tmp_path, '''
val_dataloader = test_dataloader
'''))
    whole = read_pair_features(write_config(tmp_path))
    assert (~found.train).sum() == (~whole.train).sum() == 20
    tested = {row.tobytes() for row in found.image[~found.train]}
    assert not tested & {row.tobytes() for row in found.image[found.train]}


def test_labels_must_be_whole_numbers(tmp_path):
    arrays = split_arrays()
    arrays['label_train'] = arrays['label_train'] + .5
    np.savez(tmp_path / 'a.npz', **arrays)
    with pytest.raises(ValueError, match='label must hold whole numbers'):
        read_pair_features(tmp_path / 'a.npz')


def test_pairs_without_class_of_a_configuration_have_label_minus_1(tmp_path):
    path = write_config(tmp_path, '''
pairs = dict(train_dataloader['dataset']['target'], fraction=.5,
             rest='unlabelled')
train_dataloader['dataset'].update(
    target=dict(pairs, only='labelled'),
    unlabelled=dict(pairs, only='unlabelled'))
''')
    found = read_pair_features(path)
    assert (found.train.sum(), (~found.train).sum()) == (37, 20)
    assert (found.label[found.train] == -1).any()


def write_prior(path, **changes):
    rng = np.random.default_rng(3)
    arrays = dict(source_weight=rng.normal(size=(4, 6)),
                  source_bias=rng.normal(size=4),
                  source_names=rng.normal(size=(4, 2)),
                  target_names=rng.normal(size=(3, 2)))
    np.savez(path, **{**arrays, **changes})
    return arrays


def test_the_classifier_of_a_prior_scores_prepared_images_alike(tmp_path):
    arrays = write_prior(tmp_path / 'p.npz')
    made = small_set()
    found = with_class_prior(prepare(made, None), tmp_path / 'p.npz', 7.)
    unit = made.image / np.linalg.norm(made.image, axis=1, keepdims=True)
    np.testing.assert_allclose(
        found.image @ found.prior['source_weight'].T
        + found.prior['source_bias'],
        7 * unit @ arrays['source_weight'].T + arrays['source_bias'],
        rtol=1e-4, atol=1e-4)


def test_of_a_prior_with_another_classifier_the_names_remain(tmp_path):
    arrays = write_prior(tmp_path / 'p.npz', source_weight=np.ones((4, 5)))
    found = with_class_prior(prepare(small_set(), None), tmp_path / 'p.npz',
                             1.)
    assert list(found.prior) == ['target_names']
    np.testing.assert_allclose(found.prior['target_names'],
                               arrays['target_names'], rtol=1e-6)


def test_a_prior_of_other_classes_is_refused(tmp_path):
    write_prior(tmp_path / 'p.npz', target_names=np.ones((2, 2)))
    with pytest.raises(ValueError, match='has 2, small has 3 classes'):
        with_class_prior(prepare(small_set(), None), tmp_path / 'p.npz', 1.)


@pytest.fixture
def pictures(tmp_path):
    """The demo's configuration on a few pictures of 32 by 32."""
    demo = Path(__file__).parents[2] / 'configs/methods'
    return shrunk(demo / 'semantic_matching_demo.py', tmp_path)[0]


def test_pixels_of_small_pictures_are_vectors(pictures):
    found = read_pair_features(pictures)
    assert found.image.shape[1] == 1024
    # As the configuration's preprocessor gives them: black is 1, white 0.
    assert 0 <= found.image.min() and found.image.max() <= 1


def test_larger_pictures_need_an_encoder(pictures, monkeypatch):
    monkeypatch.setattr(pair_features, '_PIXELS', 1023)
    with pytest.raises(ValueError, match='must be ready features'):
        read_pair_features(pictures)
