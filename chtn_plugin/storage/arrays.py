"""The one reader of arrays in npz, npy, mat and h5 files.

One policy for all formats. Nothing is unpickled, and nothing outside the file
is read, wherever a link in it leads. What an array claims to hold is compared
with the size of the file before memory is taken for it. Arrays that must be
numbers are.
"""
from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SUFFIXES = ('.npz', '.npy', '.mat', '.h5', '.hdf5', '.h5py')
#: Real features and labels, full of zeros, shrink by up to a hundred times
#: when they are packed; a file that claims more than twice that, and more
#: than ``SMALL_BYTES``, is broken or hostile.
MAX_EXPANSION = 200
SMALL_BYTES = 256 << 20
#: What makes a feature file, for where one is missing.
FEATURES_HINT = ('tools/extract_features.py makes one, '
                 'tools/prepare_dataset.py features reads those of public '
                 'repositories (docs/data.md)')
_HDF5_MARK = b'\x89HDF\r\n\x1a\n'
_MATLAB_ITEM_BYTES = {
    'double': 8, 'single': 4, 'logical': 1, 'sparse': 8, 'int8': 1,
    'int16': 2, 'int32': 4, 'int64': 8, 'uint8': 1, 'uint16': 2, 'uint32': 4,
    'uint64': 8, 'char': 4}
_OBJECTS = 'holds Python objects, which could run code'
_OUTSIDE = 'and only what lies in the file itself is read'


@dataclass(frozen=True)
class _Entry:
    """What is known of an array before it is read.

    Attributes:
        read: Reads it.
        nbytes: Memory that it says it needs.
        ndim: Number of its dimensions.
        is_number: Whether its elements are numbers or truth values.
        problem: Why it may not be read; empty if it may.
    """
    read: Callable[[], np.ndarray]
    nbytes: int = 0
    ndim: int = 0
    is_number: bool = False
    problem: str = ''


class ArrayFile(Mapping[str, np.ndarray]):
    """The arrays of a file by name, each read when it is asked for.

    A ``.npy`` file holds one array, whose name is ``''``. Arrays of MATLAB
    files of version 7.3, which are HDF5, come transposed into MATLAB's order;
    sparse ones come dense. Of HDF5 files the data sets of the first level are
    read.

    Args:
        path: The file.
        what: What it is to the user, for the message where it is missing.
        hint: What makes such a file, for the same message.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Its ending is unknown, or it is damaged. Reading an array
            raises it too: where the array holds Python objects, lies outside
            the file, or claims far more than the file can hold.
        KeyError: On reading: there is no array of that name.
        ImportError: The file is HDF5, and h5py is not installed.
    """

    def __init__(self, path: str | Path, what: str = 'file of arrays',
                 hint: str = '') -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f'{what} not found: {path}'
                                    + (hint and f'. {hint}'))
        suffix = self.path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(f'a file of arrays ends in {", ".join(SUFFIXES)}'
                             ' (pickles are not read: they can run code), '
                             f'got {path}')
        readers = {'.npz': _npz, '.npy': _npy, '.mat': _mat}
        with self._blamed():
            self._size = self.path.stat().st_size
            self._entries = readers.get(suffix, _hdf5)(self.path)
        self._read: dict[str, int] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._get(name)

    def numbers(self, name: str) -> np.ndarray:
        """Return one array, which must hold numbers or truth values.

        Raises:
            ValueError: It holds something else; and as for the class.
            KeyError: There is none of that name.
        """
        return self._get(name, numbers=True)

    def names(self, ndim: tuple[int, ...]) -> list[str]:
        """Return the names of the numeric arrays that may be read.

        Args:
            ndim: Numbers of dimensions that they may have.
        """
        return [name for name, entry in self._entries.items()
                if entry.is_number and entry.ndim in ndim
                and not entry.problem]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _get(self, name: str, numbers: bool = False) -> np.ndarray:
        if name not in self._entries:
            raise KeyError(f'{self.path} has the arrays {list(self)}, not '
                           f'{name!r}')
        entry = self._entries[name]
        with self._blamed():
            if entry.problem:
                raise ValueError(_blame(name, entry.problem))
            if numbers and not entry.is_number:
                raise ValueError(f'{name!r} must hold numbers, and does not')
            claimed = sum({**self._read, name: entry.nbytes}.values())
            if claimed > max(SMALL_BYTES, MAX_EXPANSION * self._size):
                raise ValueError(
                    f'it must hold what it claims to: with {name!r} it '
                    f'claims {claimed / 1e9:.1f} GB, in a file of '
                    f'{self._size / 1e6:.3f} MB')
            self._read[name] = entry.nbytes
            array = entry.read()
            if numbers and array.dtype.kind not in 'biuf':
                raise ValueError(f'{name!r} must hold real numbers, got '
                                 f'{array.dtype}')
            return array

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Turn what a reader raises into one line that names the file."""
        try:
            yield
        except ImportError:
            raise
        except Exception as error:
            # Parsers raise error types of their own on damaged or hostile
            # files.
            reason = str(error) or type(error).__name__
            raise ValueError(f'{self.path} cannot be read: {reason}'
                             ) from error


def read_arrays(path: str | Path, ndim: tuple[int, ...] = (1, 2)
                ) -> dict[str, np.ndarray]:
    """Read the numeric arrays of a file, or of every file in a folder.

    Cells, structures, strings, Python objects, links and ``.npy`` files,
    whose arrays have no name, are passed over.

    Args:
        path: File or folder.
        ndim: Numbers of dimensions to read.

    Returns:
        Arrays by name.

    Raises:
        FileNotFoundError: There is no such file, or none in the folder.
        ValueError: A file is not of a known format, or damaged, as for
            :class:`ArrayFile`; or two files of a folder hold different
            arrays of one name.
    """
    path = Path(path)
    if not path.is_dir():
        file = ArrayFile(path, 'feature file')
        arrays = {name: file.numbers(name) for name in file.names(ndim)}
        return {name: array for name, array in arrays.items() if array.size}
    suffixes = tuple(suffix for suffix in SUFFIXES if suffix != '.npy')
    files = sorted(file for file in path.iterdir()
                   if file.suffix.lower() in suffixes
                   and not file.name.startswith('.'))
    if not files:
        raise FileNotFoundError(f'no feature file ({", ".join(suffixes)})'
                                f' is in {path}')
    result: dict[str, np.ndarray] = {}
    for part in files:
        for name, array in read_arrays(part, ndim).items():
            if name in result and not np.array_equal(result[name], array):
                raise ValueError(
                    f'{name} stands in several files of {path} with '
                    f'different content, {part.name} is one: name the '
                    'file with --file')
            result[name] = array
    return result


def _blame(name: str, problem: str) -> str:
    rule = ('it must hold plain numbers and strings, and '
            if problem is _OBJECTS else '')
    return f'{rule}{name!r} {problem}'


def _npy(path: Path) -> dict[str, _Entry]:
    with path.open('rb') as file:
        entry = _numpy_entry(file, path.stat().st_size, lambda: np.load(
            path, allow_pickle=False))
    return {'': entry}


def _npz(path: Path) -> dict[str, _Entry]:
    def read(name: str) -> Callable[[], np.ndarray]:
        def reader() -> np.ndarray:
            with zipfile.ZipFile(path) as members, members.open(
                    f'{name}.npy') as file:
                return np.lib.format.read_array(file, allow_pickle=False)
        return reader

    entries = {}
    with zipfile.ZipFile(path) as members:
        for info in members.infolist():
            if info.filename.endswith('.npy'):
                name = info.filename.removesuffix('.npy')
                with members.open(info) as file:
                    entries[name] = _numpy_entry(file, info.file_size,
                                                 read(name))
    return entries


def _numpy_entry(file: Any, size: int, read: Callable[[], np.ndarray]
                 ) -> _Entry:
    """Look at the header of an array of ``size`` bytes in all."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    nbytes = math.prod(shape) * dtype.itemsize
    problem = ''
    if dtype.hasobject:
        problem = _OBJECTS
    elif nbytes > size:
        problem = (f'is cut off: it claims {nbytes} bytes, and there are '
                   f'{size}')
    return _Entry(read, nbytes, len(shape), dtype.kind in 'biuf', problem)


def _mat(path: Path) -> dict[str, _Entry]:
    with path.open('rb') as file:
        head = file.read(2048 + len(_HDF5_MARK))
    if any(head.startswith(_HDF5_MARK, at) for at in (0, 512, 1024, 2048)):
        return _hdf5(path, transposed=True)
    import scipy.io
    import scipy.sparse

    def read(name: str) -> Callable[[], np.ndarray]:
        def reader() -> np.ndarray:
            array = scipy.io.loadmat(str(path), variable_names=[name])[name]
            if scipy.sparse.issparse(array):
                array = array.toarray()
            if array.dtype.hasobject:
                raise ValueError(_blame(name, _OBJECTS))
            return array
        return reader

    return {name: _Entry(
        read(name), math.prod(shape) * _MATLAB_ITEM_BYTES.get(kind, 0),
        len(shape), kind in _MATLAB_ITEM_BYTES and kind != 'char',
        '' if kind in _MATLAB_ITEM_BYTES else
        f'must be an array of numbers or text: it is a {kind}')
        for name, shape, kind in scipy.io.whosmat(str(path))}


def _hdf5(path: Path, transposed: bool = False) -> dict[str, _Entry]:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f'{path} needs h5py: pip install h5py') from error

    def read(name: str) -> Callable[[], np.ndarray]:
        def reader() -> np.ndarray:
            with h5py.File(path, 'r') as file:
                item = file[name]
                if h5py.check_string_dtype(item.dtype):
                    return np.asarray(item.asstr()[()], dtype=str)
                return item[()].T if transposed else np.asarray(item[()])
        return reader

    entries = {}
    with h5py.File(path, 'r') as file:
        for name in file:
            # Looked at before it is opened: opening a link follows it.
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                entries[name] = _Entry(
                    read(name), problem=f'is a link, {_OUTSIDE}')
                continue
            item = file[name]
            if not isinstance(item, h5py.Dataset):
                continue
            is_text = h5py.check_string_dtype(item.dtype) is not None
            problem = ''
            if item.external or item.is_virtual:
                problem = f'keeps its numbers elsewhere, {_OUTSIDE}'
            elif item.dtype.hasobject and not is_text:
                problem = 'must be an array of numbers or text'
            entries[name] = _Entry(
                read(name), math.prod(item.shape or ()) * item.dtype.itemsize,
                len(item.shape or ()), item.dtype.kind in 'biuf', problem)
    return entries
