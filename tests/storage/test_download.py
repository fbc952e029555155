"""Downloads from a server on this machine: whole, cut off, resumed."""
from __future__ import annotations

import argparse
import dataclasses
import hashlib
import http.server
import io
import threading
import zipfile

import pytest
from layouts import wikipedia

from chtn_plugin.curation.preparation.base import Preparation, Result, prepare
from chtn_plugin.curation.preparation.wiki import WIKI
from chtn_plugin.datasets.manifest import read_manifest
from chtn_plugin.storage.download import download

CONTENT = bytes(range(256)) * 400


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the server's ``content``; hangs up at its ``cut``, once."""

    def do_GET(self):  # noqa: N802  (the name is http.server's)
        server, content = self.server, self.server.content
        server.ranges.append(self.headers.get('Range'))
        if server.status:
            self.send_error(server.status)
            return
        start = 0
        wanted = self.headers.get('Range')
        if wanted and self.headers.get('If-Range') == server.etag:
            start = int(wanted.removeprefix('bytes=').rstrip('-'))
            self.send_response(206)
            self.send_header('Content-Range', f'bytes {start}-'
                             f'{len(content) - 1}/{len(content)}')
        else:
            self.send_response(200)
        self.send_header('Content-Length', str(len(content) - start))
        self.send_header('ETag', server.etag)
        self.end_headers()
        end, server.cut = server.cut or len(content), None
        self.wfile.write(content[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as it:
        it.ranges, it.cut, it.etag, it.status = [], None, '"v1"', None
        it.content = CONTENT
        it.url = f'http://127.0.0.1:{it.server_port}/set.zip'
        thread = threading.Thread(target=it.serve_forever, daemon=True)
        thread.start()
        yield it
        it.shutdown()


def test_whole_file_comes_and_its_size_is_said(server, tmp_path):
    said = []
    path = download(server.url, tmp_path / 'set.zip', say=said.append)
    assert path.read_bytes() == CONTENT
    assert server.url in said[0] and '0.1 MB' in said[0]
    assert [item.name for item in tmp_path.iterdir()] == ['set.zip']


def test_file_that_is_there_is_not_fetched(server, tmp_path):
    (tmp_path / 'set.zip').write_bytes(b'mine')
    download(server.url, tmp_path / 'set.zip')
    assert server.ranges == []


def test_cut_off_download_leaves_no_file_and_resumes(server, tmp_path):
    server.cut = 50_000
    with pytest.raises(OSError, match='Run again to go on'):
        download(server.url, tmp_path / 'set.zip', attempts=1)
    assert not (tmp_path / 'set.zip').exists()
    download(server.url, tmp_path / 'set.zip')
    assert (tmp_path / 'set.zip').read_bytes() == CONTENT
    assert server.ranges == [None, 'bytes=50000-']


def test_second_attempt_is_automatic(server, tmp_path, monkeypatch):
    monkeypatch.setattr('time.sleep', lambda seconds: None)
    server.cut = 50_000
    download(server.url, tmp_path / 'set.zip')
    assert (tmp_path / 'set.zip').read_bytes() == CONTENT


def test_changed_file_begins_anew(server, tmp_path):
    server.cut = 50_000
    with pytest.raises(OSError):
        download(server.url, tmp_path / 'set.zip', attempts=1)
    server.etag = '"v2"'
    download(server.url, tmp_path / 'set.zip')
    assert (tmp_path / 'set.zip').read_bytes() == CONTENT


def test_missing_file_is_not_tried_again(server, tmp_path):
    server.status = 404
    with pytest.raises(OSError, match='404.*pass the file as --source'):
        download(server.url, tmp_path / 'set.zip')
    assert len(server.ranges) == 1


def test_wrong_md5_is_thrown_away(server, tmp_path):
    with pytest.raises(ValueError, match='must have MD5 abc'):
        download(server.url, tmp_path / 'set.zip', md5='abc')
    assert not (tmp_path / 'set.zip').exists()
    assert not (tmp_path / 'set.zip.part').exists()


def test_right_md5_passes(server, tmp_path):
    md5 = hashlib.md5(CONTENT).hexdigest()
    assert download(server.url, tmp_path / 'set.zip', md5=md5).is_file()


@pytest.mark.parametrize('url', ['file:///etc/passwd', 'ftp://x/y'])
def test_other_schemes_are_refused(tmp_path, url):
    with pytest.raises(ValueError, match='http'):
        download(url, tmp_path / 'x')


def test_unreachable_server_is_named(tmp_path):
    with pytest.raises(OSError, match='could not fetch http://127.0.0.1:9'):
        download('http://127.0.0.1:9/x.zip', tmp_path / 'x', attempts=1)


def test_wikipedia_comes_from_its_site(server, tmp_path, monkeypatch):
    source, archive = wikipedia(tmp_path / 'wikipedia'), io.BytesIO()
    with zipfile.ZipFile(archive, 'w') as file:
        for path in sorted(source.rglob('*')):
            file.write(path, path.relative_to(tmp_path))
    server.content = archive.getvalue()
    monkeypatch.setattr('time.sleep', lambda seconds: None)
    server.cut = 10_000
    parser = argparse.ArgumentParser()
    WIKI.add_arguments(parser)
    said: list[str] = []
    prepare(dataclasses.replace(WIKI, url=server.url), None, tmp_path / 'out',
            parser.parse_args(['--allow-other-counts']), said.append)
    assert len(read_manifest(tmp_path / 'out/pairs.tsv')) == 26
    assert server.url in said[0] and server.ranges[1] == 'bytes=10000-'


def test_preparation_fetches_pages_of_pictures(tmp_path):
    # A set that is no archive brings its own way to be fetched.
    def fetch(folder, say):
        folder.mkdir(parents=True)
        (folder / 'a').write_text('content')
        return folder

    def run(root, out, options):
        (out / 'b').write_text((root / 'a').read_text())
        return Result(['b'], 'report', {})
    prepare(Preparation('x', '', run, 'x', fetch=fetch), None, tmp_path,
            None, lambda line: None)
    assert (tmp_path / 'SHA256SUMS').read_text().endswith('  b\n')


def test_part_that_is_not_ours_is_kept(server, tmp_path):
    (tmp_path / 'set.zip.part').write_bytes(b'mine')
    with pytest.raises(ValueError, match=r'set\.zip\.part is another'):
        download(server.url, tmp_path / 'set.zip')
    assert (tmp_path / 'set.zip.part').read_bytes() == b'mine'
