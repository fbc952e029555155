"""Download files, resuming, and name them only once they are complete."""
from __future__ import annotations

import hashlib
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Optional

from tqdm import tqdm

from .files import atomic_write
from .ownership import check_replaceable

_CHUNK = 1 << 18
_AGENT = 'chtn_plugin (dataset preparation)'


def download(url: str, path: str | Path, md5: Optional[str] = None,
             attempts: int = 3, timeout: float = 30.,
             say: Callable[[str], None] = print) -> Path:
    """Fetch a file over HTTP, going on where an earlier call stopped.

    What has come so far stands in ``<path>.part``. It is only continued if
    the server still has the same file (``ETag`` or ``Last-Modified``).

    Args:
        url: ``http://`` or ``https://`` address.
        path: File to create; kept if it is there already.
        md5: The file's MD5 as published, checked at the end.
        attempts: Connections to try before giving up.
        timeout: Seconds without a byte that count as a broken connection.
        say: Receives one line about address and size.

    Returns:
        The path.

    Raises:
        ValueError: Another scheme, or the MD5 differs.
        OSError: No attempt got the whole file; the message says how to go
            on.
    """
    path = Path(path)
    if not url.startswith(('http://', 'https://')):
        raise ValueError(f'an address must be http or https, got {url}')
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    for attempt in range(attempts):
        try:
            _fetch(url, part, timeout, say)
            break
        except (OSError, HTTPException) as error:
            permanent = (isinstance(error, urllib.error.HTTPError)
                         and 400 <= error.code < 500)
            if permanent or attempt == attempts - 1:
                raise OSError(
                    f'could not fetch {url}: {error}. Run again to go on '
                    f'from what is in {part}, or download it by other means '
                    'and pass the file as --source') from error
            time.sleep(min(2 ** attempt, 10))
    if md5 and _md5(part) != md5:
        digest = _md5(part)
        part.unlink()
        raise ValueError(f'{url} must have MD5 {md5}, what came has {digest}; '
                         'it was thrown away')
    os.replace(part, path)
    _mark(part).unlink(missing_ok=True)
    return path


def _fetch(url: str, part: Path, timeout: float,
           say: Callable[[str], None]) -> None:
    # The mark comes first, so that a part without one is not ours.
    check_replaceable(part, _mark(part).is_file())
    have = part.stat().st_size if part.is_file() else 0
    headers = {'User-Agent': _AGENT}
    validator = _read_mark(part)
    if have and validator:
        headers |= {'Range': f'bytes={have}-',
                    'If-Range': validator}
    request = urllib.request.Request(url, headers=headers)
    with _open(request, timeout, part) as reply:
        resumed = reply.status == 206 and reply.headers.get(
            'Content-Range', '').startswith(f'bytes {have}-')
        have = have if resumed else 0
        length = reply.headers.get('Content-Length')
        total = have + int(length) if length else None
        size = f'{total / 1e6:.1f} MB' if total else 'size not stated'
        say(f'fetching {url} ({size}) to {part.parent}'
            + (f', going on at {have / 1e6:.1f} MB' if have else ''))
        mark = reply.headers.get('ETag') or reply.headers.get('Last-Modified')
        with atomic_write(_mark(part), 'w') as file:
            # A weak mark does not tell one file from the next.
            json.dump(None if mark and mark.startswith('W/') else mark, file)
        with part.open('ab' if resumed else 'wb') as target, tqdm(
                total=total, initial=have, unit='B', unit_scale=True,
                disable=None) as bar:
            while chunk := reply.read(_CHUNK):
                target.write(chunk)
                bar.update(len(chunk))
    came = part.stat().st_size
    if total is not None and came != total:
        raise OSError(f'the connection ended after {came} of {total} bytes')


def _open(request: urllib.request.Request, timeout: float, part: Path):
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # What we have is longer than the server's file: begin anew.
        part.unlink(missing_ok=True)
        raise OSError('the file on the server is another one') from error


def _mark(part: Path) -> Path:
    return part.with_name(part.name + '.mark')


def _read_mark(part: Path) -> Optional[str]:
    """What the server calls the file that the part is of."""
    try:
        mark = json.loads(_mark(part).read_text())
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, str) else None


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
