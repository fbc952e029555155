"""An index on disk: built in parts, each whole or not there."""
from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

import numpy as np

from chtn_plugin.datasets._files import atomic_write

from .approximate import build_approximate, load_approximate
from .exact_search import unit_rows
from .gallery import (
    Gallery,
    check_fingerprint,
    encode_items,
    item_key,
    open_gallery,
)
from .gallery_sources import ITEM_FIELDS, Item, list_items

FORMAT = 1
_SECONDS = 60.
_HEAD = 'index.json'


def is_index(path: Path) -> bool:
    """Whether a folder is an index, finished or not."""
    return (path / _HEAD).is_file()


class IndexStore:
    """A folder with ``index.json`` and ``part-….npz``.

    A part is written before the head names it, both atomically; so whenever
    the work is cut off, the head tells what is whole, and building again
    goes on from there. A picture that changed since is encoded anew.

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

    def build(self, encoder: Any, source: str | Path,
              part_size: int = 4096, progress: bool = True) -> int:
        """Encode what a source has and the index has not.

        Args:
            encoder: The inferencer.
            source: See :func:`list_items`. Several may go to one index.
            part_size: Items a part. When the work is cut off, at most so
                many are lost, or those of the last minute.
            progress: Show a bar.

        Returns:
            Number of items added.

        Raises:
            ValueError: The index is of another model, the folder holds
                other files, or the source has no items.
            RuntimeError: Another process builds this index.
        """
        items = list_items(source)
        if not items:
            raise ValueError('a gallery must have at least one picture or '
                             f'text: {source} has none')
        if not self.head and self.folder.exists() and any(
                not p.name.startswith('.') for p in self.folder.iterdir()):
            raise ValueError('an index needs a folder of its own: '
                             f'{self.folder} holds other files')
        check_fingerprint(self.head.get('fingerprint', ''),
                          encoder.run.fingerprint, self.folder)
        with self._locked():
            if is_index(self.folder):
                self.head = self._read_head()
            return self._add(encoder, source, items, part_size, progress)

    def gallery(self, fingerprint: str = '',
                unfinished: bool = False) -> Gallery:
        """The whole index in memory.

        Args:
            fingerprint: Of the model that will search; empty: any.
            unfinished: Take what is there of an unfinished index.

        Raises:
            ValueError: It is of another model, unfinished or damaged.
        """
        self._require()
        check_fingerprint(self.head['fingerprint'], fingerprint, self.folder)
        if not self.head['complete'] and not unfinished:
            raise ValueError(
                f'an index must be finished: {self.folder} has '
                f'{self.count} items and more were to come. Build it again '
                'with the same command: it goes on where it stopped')
        vectors, items = self.contents()
        approximate = load_approximate(self.folder,
                                       self.head.get('approximate', {}))
        notes = [] if self.head['complete'] else ['the index is unfinished']
        return Gallery(vectors, items, self.head['fingerprint'],
                       [tuple(s) for s in self.head['skipped']], notes,
                       approximate)

    @property
    def count(self) -> int:
        """Items it holds."""
        return (sum(part['rows'] for part in self.head['parts'])
                - len(self.head['dropped']))

    def contents(self) -> tuple[np.ndarray, list[Item]]:
        """Vectors (G, D) and items, checked against their hashes."""
        self._require()
        vectors: list[np.ndarray] = []
        items: list[Item] = []
        for part in self.head['parts']:
            rows, content = self._part(part)
            vectors.append(rows)
            items += content
        dropped = set(self.head['dropped'])
        kept = [i for i in range(len(items)) if i not in dropped]
        whole = (np.concatenate(vectors) if vectors else
                 np.zeros((0, self.head['size']), np.float32))
        return whole[kept] if dropped else whole, [
            self._located(items[i]) for i in kept]

    def set_approximate(self, told: dict[str, Any]) -> None:
        """Keep what was measured of the FAISS indexes beside this one."""
        self.head['approximate'] = told
        self._write_head()

    def _add(self, encoder: Any, source: Any, items: Sequence[Item],
             part_size: int, progress: bool) -> int:
        if not self.head:
            self.head = dict(
                format=FORMAT, fingerprint=encoder.run.fingerprint,
                model=encoder.run.name, size=0, complete=False, sources=[],
                home=str(self.folder.resolve()), parts=[], dropped=[],
                skipped=[], approximate={})
        self.head['complete'] = False
        name = os.path.relpath(source, self.folder)
        self.head['sources'] = sorted({*self.head['sources'], name})
        new = self._unknown([dict(item, source=name) for item in items])
        skipped = dict(self.head['skipped'])
        added = 0
        if new:
            # A changed gallery needs its FAISS index built anew.
            self.head['approximate'] = {}
        self._write_head()
        waiting: list[tuple[list[Item], np.ndarray]] = []
        written = time.monotonic()
        for kept, rows, faults in encode_items(encoder, new, progress):
            skipped.update(faults)
            for item in kept:
                skipped.pop(item['id'], None)
            self.head['skipped'] = [list(pair) for pair in skipped.items()]
            if kept:
                waiting.append((kept, rows))
                added += len(kept)
            if (sum(len(rows) for _, rows in waiting) >= part_size
                    or time.monotonic() - written > _SECONDS):
                self._write_part(waiting)
                waiting, written = [], time.monotonic()
        self._write_part(waiting)
        self.head['complete'] = True
        self._write_head()
        return added

    def _unknown(self, items: Sequence[Item]) -> list[Item]:
        """Items that are not in the index; changed ones are dropped."""
        stored: dict[tuple[str, ...], tuple[int, str]] = {}
        row = 0
        for part in self.head['parts']:
            for item in self._part(part)[1]:
                stored[_place(item)] = row, item_key(item)
                row += 1
        dropped = set(self.head['dropped'])
        new = []
        for item in items:
            place = stored.get(_place(item))
            if place is not None and place[0] not in dropped:
                if place[1] == item_key(item):
                    continue
                dropped.add(place[0])
            new.append(item)
        self.head['dropped'] = sorted(dropped)
        return new

    def _write_part(self, waiting: Sequence[tuple[list[Item], np.ndarray]]
                    ) -> None:
        if not waiting:
            return
        items = [item for kept, _ in waiting for item in kept]
        rows = np.concatenate([rows for _, rows in waiting])
        self.head['size'] = rows.shape[1]
        name = f'part-{len(self.head["parts"]):05d}.npz'
        stored = [dict(item, path=item['path'] and os.path.relpath(
            item['path'], self.folder)) for item in items]
        content = np.frombuffer(json.dumps(stored).encode(), np.uint8)
        with atomic_write(self.folder / name) as file:
            np.savez(file, vectors=rows, items=content)
        self.head['parts'].append(dict(
            file=name, rows=len(items), sha256=_digest(self.folder / name)))
        self._write_head()

    def _part(self, part: dict[str, Any]) -> tuple[np.ndarray, list[Item]]:
        path = self.folder / Path(part['file']).name
        if not path.is_file() or _digest(path) != part['sha256']:
            raise ValueError(
                f'an index must be whole: {path} is '
                f'{"damaged" if path.is_file() else "missing"}. Delete '
                f'{self.folder} and build it anew')
        with np.load(path, allow_pickle=False) as arrays:
            items = json.loads(arrays['items'].tobytes().decode())
            return arrays['vectors'], items

    def _located(self, item: Item) -> Item:
        """Its picture: seen from here, or from where the index was built."""
        found = {field: item[field] for field in ITEM_FIELDS}
        if found['path']:
            here = Path(os.path.normpath(self.folder / found['path']))
            if not here.exists():
                built = Path(os.path.normpath(
                    Path(self.head['home']) / found['path']))
                here = built if built.exists() else here
            found['path'] = str(here)
        return found

    def _read_head(self) -> dict[str, Any]:
        path = self.folder / _HEAD
        try:
            head = json.loads(path.read_text(encoding='utf-8'))
            known = head['format']
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f'an index must be whole: {path} is damaged '
                             f'({error})') from error
        if known != FORMAT:
            raise ValueError(f'an index must be of format {FORMAT}: {path} '
                             f'is of {known}')
        return head

    def _write_head(self) -> None:
        with atomic_write(self.folder / _HEAD, 'w', 'utf-8') as file:
            json.dump(self.head, file, indent=1)

    def _require(self) -> None:
        if not self.head:
            raise FileNotFoundError(f'index not found: {self.folder}')

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / '.lock').open('w') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RuntimeError('only one process may build an index: '
                                   f'another builds {self.folder}'
                                   ) from error
            yield


def _place(item: Item) -> tuple[str, ...]:
    """Where an item comes from; two sources may use one name."""
    return item['kind'], item['source'], item['id']


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while piece := file.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()


def approximate_index(store: IndexStore, encoder: Any, factory: str,
                      queries: Optional[str] = None) -> dict[str, Any]:
    """Add FAISS indexes to an index, each measured on cross-modal queries.

    Args:
        store: The index.
        encoder: The inferencer.
        factory: FAISS's name; see :func:`build_approximate`.
        queries: Source of queries. None: what the index holds of the other
            kind, or for pictures else three words of the vocabulary each.

    Returns:
        What was measured, by kind.
    """
    gallery = Gallery(*store.contents())
    asked = None if queries is None else open_gallery(encoder, queries, False)
    told = {}
    for kind, other in (('image', 'text'), ('text', 'image')):
        if not gallery.count(kind):
            continue
        source = next((g for g in (asked, gallery)
                       if g is not None and g.count(other)), None)
        rows = None if source is None else _sample(source.rows(other))
        words = sorted(encoder.run.vocabulary)
        if rows is None and other == 'text' and words:
            draw = np.random.default_rng(0).integers(0, len(words), (500, 3))
            rows = unit_rows(encoder.encode_texts(
                [' '.join(words[i] for i in three) for three in draw], False))
        told[kind] = build_approximate(store.folder, kind, gallery.rows(kind),
                                       factory, rows)
    store.set_approximate(told)
    return told


def _sample(rows: np.ndarray, count: int = 500) -> np.ndarray:
    if len(rows) <= count:
        return rows
    return rows[np.random.default_rng(0).choice(len(rows), count, False)]
