"""Store measurements in an append-only file of JSON lines."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def key_of(what: Mapping[str, Any]) -> str:
    """Hash what was measured; equal contents have equal keys."""
    text = json.dumps(what, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class RecordStore:
    """Records by key, in a file of JSON lines.

    A process that is killed leaves at most its last line torn. That line is
    left out and closed off, so that what is appended later stands on lines of
    its own; its measurement is made again.

    Args:
        path: The file; it is made when the first record comes.

    Raises:
        ValueError: A line that is not the last is no record.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.records: dict[str, dict[str, Any]] = {}
        if not self.path.is_file():
            return
        lines = self.path.read_bytes().split(b'\n')
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                self.records[record['key']] = record
            except (ValueError, TypeError, KeyError) as error:
                if number < len(lines) and not _was_torn(lines, number):
                    raise ValueError(
                        'every line must be a record of a benchmark: '
                        f'{self.path}, line {number} is none') from error

    def __contains__(self, key: str) -> bool:
        return key in self.records

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self.records[key]

    def add(self, *records: Mapping[str, Any]) -> None:
        """Append records, each with its ``key``, and let them reach the disk.

        A key that is there already is replaced: the later line counts.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = ''.join(json.dumps(record, ensure_ascii=False) + '\n'
                       for record in records).encode()
        with open(self.path, 'ab+') as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b'\n':
                    file.write(_TORN)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.records |= {record['key']: dict(record) for record in records}


#: Closes a torn line; the line that ends so is known to be none.
_TORN = b' torn\n'


def _was_torn(lines: list[bytes], number: int) -> bool:
    return lines[number - 1].endswith(_TORN.rstrip(b'\n'))
