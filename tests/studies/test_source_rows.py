"""The source domain of a benchmark: read, prepared as the set."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from short_run import write_config
from small_set import small_set, write_small_set
from tiny_config import shrunk

from chtn_plugin.studies.pair_features import prepare, save_pair_features
from chtn_plugin.studies.source_rows import (
    SourceRows,
    read_source,
    with_source,
)


def rows(**changes):
    one = replace(small_set(noise=.5), **changes)
    return SourceRows('other', one.image, one.label, one.text)


def test_pairs_of_a_file_are_a_source_those_without_a_class_left_out(
        tmp_path):
    one = small_set()
    one.label[:2] = -1
    path = tmp_path / 'a.npz'
    save_pair_features(path, dict(image=one.image, text=one.text,
                                  label=one.label, train=one.train))
    found = read_source(path)
    np.testing.assert_array_equal(found.image, one.image[2:])
    np.testing.assert_array_equal(found.text, one.text[2:])
    np.testing.assert_array_equal(found.label, one.label[2:])


def test_images_alone_are_a_source(tmp_path):
    image = np.arange(12, dtype=np.float16).reshape(3, 4)
    np.savez(tmp_path / 'f.npz', F=image, label=np.array([0, 1, 1]))
    found = read_source(tmp_path / 'f.npz')
    assert found.text is None and found.name == 'f'
    np.testing.assert_array_equal(found.image, image)
    assert found.label.tolist() == [0, 1, 1]


def test_of_a_configuration_its_source_domain_is_taken(tmp_path):
    found = read_source(write_config(tmp_path))
    with np.load(next(tmp_path.rglob('source*.npz'))) as stored:
        np.testing.assert_array_equal(found.image,
                                      stored['F'].astype('f4'))
    assert found.text is None


def test_the_source_of_a_configuration_may_be_pairs(tmp_path):
    source = write_small_set(tmp_path / 'other.npz')
    found = read_source(write_config(tmp_path, f'''
train_dataloader['dataset']['source'] = dict(
    type='FeaturePairDataset', file={str(source)!r},
    arrays=dict.fromkeys(('train', 'val'), dict(
        image='image', text='text', label='label')))
'''))
    np.testing.assert_array_equal(found.text, small_set().text)


def test_a_configuration_without_a_source_gives_its_pairs(tmp_path):
    found = read_source(write_config(
        tmp_path, "train_dataloader['dataset']['source'] = None"))
    assert found.text.shape == (57, 5)


def test_pixels_that_are_cropped_at_random_are_the_same_each_time(tmp_path):
    demo = Path(__file__).parents[2] / 'configs' / 'chtn_demo.py'
    config = shrunk(demo, tmp_path)[0]
    before = np.random.get_state()[1].copy()
    one, other = (read_source(config) for _ in range(2))
    assert one.image.shape[1] == 32 * 32 and one.image.max() <= 1
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_a_source_is_prepared_as_the_set():
    plain = prepare(small_set(), 3)
    found = with_source(plain, rows())
    for name in ('image', 'text'):
        np.testing.assert_array_equal(
            getattr(found.source, name),
            plain.steps[name].apply(getattr(rows(), name)))
    assert found.fingerprint == plain.fingerprint


def test_test_rows_of_the_set_are_no_source():
    one = small_set()
    source = SourceRows('self', one.image, one.label, one.text)
    with pytest.raises(ValueError, match='15 images of self are tested in '
                       'small'):
        with_source(prepare(one, 3), source)
    train = replace(source, image=one.image[one.train],
                    label=one.label[one.train], text=one.text[one.train])
    assert with_source(prepare(one, 3), train).source.name == 'self'


def test_a_source_needs_no_test_split(tmp_path):
    one = small_set()
    np.savez(tmp_path / 'a.npz', image=one.image, text=one.text,
             label=one.label, train=np.ones(len(one.label), bool))
    assert len(read_source(tmp_path / 'a.npz').label) == 63


def test_numbers_of_a_source_must_be_finite(tmp_path):
    np.savez(tmp_path / 'f.npz', F=np.array([[1., np.nan]]),
             label=np.array([0]))
    with pytest.raises(ValueError, match='f.npz, rows .0. are not'):
        read_source(tmp_path / 'f.npz')


def test_another_source_has_another_fingerprint():
    images = replace(rows(), text=None)
    assert len({rows().fingerprint, images.fingerprint, replace(
        images, label=images.label + 1).fingerprint}) == 3


def test_a_source_of_other_encoders_is_refused():
    with pytest.raises(ValueError, match='has images of 9 numbers, small of '
                       '6'):
        with_source(prepare(small_set(), None), rows(
            image=np.zeros((63, 9), np.float32)))


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.npz'):
        read_source(tmp_path / 'none.npz')
