"""The search page of tools/serve.py, asked over the loopback."""
import html
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from browser import Browser, browse, needs_browser
from PIL import Image
from tiny_run import run_tool, write_run

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.search_page import MAX_UPLOAD, search_app

for _name in ('starlette', 'uvicorn', 'multipart'):
    pytest.importorskip(_name, reason=f'{_name} is not installed')


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp('serve')
    write_run(folder)
    return folder


@pytest.fixture(scope='module')
def model(tiny):
    model = RetrievalInferencer(tiny / 'run', show_progress=False)
    model.index(tiny / 'data' / 'pairs.tsv')
    return model


@pytest.fixture(scope='module')
def address(model):
    import uvicorn
    # Its own logging would close the log files of earlier runs here.
    server = uvicorn.Server(uvicorn.Config(
        search_app(model), host='127.0.0.1', port=0, log_level='error',
        log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(600):
        if server.started:
            break
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f'http://127.0.0.1:{port}/'
    server.should_exit = True
    thread.join(10)


def _ask(address, fields=None, picture=None, headers=None):
    """Status and page; a GET where there are no fields."""
    data = None
    headers = dict(headers or {})
    if fields is not None:
        mark = 'x' * 30
        body = io.BytesIO()
        for name, value in fields.items():
            body.write(f'--{mark}\r\nContent-Disposition: form-data; name='
                       f'"{name}"\r\n\r\n{value}\r\n'.encode())
        if picture is not None:
            body.write(f'--{mark}\r\nContent-Disposition: form-data; name='
                       '"image"; filename="a.png"\r\nContent-Type: image/png'
                       '\r\n\r\n'.encode() + picture + b'\r\n')
        body.write(f'--{mark}--\r\n'.encode())
        data = body.getvalue()
        headers['Content-Type'] = f'multipart/form-data; boundary={mark}'
    request = urllib.request.Request(address, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _png(size=(8, 8), mode='RGB'):
    encoded = io.BytesIO()
    Image.new(mode, size, 1).save(encoded, 'PNG')
    return encoded.getvalue()


def test_form_is_shown(address):
    status, page = _ask(address)
    assert status == 200
    assert 'name="text"' in page and 'type="file"' in page
    assert '12 pictures, 12 texts' in page


def test_text_finds_pictures(address):
    status, page = _ask(address, dict(text='cat word1', topk=3))
    assert status == 200
    assert page.count('<img src="data:image/') == 3
    assert 'Taken for' in page


def test_picture_finds_texts(address, tiny):
    picture = (tiny / 'data' / 'images' / '3.png').read_bytes()
    status, page = _ask(address, dict(text='', topk=4), picture)
    assert status == 200
    assert page.count('word') >= 4


def test_query_is_text_and_not_markup(address):
    attack = '"><script>alert(1)</script>'
    for answer in (_ask(address, dict(text=attack, topk=1)),
                   _ask(address + '?text=' + urllib.parse.quote(attack))):
        assert answer[0] == 200
        assert '<script' not in answer[1]
        assert '&lt;script&gt;' in answer[1]


def test_text_and_picture_are_one_query(address):
    status, page = _ask(address, dict(text='cat', topk=3), _png())
    assert status == 200
    assert 'joins the picture (50%) and the text (50%)' in page


def test_a_result_leads_to_more_like_it(address, model):
    _, page = _ask(address, dict(text='cat', topk=1))
    link = re.search(r'href="/([^"]*)">more like this', page)[1]
    status, page = _ask(address + html.unescape(link))
    assert status == 200 and 'data:image' in page


def test_a_filter_of_any_kind_may_be_given(address):
    _, page = _ask(address, dict(text='cat', topk=20, only='label=bird'))
    assert set(re.findall(r'<footer>(\w*)', page)) == {'bird'}
    status, page = _ask(address, dict(text='cat', topk=3, only='hue=red'))
    assert status == 400 and 'hue' in page


def test_a_label_may_be_left_out(address):
    _, page = _ask(address, dict(text='cat', topk=20, without='cat'))
    footers = re.findall(r'<footer>(\w*)', page)
    assert set(footers) == {'bird'}


@pytest.mark.parametrize('fields, picture, said', [
    (dict(text='', topk=3), None, 'neither'),
    (dict(text='', topk=3, like='image:no-such'), None, 'an item of the '
     'gallery'),
    (dict(text='cat', topk=0), None, 'number of results'),
    (dict(text='cat', topk='9' * 5000), None, 'number of results'),
    (dict(text='cat', topk='0000000010000'), None, 'number of results'),
    (dict(text='cat', topk='101'), None, 'number of results'),
    (dict(text='x' * 20_000, topk=3), None, '10000 characters'),
    (dict(text='', topk=3), b'not a picture', 'such as JPEG'),
    (dict(text='', topk=3), b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9'
     b'\n%%EndComments\n', 'such as JPEG'),
    (dict(text='', topk=3), b'P6 x 1 255 abc', 'damaged'),
    (dict(text='', topk=3), _png()[:-30], 'damaged'),
    (dict(text='', topk=3), _png((10_000, 10_000), '1'),
     'at most 40 megapixels, got 10000 × 10000'),
    (dict(text='', topk=3), _png((20_000, 20_000), '1'),
     'at most 40 megapixels')],
    ids=lambda value: value if isinstance(value, str) else '')
def test_bad_query_is_answered_in_words(address, fields, picture, said):
    status, page = _ask(address, fields, picture)
    assert status == 400
    assert said in page


def test_too_large_upload_is_refused(address):
    with pytest.raises((urllib.error.URLError, ConnectionError,
                        AssertionError)):
        # the server may answer 413 or hang up while it is still being sent
        status, page = _ask(address, dict(text='', topk=3),
                            b'x' * (MAX_UPLOAD + (1 << 20)))
        assert status != 413
    assert _ask(address)[0] == 200


def test_other_host_names_are_refused(address):
    # a page elsewhere whose name was made to point here
    assert _ask(address, headers=dict(Host='evil.example'))[0] == 400


def test_policy_forbids_scripts(address):
    with urllib.request.urlopen(address, timeout=60) as reply:
        assert "default-src 'none'" in reply.headers[
            'Content-Security-Policy']


def test_answer_as_json_is_that_of_the_model(address, model):
    status, text = _ask(address + 'search.json?text=cat%20word1&topk=3')
    found = json.loads(text)
    expected = model.search(text='cat word1', topk=3)
    assert status == 200 and found['schema'] == 'chtn_plugin.found/1'
    assert [(hit['id'], hit['score']) for hit in found['hits']] == [
        (hit.id, pytest.approx(hit.score)) for hit in expected.hits]
    assert found['classes'] == pytest.approx(expected.classes)
    # Where pictures lie on this machine is nobody's concern.
    assert 'path' not in found['hits'][0] and 'picture' not in found


def test_a_picture_is_answered_as_json(address):
    status, text = _ask(address + 'search.json', dict(topk='2'), _png())
    found = json.loads(text)
    assert status == 200 and found['kind'] == 'image'
    assert [hit['rank'] for hit in found['hits']] == [1, 2]


@pytest.mark.parametrize('query, said', [
    ('', 'a query must be'), ('?text=a&topk=0', 'must be 1 to 100')])
def test_a_bad_query_is_answered_as_json(address, query, said):
    status, text = _ask(address + 'search.json' + query)
    assert status == 400 and said in json.loads(text)['error']


def test_page_has_landmarks_and_a_skip_link(address):
    page = _ask(address + '?text=cat%20word1')[1]
    body = page[page.index('<body>'):]
    assert body.startswith('<body><a class="skip" href="#content">')
    for mark in ('<header><h1>', '<main>', 'role="search"', 'id="content"',
                 'aria-labelledby="found"', '<h2 id="found">'):
        assert body.count(mark) == 1, mark
    assert 'role="alert"' in _ask(address, dict(topk='0', text='a'))[1]


@needs_browser
def test_browser_shows_what_was_found(address, tmp_path):
    link = address + '?text=cat%20word1&topk=4'
    dom = browse(link, tmp_path, '--dump-dom')
    assert dom.count('<article') == 4
    shot = tmp_path / 'page.png'
    browse(link, tmp_path, '--window-size=900,700', f'--screenshot={shot}')
    pixels = np.asarray(Image.open(shot).convert('RGB'))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


@needs_browser
def test_browser_uploads_a_picture_and_shows_the_ranking(
        address, model, tiny, tmp_path):
    path = tiny / 'data' / 'images' / '3.png'
    hits = model.search(image=path, topk=5).hits
    with Browser(tmp_path) as browser:
        browser.open(address)
        browser.choose_file('input[type=file]', path)
        browser.run("document.querySelector('input[name=topk]').value = 5;"
                    "document.querySelector('button').click()")
        browser.loaded()
        cards = browser.run(
            "[...document.querySelectorAll('article')].map(card => "
            "[...card.querySelectorAll('b, header span, div, footer')].map("
            'part => part.innerText))')
        shown = browser.run(
            "document.querySelector('article img').naturalWidth")
    assert shown > 0
    assert cards[0][0] == 'query'
    assert cards[1:] == [
        [str(hit.rank), f'{hit.score:.3f}', hit.text,
         f'{hit.label}\nmore like this'] for hit in hits]


@needs_browser
def test_browser_shows_why_an_upload_is_refused(address, tmp_path):
    path = tmp_path / 'cut.png'
    path.write_bytes(_png()[:-30])
    with Browser(tmp_path) as browser:
        browser.open(address)
        browser.choose_file('input[type=file]', path)
        browser.run("document.querySelector('button').click()")
        browser.loaded()
        said = browser.run("document.querySelector('.note').innerText")
    assert said == 'a picture must be whole: this one is damaged'


@pytest.mark.slow
def test_tool_listens_on_the_loopback_alone(tiny):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    tool = Path(__file__).parents[2] / 'tools' / 'serve.py'
    process = subprocess.Popen(
        [sys.executable, tool, tiny / 'run', '--gallery',
         tiny / 'data' / 'images', '--port', str(port)],
        stdout=subprocess.PIPE, text=True,
        env=dict(os.environ, OMP_NUM_THREADS='1'))
    try:
        assert f'http://127.0.0.1:{port}' in process.stdout.readline()
        for _ in range(100):
            try:
                assert _ask(f'http://127.0.0.1:{port}/')[0] == 200
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        hexport = f'{port:04X}'
        listening = [line.split()[1] for line in Path(
            '/proc/net/tcp').read_text().splitlines()[1:]
            if line.split()[3] == '0A']
        assert [a for a in listening if a.endswith(hexport)] == [
            f'0100007F:{hexport}']
    finally:
        process.terminate()
        process.wait(20)


def test_empty_gallery_is_an_error_in_words(tiny, tmp_path):
    status, _, err = run_tool('serve', tiny / 'run', '--gallery', tmp_path)
    assert status == 1
    assert 'at least one item' in err
