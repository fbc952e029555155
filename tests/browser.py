"""Pages in a real browser, where one is installed."""
from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

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


class Browser:
    """Headless Chromium that is told what to do, by its DevTools protocol.

    It is asked over a pipe: Chromium reads orders from descriptor 3 and
    answers on 4, each ended by a zero byte.

    Args:
        folder: Gets the browser's profile.
        timeout: Seconds that an answer may take.
    """

    def __init__(self, folder: Path, timeout: float = 60) -> None:
        self.timeout = timeout
        self._read = b''
        self._count = 0
        self._session: dict[str, str] = {}
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        self._process = subprocess.Popen(
            ['bash', '-c', f'exec "$@" 3<&{orders} 4>&{answers}', 'bash',
             str(CHROMIUM), *_FLAGS, '--remote-debugging-pipe',
             f'--user-data-dir={folder / "profile"}', 'about:blank'],
            pass_fds=(orders, answers), stderr=subprocess.DEVNULL)
        os.close(orders)
        os.close(answers)

    def __enter__(self) -> Browser:
        page = self.ask('Target.createTarget', url='about:blank')
        self._session = dict(sessionId=self.ask(
            'Target.attachToTarget', targetId=page['targetId'],
            flatten=True)['sessionId'])
        self.ask('Page.enable')
        return self

    def __exit__(self, *error: Any) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._orders)
        os.close(self._answers)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One order of the protocol, and its answer."""
        self._count += 1
        order = dict(id=self._count, method=method, params=parameters,
                     **self._session)
        os.write(self._orders, json.dumps(order).encode() + b'\0')
        answer = self._wait(lambda said: said.get('id') == self._count)
        assert 'error' not in answer, answer
        return answer['result']

    def loaded(self) -> None:
        """Wait until the page that is on its way is there."""
        self._wait(lambda said: said.get('method') == 'Page.loadEventFired')

    def open(self, page: str) -> None:
        """Open an address."""
        self.ask('Page.navigate', url=page)
        self.loaded()

    def run(self, program: str) -> Any:
        """Value of a JavaScript expression in the page."""
        answer = self.ask('Runtime.evaluate', expression=program,
                          returnByValue=True)
        assert 'exceptionDetails' not in answer, answer
        return answer['result'].get('value')

    def choose_file(self, selector: str, path: Path) -> None:
        """Put a file into an ``<input type="file">``."""
        root = self.ask('DOM.getDocument')['root']['nodeId']
        node = self.ask('DOM.querySelector', nodeId=root, selector=selector)
        self.ask('DOM.setFileInputFiles', nodeId=node['nodeId'],
                 files=[str(path)])

    def _wait(self, wanted: Any) -> dict[str, Any]:
        end = time.monotonic() + self.timeout
        while True:
            while b'\0' in self._read:
                line, self._read = self._read.split(b'\0', 1)
                said = json.loads(line)
                if wanted(said):
                    return said
            ready, _, _ = select.select([self._answers], [], [],
                                        max(0, end - time.monotonic()))
            piece = os.read(self._answers, 1 << 16) if ready else b''
            assert piece, 'the browser does not answer'
            self._read += piece
