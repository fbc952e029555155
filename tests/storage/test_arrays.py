"""The one reader of arrays: what it takes, and what it refuses."""
from __future__ import annotations

import io
import zipfile

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from chtn_plugin.storage.arrays import ArrayFile, read_arrays

X = np.arange(6.).reshape(3, 2)


def written(path, **arrays):
    if path.suffix == '.npz':
        np.savez(path, **arrays)
    elif path.suffix == '.mat':
        scipy.io.savemat(path, arrays)
    else:
        with h5py.File(path, 'w') as file:
            for name, array in arrays.items():
                file[name] = array
    return path


def header(shape, dtype='<f8'):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, dict(shape=shape, fortran_order=False, descr=dtype))
    return file.getvalue()


def refused(path, name='x', numbers=True):
    """What is said when an array is asked for."""
    with pytest.raises(ValueError, match='cannot be read: ') as error:
        file = ArrayFile(path)
        file.numbers(name) if numbers else file[name]
    assert str(error.value).startswith(f'{path} cannot be read')
    return str(error.value)


@pytest.mark.parametrize('name', ['a.npz', 'a.mat', 'a.h5', 'A.NPZ'])
def test_arrays_come_by_name(tmp_path, name):
    file = ArrayFile(written(tmp_path / name.lower(), x=X, y=X > 2))
    assert set(file) == {'x', 'y'} and len(file) == 2 and 'z' not in file
    np.testing.assert_array_equal(file['x'], X)
    np.testing.assert_array_equal(file.numbers('y'), X > 2)


def test_npy_holds_one_array_without_a_name(tmp_path):
    np.save(tmp_path / 'a.npy', X)
    np.testing.assert_array_equal(ArrayFile(tmp_path / 'a.npy')[''], X)


def test_unknown_name_is_told_those_there_are(tmp_path):
    file = ArrayFile(written(tmp_path / 'a.npz', x=X))
    with pytest.raises(KeyError, match=r"has the arrays \['x'\], not 'z'"):
        file.numbers('z')


def test_sparse_array_comes_dense(tmp_path):
    path = written(tmp_path / 'a.mat', x=scipy.sparse.csc_matrix(X))
    np.testing.assert_array_equal(ArrayFile(path)['x'], X)


@pytest.mark.parametrize('name', ['a.npz', 'a.mat'])
def test_text_is_read_where_it_is_wanted_alone(tmp_path, name):
    path = written(tmp_path / name, x=np.array(['ab', 'cd']))
    assert ArrayFile(path)['x'].tolist() == ['ab', 'cd']
    assert "'x' must hold numbers" in refused(path)


def test_text_of_hdf5_is_read_as_text(tmp_path):
    path = tmp_path / 'a.h5'
    with h5py.File(path, 'w') as file:
        file['x'] = ['äb', 'c']
    assert ArrayFile(path)['x'].tolist() == ['äb', 'c']
    assert 'must hold numbers' in refused(path)


@pytest.mark.parametrize('name', ['a.npz', 'a.mat', 'a.h5'])
def test_complex_numbers_are_no_features(tmp_path, name):
    assert 'must hold' in refused(written(tmp_path / name, x=X + 1j))


@pytest.mark.parametrize('path, value', [
    ('a.npz', np.array([{}, []], object)),
    ('a.mat', np.array([{'a': 1}, 'b'], object)),
    ('a.mat', {'a': X})], ids=['objects', 'cells', 'structure'])
def test_objects_are_refused_by_name(tmp_path, path, value):
    assert "'x'" in refused(written(tmp_path / path, x=value, y=X), 'x',
                            numbers=False)
    assert list(read_arrays(tmp_path / path)) == ['y']


def test_pickle_with_another_ending_is_not_opened(tmp_path):
    (tmp_path / 'a.pkl').write_bytes(b'')
    with pytest.raises(ValueError, match='pickles are not read'):
        ArrayFile(tmp_path / 'a.pkl')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'weights not found: .*a\.h5'):
        ArrayFile(tmp_path / 'a.h5', 'weights')


@pytest.fixture
def secret(tmp_path):
    """A file whose numbers no other file may show."""
    (tmp_path / 'raw').write_bytes(X.tobytes())
    return written(tmp_path / 'secret.h5', x=X)


def external_link(file, secret):
    file['x'] = h5py.ExternalLink(str(secret), '/x')


def soft_link(file, secret):
    file['far'] = h5py.ExternalLink(str(secret), '/')
    file['x'] = h5py.SoftLink('/far/x')


def external_storage(file, secret):
    file.create_dataset('x', X.shape, 'f8', external=[
        (str(secret.with_name('raw')), 0, h5py.h5f.UNLIMITED)])


def virtual(file, secret):
    layout = h5py.VirtualLayout(X.shape, 'f8')
    layout[:] = h5py.VirtualSource(str(secret), 'x', shape=X.shape)
    file.create_virtual_dataset('x', layout)


@pytest.mark.parametrize('way', [external_link, soft_link, external_storage,
                                 virtual])
def test_nothing_outside_the_file_is_read(tmp_path, secret, way):
    path = tmp_path / 'a.h5'
    with h5py.File(path, 'w') as file:
        way(file, secret)
    assert 'only what lies in the file itself is read' in refused(path)
    assert read_arrays(path) == {}


def test_small_npz_that_unpacks_to_much_is_refused(tmp_path, monkeypatch):
    # 1,000 zeros pack to far below a 200th of their 8,000 bytes.
    monkeypatch.setattr('chtn_plugin.storage.arrays.SMALL_BYTES', 1 << 20)
    path = tmp_path / 'a.npz'
    np.savez_compressed(path, x=np.zeros((1000, 1000)))
    assert path.stat().st_size * 200 < 8e6
    assert 'it claims 0.0 GB, in a file of 0.0' in refused(path)


def test_claims_of_arrays_add_up(tmp_path, monkeypatch):
    monkeypatch.setattr('chtn_plugin.storage.arrays.SMALL_BYTES', 1 << 20)
    monkeypatch.setattr('chtn_plugin.storage.arrays.MAX_EXPANSION', 1)
    path = tmp_path / 'a.npz'
    np.savez_compressed(path, **{f'x{i}': np.zeros(50_000) for i in range(3)})
    file = ArrayFile(path)
    assert file['x0'].size == file['x1'].size == 50_000
    with pytest.raises(ValueError, match="with 'x2' it claims"):
        file.numbers('x2')
    assert file['x0'].size == 50_000


@pytest.mark.parametrize('shape', [(1 << 50, ), (1 << 40, 1 << 40)])
def test_terabytes_that_a_header_claims_are_refused(tmp_path, shape):
    (tmp_path / 'a.npy').write_bytes(header(shape) + X.tobytes())
    assert 'is cut off: it claims' in refused(tmp_path / 'a.npy', '')
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as file:
        file.writestr('x.npy', header(shape) + X.tobytes())
    assert "'x' is cut off: it claims" in refused(tmp_path / 'a.npz')


def test_long_strings_that_a_header_claims_are_refused(tmp_path):
    (tmp_path / 'a.npy').write_bytes(header((2, ), '<U400000000') + b'x')
    assert 'it claims 3200000000 bytes' in refused(tmp_path / 'a.npy', '',
                                                   numbers=False)


def test_terabytes_that_hdf5_claims_are_refused(tmp_path):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        # Nothing is written of it: its zeros stand nowhere.
        file.create_dataset('x', (1 << 20, 1 << 20), 'f8', chunks=(64, 64))
    assert 'it claims 8796.1 GB' in refused(tmp_path / 'a.h5')


def test_sparse_array_that_is_dense_in_terabytes_is_refused(tmp_path):
    path = written(tmp_path / 'a.mat', x=scipy.sparse.csc_matrix(
        (np.ones(1), ([0], [0])), (1 << 22, 1 << 20)))
    assert 'it claims 35184.4 GB' in refused(path)


@pytest.mark.parametrize('name', ['a.npz', 'a.npy', 'a.mat', 'a.h5'])
@pytest.mark.parametrize('content', [b'', b'no such format' * 50])
def test_damaged_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name)


def test_file_that_is_cut_off_is_named(tmp_path):
    for name in ('a.npz', 'a.mat', 'a.h5'):
        path = written(tmp_path / name, x=np.ones((50, 50)))
        path.write_bytes(path.read_bytes()[:-3000])
        refused(path)


def test_encrypted_member_is_named(tmp_path):
    path = written(tmp_path / 'a.npz', x=X)
    # The flag of each entry says that it is encrypted.
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b'PK\x01\x02') + 8] |= 1
    path.write_bytes(content)
    assert 'password' in refused(path)
