"""An index on disk, built in parts that are each written whole."""
from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..evaluation.approximate import load_approximate
from ..storage.files import atomic_write
from ..storage.finite import nonfinite_rows
from ..storage.locks import FolderLock
from ..storage.ownership import sweep_temporaries
from ..storage.row_files import file_facts, write_rows
from .gallery import Gallery, check_fingerprint
from .gallery_sources import Item, item_key, list_items
from .index_sources import IndexSources
from .item_encoding import encode_items
from .stored_items import (
    Part,
    StoredItems,
    StoredVectors,
    columns_of,
    runs,
)

FORMAT = 4
# Format 2 names no similarity: its vectors are compared by cosine. Before 4
# vectors and items of a part lay in one file, and were read whole.
_READABLE = (2, 3, 4)
_SECONDS = 60.
_HEAD = 'index.json'
_FAISS = re.compile(r'(image|text)(-[0-9a-f]{12})?\.faiss')


def is_index(path: Path) -> bool:
    """Whether a folder is an index, finished or not."""
    return (path / _HEAD).is_file()


class Change(NamedTuple):
    """Items that a pass over a source added, and that it found gone."""
    added: int
    dropped: int


class IndexStore:
    """A folder with ``index.json``, ``part-….npy`` and ``part-….npz``.

    A part (see :class:`Part`) is written before the head names it, both
    atomically; so whenever the work is cut off, the head tells what is whole,
    and building again goes on from there. A picture that changed since is
    encoded anew; what a source no longer has is dropped at the end of a pass
    over it. A source is known again when the index was moved, alone or along
    with it.

    Args:
        folder: The index; :meth:`build` creates it.

    Raises:
        ValueError: The folder holds an index that cannot be read.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.head: dict[str, Any] = {}
        if is_index(self.folder):
            self.head = self._read_head()

    def build(self, encoder: Any, *sources: str | Path,
              part_size: int = 4096, progress: bool = True,
              workers: int = 0) -> list[Change]:
        """Encode what sources have and the index has not.

        The index is unfinished until the last of them, and any that an
        earlier call did not finish, is done.

        Args:
            encoder: The inferencer.
            sources: See :func:`list_items`.
            part_size: Items a part. When the work is cut off, at most so
                many are lost, or those of the last minute.
            progress: Show a bar.
            workers: Threads that load pictures; see :func:`encode_items`.

        Returns:
            What changed, source by source.

        Raises:
            FileNotFoundError: A source is not there.
            ValueError: The index is of another model, the folder holds
                other files, or a source has no items.
            RuntimeError: Another process builds this index.
        """
        listed = [list_items(source, encoder.run.label_separator)
                  for source in sources]
        for source, items in zip(sources, listed, strict=True):
            if not items:
                raise ValueError('a gallery must have at least one picture '
                                 f'or text: {source} has none')
        if not self.head and self.folder.exists() and any(
                not p.name.startswith('.') for p in self.folder.iterdir()):
            raise ValueError('an index needs a folder of its own: '
                             f'{self.folder} holds other files')
        check_fingerprint(self.head.get('fingerprint', ''),
                          encoder.run.fingerprint, self.folder)
        with self.changing():
            numbers = self._register(encoder, sources)
            return [self._add(encoder, number, items, part_size, progress,
                              workers)
                    for number, items in zip(numbers, listed, strict=True)]

    def gallery(self, fingerprint: str = '',
                unfinished: bool = False, exact: bool = False) -> Gallery:
        """Open the index, of which a search reads what it needs.

        Vectors are brought together by the first search of their kind, items
        are read when they are found.

        Args:
            fingerprint: Of the model that will search; empty: any.
            unfinished: Take what is there of an unfinished index.
            exact: Leave the FAISS indexes beside it out.

        Raises:
            ValueError: It is of another model, unfinished or damaged.
        """
        self._require()
        check_fingerprint(self.head['fingerprint'], fingerprint, self.folder)
        if not self.complete and not unfinished:
            missing = [path for path, done in self.sources if not done]
            raise ValueError(
                f'an index must be finished: {self.folder} has '
                f'{self.count} items and more were to come, of '
                f'{", ".join(missing)}. Build it again with that: it goes on '
                'where it stopped')
        parts, kept = self._parts()
        approximate = {} if exact else load_approximate(
            self.folder, self.head.get('approximate', {}))
        notes = [] if self.complete else ['the index is unfinished']
        return Gallery.stored(
            StoredVectors(parts, kept, self.head['size'], self.similarity),
            StoredItems(parts, kept, self._places.picture),
            self.head['fingerprint'], [(name, reason) for _, name, reason in
                                       self.head['skipped']],
            notes, approximate)

    @property
    def count(self) -> int:
        """Items it holds."""
        return (sum(part['rows'] for part in self.head['parts'])
                - len(self.head['dropped']))

    @property
    def similarity(self) -> str:
        """How its vectors are compared, ``'cosine'`` or ``'dot'``."""
        return self.head.get('similarity', 'cosine')

    @property
    def _places(self) -> IndexSources:
        return IndexSources(self.folder, self.head['sources'])

    @property
    def complete(self) -> bool:
        """Whether every source was gone through to its end."""
        return not self.head['unfinished']

    @property
    def sources(self) -> list[tuple[str, bool]]:
        """Each source, and whether it was gone through to its end."""
        return [(self._places.current(number),
                 number not in self.head['unfinished'])
                for number in range(len(self.head['sources']))]

    def contents(self) -> tuple[np.ndarray, list[Item]]:
        """Read all vectors (G, D) and items into memory.

        Raises:
            ValueError: The index is damaged.
        """
        parts, kept = self._parts()
        vectors = (np.concatenate([part.vectors() for part in parts]) if parts
                   else np.zeros((0, self.head['size']), np.float32))
        return vectors[kept] if self.head['dropped'] else vectors, list(
            StoredItems(parts, kept, self._places.picture))

    def verify(self) -> None:
        """Hash all of it, which opening does only where a file's time is new.

        Raises:
            ValueError: A file is missing, or damaged.
        """
        for part in self._parts()[0]:
            part.verify()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep other processes from changing the index meanwhile.

        Raises:
            RuntimeError: Another process changes it.
        """
        with self._locked():
            if is_index(self.folder):
                self.head = self._read_head()
            yield

    def set_approximate(self, measured: dict[str, Any]) -> None:
        """Keep what was measured of the FAISS indexes beside this one.

        To be called within :meth:`changing`. Those of earlier builds go.
        """
        self.head['approximate'] = measured
        self._write_head()
        named = {facts['file'] for facts in measured.values()}
        for path in self.folder.glob('*.faiss'):
            if path.name not in named and _FAISS.fullmatch(path.name):
                path.unlink()

    def _register(self, encoder: Any, sources: Sequence[str | Path]
                  ) -> list[int]:
        """Numbers of sources, noted as unfinished before the first starts."""
        if self.head:
            self.head['format'] = FORMAT
            for part in self._parts()[0]:
                part.note_times()  # found whole: a copy is hashed but once
        else:
            self.head = dict(
                format=FORMAT, fingerprint=encoder.run.fingerprint,
                model=encoder.run.name, similarity=encoder.similarity,
                size=0, sources=[], unfinished=[], parts=[], dropped=[],
                skipped=[], approximate={})
        numbers = [self._places.register(source) for source in sources]
        self.head['unfinished'] = sorted({*self.head['unfinished'],
                                          *numbers})
        self._write_head()
        return numbers

    def _add(self, encoder: Any, number: int, items: Sequence[Item],
             part_size: int, progress: bool, workers: int) -> Change:
        new, gone = self._compared(number, [dict(item, source=number)
                                            for item in items])
        if new or gone:
            # A changed gallery needs its FAISS index built anew.
            self.head['approximate'] = {}
        # Try unreadable files again; they are reported again.
        self.head['skipped'] = [entry for entry in self.head['skipped']
                                if entry[0] != number]
        self._write_head()
        added = 0
        waiting: list[tuple[list[Item], np.ndarray]] = []
        written = time.monotonic()
        for kept, rows, faults in encode_items(encoder, new, progress,
                                               workers):
            self.head['skipped'] += [[number, *fault] for fault in faults]
            if kept:
                waiting.append((kept, rows))
                added += len(kept)
            if (sum(len(rows) for _, rows in waiting) >= part_size
                    or time.monotonic() - written > _SECONDS):
                self._write_part(waiting)
                waiting, written = [], time.monotonic()
        self._write_part(waiting)
        self.head['dropped'] = sorted({*self.head['dropped'], *gone})
        self.head['unfinished'] = [n for n in self.head['unfinished']
                                   if n != number]
        self._write_head()
        return Change(added, len(gone))

    def _compared(self, number: int, items: Sequence[Item]
                  ) -> tuple[list[Item], list[int]]:
        """What of a source is new, and rows of what it no longer has.

        Changed items are new; their old rows are dropped.
        """
        stored: dict[tuple[str, str], tuple[int, str]] = {}
        dropped = set(self.head['dropped'])
        parts, kept = self._parts()
        known = StoredItems(parts, kept, self._places.picture)
        for row, item in zip(kept.tolist(), known.fields(
                ('kind', 'id', 'stamp', 'source')), strict=True):
            if item['source'] == number:
                stored[item['kind'], item['id']] = row, item_key(item)
        new = []
        for item in items:
            row, key = stored.pop((item['kind'], item['id']), (-1, ''))
            if key != item_key(item):
                new.append(item)
                if row >= 0:
                    dropped.add(row)
        self.head['dropped'] = sorted(dropped)
        return new, [row for row, _ in stored.values()]

    def _write_part(self, waiting: Sequence[tuple[list[Item], np.ndarray]]
                    ) -> None:
        if not waiting:
            return
        items = [item for kept, _ in waiting for item in kept]
        rows = np.concatenate([rows for _, rows in waiting])
        broken = nonfinite_rows(rows)
        if len(broken):
            item = items[broken[0]]
            raise ValueError('vectors of an index must be finite: that of '
                             f'{item["kind"]} {item["id"]!r} holds NaN or '
                             'infinity')
        self.head['size'] = rows.shape[1]
        stored = [dict(item, path=item['path'] and self._places.relative(
            item['path'], item['source'])) for item in items]
        name = f'part-{len(self.head["parts"]):05d}'
        vectors, columns = (self.folder / f'{name}{suffix}'
                            for suffix in ('.npy', '.npz'))
        written = write_rows(vectors, rows.astype(np.float32, copy=False))
        with atomic_write(columns) as file:
            np.savez(file, **columns_of(stored))
        self.head['parts'].append(dict(
            file_facts(columns), rows=len(items), vectors=written,
            kinds=runs([item['kind'] for item in items])))
        self._write_head()

    def _parts(self) -> tuple[list[Part], np.ndarray]:
        """Return all parts, and the rows in them that are not dropped."""
        self._require()
        try:
            parts = [Part(self.folder, facts) for facts in self.head['parts']]
        except (KeyError, TypeError) as error:
            raise ValueError('an index must be whole: the parts in '
                             f'{self.folder / _HEAD} are damaged ({error})'
                             ) from error
        kept = np.ones(sum(part.rows for part in parts), bool)
        kept[np.array(self.head['dropped'], np.int64)] = False
        return parts, np.flatnonzero(kept)

    def _read_head(self) -> dict[str, Any]:
        path = self.folder / _HEAD
        try:
            head = json.loads(path.read_text(encoding='utf-8'))
            known = head['format']
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f'an index must be whole: {path} is damaged '
                             f'({error})') from error
        if known not in _READABLE:
            raise ValueError(f'an index must be of format {FORMAT}: {path} '
                             f'is of {known}. Delete {self.folder} and build '
                             'it anew')
        fault = _fault_of(head)
        if fault:
            raise ValueError(f'an index must be whole: {path} is damaged '
                             f'({fault})')
        return head

    def _write_head(self) -> None:
        with atomic_write(self.folder / _HEAD, 'w', 'utf-8') as file:
            json.dump(self.head, file, indent=1)

    def _require(self) -> None:
        if not self.head:
            raise FileNotFoundError(f'index not found: {self.folder}. '
                                    'tools/index.py build makes one')

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FolderLock(self.folder, 'only one process may build an index',
                          'Wait for it, or build another index')
        try:
            lock.acquire()
        except BlockingIOError as error:
            raise RuntimeError(str(error)) from error
        try:
            sweep_temporaries(self.folder)
            yield
        finally:
            lock.release()


#: What ``index.json`` holds in every format.
_KINDS = dict(fingerprint=str, model=str, size=int, sources=list,
              unfinished=list, parts=list, dropped=list, skipped=list)


def _fault_of(head: dict[str, Any]) -> str:
    """Say what is of the wrong shape in ``index.json``; empty: nothing."""
    for name, kind in _KINDS.items():
        if not isinstance(head.get(name), kind):
            return (f'{name} must be a {kind.__name__}, got '
                    f'{str(head.get(name))[:60]!r}')
    if not all(isinstance(source, dict) and isinstance(source.get('path'), str)
               and isinstance(source.get('home'), str)
               for source in head['sources']):
        return 'a source must have a path and a home'
    if not all(isinstance(part, dict) and type(part.get('rows')) is int
               and part['rows'] >= 0 for part in head['parts']):
        return 'a part must have a number of rows'
    rows = sum(part['rows'] for part in head['parts'])
    for name, count in (('unfinished', len(head['sources'])),
                        ('dropped', rows)):
        if not all(type(n) is int and 0 <= n < count for n in head[name]):
            return f'{name} must be numbers below {count}'
    if not all(isinstance(entry, list) and len(entry) == 3
               for entry in head['skipped']):
        return 'what was skipped must be a source, a name and a reason'
    if not isinstance(head.get('approximate', {}), dict):
        return 'approximate must be a dictionary'
    return ''
