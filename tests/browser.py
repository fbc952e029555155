"""Pages in a real browser, where one is installed."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason='no chromium on this machine')
_FLAGS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
          '--no-first-run', '--disable-background-networking',
          '--disable-component-update', '--disable-sync',
          '--hide-scrollbars')


def browse(page: str, folder: Path, *flags: str) -> str:
    """Open a page in headless Chromium and return what it prints.

    Args:
        page: Address.
        folder: Gets the browser's profile.
        flags: ``--dump-dom``, ``--screenshot=FILE``, ….
    """
    done = subprocess.run(
        [str(CHROMIUM), *_FLAGS, f'--user-data-dir={folder / "profile"}',
         *flags, page], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
