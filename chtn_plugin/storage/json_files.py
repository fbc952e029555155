"""The one reader of whole JSON files of unknown origin."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: The captions of COCO are 92 MB, its instances 470 MB.
MAX_BYTES = 4 << 30


def read_json_object(path: str | Path, what: str,
                     max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Args:
        path: The file, UTF-8 with or without a byte order mark.
        what: What it is to the user, for messages.
        max_bytes: A longer file is refused before it is read.

    Returns:
        The object.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is too long, is no JSON or holds no object.
    """
    content = _read(path, what, max_bytes)
    if not isinstance(content, dict):
        raise ValueError(f'{what} must hold a JSON object: {path} holds a '
                         f'{type(content).__name__}')
    return content


def read_json_list(path: str | Path, what: str,
                   max_bytes: int = MAX_BYTES) -> list[Any]:
    """Read a JSON file that holds one list; see :func:`read_json_object`.

    Raises:
        FileNotFoundError, ValueError: As there.
    """
    content = _read(path, what, max_bytes)
    if not isinstance(content, list):
        raise ValueError(f'{what} must hold a JSON list: {path} holds a '
                         f'{type(content).__name__}')
    return content


def _read(path: str | Path, what: str, max_bytes: int) -> Any:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no such file: {path}')
    size = path.stat().st_size
    if size > max_bytes:
        raise ValueError(f'{what} must have at most {max_bytes} bytes: '
                         f'{path} has {size}')
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{what} must be JSON in UTF-8: {path} is not: '
                         f'{error}') from error
