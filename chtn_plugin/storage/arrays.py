"""Arrays out of .mat, .h5 and .npz files; nothing is ever unpickled."""
from __future__ import annotations

from pathlib import Path

import numpy as np

SUFFIXES = ('.mat', '.h5', '.hdf5', '.h5py', '.npz')


def read_arrays(path: str | Path, ndim: tuple[int, ...] = (1, 2)
                ) -> dict[str, np.ndarray]:
    """Read the numeric arrays of a file, or of every file in a folder.

    Cells, structures, strings and Python objects are passed over. Arrays of
    MATLAB files of version 7.3 and of HDF5 files written by MATLAB come
    transposed into MATLAB's order.

    Args:
        path: File or folder.
        ndim: Numbers of dimensions to read.

    Returns:
        Arrays by name.

    Raises:
        FileNotFoundError: There is no such file, or none in the folder.
        ValueError: A file is not of a known format, or damaged; or two files
            of a folder hold different arrays of one name.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(file for file in path.iterdir()
                       if file.suffix.lower() in SUFFIXES)
        if not files:
            raise FileNotFoundError(f'no feature file ({", ".join(SUFFIXES)})'
                                    f' is in {path}')
        result: dict[str, np.ndarray] = {}
        for file in files:
            for name, array in read_arrays(file, ndim).items():
                if name in result and not np.array_equal(result[name], array):
                    raise ValueError(
                        f'{name} stands in several files of {path} with '
                        f'different content, {file.name} is one: name the '
                        'file with --file')
                result[name] = array
        return result
    if not path.is_file():
        raise FileNotFoundError(f'feature file not found: {path}')
    readers = {'.npz': _npz, '.mat': _mat}
    reader = readers.get(path.suffix.lower(), _hdf5)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError('a feature file ends in '
                         f'{", ".join(SUFFIXES)}, got {path}')
    try:
        return reader(path, ndim)
    except (OSError, ValueError, TypeError, KeyError, EOFError,
            NotImplementedError) as error:
        raise ValueError(f'{path} cannot be read: {error}') from error


def _npz(path: Path, ndim: tuple[int, ...]) -> dict[str, np.ndarray]:
    import zipfile
    try:
        with np.load(path, allow_pickle=False) as file:
            # Only headers are looked at before an array is known to be
            # numeric: an object array would have to be unpickled.
            return {name: array for name in file.files
                    if _is_numeric(array := _member(file, name), ndim)}
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error


def _member(file, name: str) -> np.ndarray:
    try:
        return file[name]
    except ValueError as error:
        if 'allow_pickle' not in str(error):
            raise
        return np.array('a Python object, passed over')


def _mat(path: Path, ndim: tuple[int, ...]) -> dict[str, np.ndarray]:
    import scipy.io
    import scipy.sparse
    with path.open('rb') as file:
        if file.read(128).startswith(b'MATLAB 7.3'):
            return _hdf5(path, ndim, transposed=True)
    numeric = {'double', 'single', 'logical', 'sparse', 'int8', 'int16',
               'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'}
    names = [name for name, _, kind in scipy.io.whosmat(str(path))
             if kind in numeric]
    stored = scipy.io.loadmat(str(path), variable_names=names)
    arrays = {name: stored[name].toarray()
              if scipy.sparse.issparse(stored[name]) else stored[name]
              for name in names}
    return {name: array for name, array in arrays.items()
            if _is_numeric(array, ndim)}


def _hdf5(path: Path, ndim: tuple[int, ...], transposed: bool = False
          ) -> dict[str, np.ndarray]:
    import h5py
    with h5py.File(path, 'r') as file:
        # Soft and external links could lead out of the file.
        names = [name for name in file
                 if isinstance(file.get(name, getlink=True), h5py.HardLink)]
        return {name: file[name][()].T if transposed else file[name][()]
                for name in names
                if isinstance(file[name], h5py.Dataset)
                and _is_numeric(file[name], ndim)
                and not file[name].external}


def _is_numeric(array, ndim: tuple[int, ...]) -> bool:
    return array.dtype.kind in 'biuf' and array.ndim in ndim and (
        array.size > 0)
