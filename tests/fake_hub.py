"""A hub on loopback with as much of the API as pushing and loading ask."""
from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

_COMMIT = 'c' * 40


class FakeHub:
    """Repositories in memory.

    Attributes:
        files: Content by repository and path.
        asked: Method and path of every request.
        private: Which repositories were made private.
        validated: The card whose metadata the client had checked.
        refuses: Answer every request with this status, where it is set.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.asked: list[tuple[str, str]] = []
        self.private: dict[str, bool] = {}
        self.refuses = 0
        self.validated = ''
        self.address = ''


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:

    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

        def _answer(self, status: int, body: bytes = b'',
                    **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace('_', '-'), value)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(body)

        def _json(self, value: Any, status: int = 200) -> None:
            self._answer(status, json.dumps(value).encode(),
                         Content_Type='application/json')

        def _refused(self) -> bool:
            hub.asked.append((self.command, self.path))
            if hub.refuses:
                self._json(dict(error='no'), hub.refuses)
            return bool(hub.refuses)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers['Content-Length']))
            if self._refused():
                return
            parts = self.path.split('?')[0].strip('/').split('/')
            if parts[:3] == ['api', 'repos', 'create']:
                asked = json.loads(body)
                name = f'{asked.get("organization")}/{asked["name"]}'
                hub.files.setdefault(name, {})
                # What older clients say, and newer ones.
                hub.private[name] = bool(asked.get('private')) or (
                    asked.get('visibility') == 'private')
                self._json(dict(url=f'{hub.address}/{name}'))
                return
            if parts[1] == 'validate-yaml':
                hub.validated = json.loads(body)['content']
                self._json(dict(errors=[], warnings=[]))
                return
            name = '/'.join(parts[2:4])
            if parts[4] == 'preupload':
                self._json(dict(files=[
                    dict(path=file['path'], uploadMode='regular',
                         shouldIgnore=False)
                    for file in json.loads(body)['files']]))
                return
            assert parts[4] == 'commit', self.path
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry['key'] == 'file':
                    value = entry['value']
                    hub.files[name][value['path']] = base64.b64decode(
                        value['content'])
            self._json(dict(success=True, commitOid=_COMMIT,
                            commitUrl=f'{hub.address}/{name}/commit/'
                            + _COMMIT, hookOutput=''))

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            if self._refused():
                return
            parts = self.path.split('?')[0].strip('/').split('/')
            if parts[0] == 'api':
                name = '/'.join(parts[2:4])
                if name not in hub.files:
                    self._json(dict(error='Repository not found'), 404)
                    return
                self._json(dict(id=name, sha=_COMMIT, siblings=[
                    dict(rfilename=path) for path in hub.files[name]]))
                return
            content = hub.files.get('/'.join(parts[:2]), {}).get(
                '/'.join(parts[4:]))
            if content is None:
                self._answer(404, X_Error_Code='RepoNotFound')
                return
            etag = hashlib.sha256(content).hexdigest()
            self._answer(200, content, ETag=f'"{etag}"',
                         X_Repo_Commit=_COMMIT)
    return Handler


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Serve one on a free port of 127.0.0.1."""
    hub = FakeHub()
    server = ThreadingHTTPServer(('127.0.0.1', 0), _handler(hub))
    hub.address = f'http://127.0.0.1:{server.server_port}'
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
