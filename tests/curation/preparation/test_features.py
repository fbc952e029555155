"""Feature files of the public repositories, written here as they write."""
from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import scipy.io

from chtn_plugin.curation.preparation.features import (
    read_features,
    read_xmedia,
)
from chtn_plugin.storage.arrays import read_arrays

RNG = np.random.default_rng(0)
I_TR, I_TE = RNG.normal(size=(6, 4)), RNG.normal(size=(3, 4))
T_TR, T_TE = RNG.normal(size=(6, 2)), RNG.normal(size=(3, 2))
Y_TR, Y_TE = np.array([0, 1, 2, 0, 1, 2]), np.array([2, 1, 0])


def check(arrays):
    np.testing.assert_allclose(arrays['image_train'], I_TR)
    np.testing.assert_allclose(arrays['text_test'], T_TE)
    assert arrays['label_train'].tolist() == Y_TR.tolist()
    assert arrays['label_test'].tolist() == Y_TE.tolist()


def test_wikipedia_features_take_labels_from_the_lists(tmp_path):
    scipy.io.savemat(tmp_path / 'raw_features.mat', dict(
        I_tr=I_TR, I_te=I_TE, T_tr=T_TR, T_te=T_TE))
    for split, label in (('train', Y_TR), ('test', Y_TE)):
        (tmp_path / f'{split}set_txt_img_cat.list').write_text(
            ''.join(f't{i}\ti{i}\t{y + 1}\n' for i, y in enumerate(label)))
    check(read_features(tmp_path / 'raw_features.mat'))


def test_dscmr_folder_with_one_hot_labels(tmp_path):
    for name, array in dict(
            train_img=I_TR, train_txt=T_TR, train_img_lab=np.eye(3)[Y_TR],
            test_img=I_TE, test_txt=T_TE,
            test_img_lab=np.eye(3)[Y_TE]).items():
        scipy.io.savemat(tmp_path / f'{name}.mat', {name: array})
    check(read_features(tmp_path))


def test_mrl_hdf5_with_validation_part(tmp_path):
    with h5py.File(tmp_path / 'wiki.h5py', 'w') as file:
        for split, rows in (('train', (I_TR, T_TR, Y_TR)),
                            ('valid', (I_TE, T_TE, Y_TE)),
                            ('test', (I_TE, T_TE, Y_TE))):
            for name, array in zip(('imgs_deep', 'texts', 'imgs_labels'),
                                   rows, strict=True):
                file[f'{split}_{name}'] = array
    arrays = read_features(tmp_path / 'wiki.h5py')
    check(arrays)
    assert len(arrays['image_val']) == 3


def test_roph_npz_with_labels_from_one(tmp_path):
    np.savez(tmp_path / 'a.npz', I_tr=I_TR, I_te=I_TE, T_tr=T_TR, T_te=T_TE,
             y_tr=Y_TR + 1, y_te=Y_TE + 1)
    check(read_features(tmp_path / 'a.npz'))


def test_matlab_73_is_transposed_back(tmp_path):
    path = tmp_path / 'a.mat'
    with h5py.File(path, 'w', userblock_size=512) as file:
        for name, array in dict(I_tr=I_TR, I_te=I_TE, T_tr=T_TR, T_te=T_TE,
                                y_tr=Y_TR[:, None], y_te=Y_TE[:, None]
                                ).items():
            file[name] = array.T
    with path.open('r+b') as file:
        file.write(b'MATLAB 7.3 MAT-file'.ljust(128))
    check(read_features(path))


def test_names_can_be_given(tmp_path):
    np.savez(tmp_path / 'a.npz', mine=I_TR, I_te=I_TE, T_tr=T_TR, T_te=T_TE,
             y_tr=Y_TR, y_te=Y_TE)
    with pytest.raises(KeyError, match='--array image_train=NAME'):
        read_features(tmp_path / 'a.npz')
    check(read_features(tmp_path / 'a.npz', {'image_train': 'mine'}))


def test_multi_hot_labels_stay_rows(tmp_path):
    both = np.array([[1, 1], [0, 1], [1, 0], [1, 0], [0, 1], [1, 0]])
    np.savez(tmp_path / 'a.npz', I_tr=I_TR, I_te=I_TE, T_tr=T_TR, T_te=T_TE,
             L_tr=both, L_te=both[:3])
    assert read_features(tmp_path / 'a.npz')['label_train'].tolist() == (
        both.tolist())


def test_rows_that_disagree_are_named(tmp_path):
    np.savez(tmp_path / 'a.npz', I_tr=I_TR, I_te=I_TE, T_tr=T_TR[:4],
             T_te=T_TE, y_tr=Y_TR, y_te=Y_TE)
    with pytest.raises(ValueError, match='text_train .* has 4 rows'):
        read_features(tmp_path / 'a.npz')


def test_numbers_that_are_not_finite_are_named(tmp_path):
    np.savez(tmp_path / 'a.npz', I_tr=I_TR * np.nan, I_te=I_TE, T_tr=T_TR,
             T_te=T_TE, y_tr=Y_TR, y_te=Y_TE)
    with pytest.raises(ValueError, match='image_train'):
        read_features(tmp_path / 'a.npz')


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), 'w'))


def test_pickles_are_never_executed(tmp_path):
    target = tmp_path / 'executed'
    np.savez(tmp_path / 'a.npz', x=np.array([Bomb(target)], object),
             y=np.ones(3))
    assert list(read_arrays(tmp_path / 'a.npz')) == ['y']
    (tmp_path / 'b.npz').write_bytes(pickle.dumps(Bomb(target)))
    with pytest.raises(ValueError, match=r'b\.npz cannot be read'):
        read_arrays(tmp_path / 'b.npz')
    assert not target.exists()


@pytest.mark.parametrize('name', ['a.mat', 'a.npz', 'a.h5'])
def test_damaged_files_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b'no such format' * 50)
    with pytest.raises(ValueError, match=f'{name} cannot be read'):
        read_arrays(tmp_path / name)


def test_pickle_files_are_no_feature_files(tmp_path):
    (tmp_path / 'a.pkl').write_bytes(b'')
    with pytest.raises(ValueError, match='ends in'):
        read_arrays(tmp_path / 'a.pkl')


def test_external_links_are_passed_over(tmp_path):
    with h5py.File(tmp_path / 'other.h5', 'w') as file:
        file['x'] = np.ones(3)
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['x'] = h5py.ExternalLink(str(tmp_path / 'other.h5'), '/x')
        file['y'] = np.ones(3)
    assert list(read_arrays(tmp_path / 'a.h5')) == ['y']


def xmedia(path, n=4):
    arrays = {}
    for short in ('tr', 'te'):
        for name, cat in (('I_{}_CNN', '{}ImgCat'), ('T_{}_BOW', '{}TxtCat'),
                          ('A_{}', '{}AudCat'), ('V_{}_CNN', '{}VidCat'),
                          ('d3_{}', '{}3dCat')):
            arrays[name.format(short)] = RNG.normal(size=(n, 3))
            arrays[cat.format(short)] = np.arange(1, n + 1)[:, None]
    scipy.io.savemat(path, arrays)


def test_xmedia_has_five_media(tmp_path, run):
    (tmp_path / 's').mkdir()
    xmedia(tmp_path / 's/XMediaFeatures.mat')
    arrays = read_xmedia(tmp_path / 's/XMediaFeatures.mat')
    assert arrays['model3d_label_test'].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match='image train must have 4000'):
        run('xmedia', tmp_path / 's', tmp_path / 'out')
    run('xmedia', tmp_path / 's', tmp_path / 'out', '--allow-other-counts')
    with np.load(tmp_path / 'out/features.npz') as file:
        assert file['audio_train'].shape == (4, 3)


def test_unless_asked_none_are_cut_for_validation(tmp_path, run):
    (tmp_path / 's').mkdir()
    np.savez(tmp_path / 's/a.npz', I_tr=I_TR, I_te=I_TE, T_tr=T_TR, T_te=T_TE,
             y_tr=Y_TR, y_te=Y_TE)
    run('features', tmp_path / 's', tmp_path / 'out')
    with np.load(tmp_path / 'out/features.npz') as file:
        assert file['image_train'].shape == (6, 4)
        assert 'image_val' not in file
    with pytest.raises(ValueError, match='must be in .0, 1., got 0.0'):
        run('features', tmp_path / 's', tmp_path / 'no', '--val-fraction',
            '0')


def test_validation_rows_can_be_cut(tmp_path, run):
    (tmp_path / 's').mkdir()
    np.savez(tmp_path / 's/a.npz', I_tr=np.arange(80).reshape(20, 4),
             I_te=I_TE, T_tr=np.arange(40).reshape(20, 2), T_te=T_TE,
             y_tr=np.arange(20) % 2, y_te=Y_TE % 2)
    run('features', tmp_path / 's', tmp_path / 'out', '--val-fraction', '.1')
    with np.load(tmp_path / 'out/features.npz') as file:
        assert sorted(file['label_val']) == [0, 1]
        assert file['image_train'].shape == (18, 4)
