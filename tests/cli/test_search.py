"""tools/search.py as a user runs it."""
import json

import pytest
from PIL import Image
from tiny_run import run_tool, write_run


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp('search')
    write_run(folder)
    return folder


def test_text_and_picture_are_answered(tiny):
    status, out, err = run_tool(
        'search', tiny / 'run', '--gallery', tiny / 'data' / 'pairs.tsv',
        '--text', 'cat word1', '--image', tiny / 'data' / 'images' / '3.png',
        '--topk', 4)
    assert status == 0, err
    assert out.count('taken for') == 2
    text, picture = out.split('\n\n')
    assert len([line for line in text.splitlines() if '.png' in line]) == 4
    assert 'cat word' in picture.splitlines()[-1] or 'bird word' in (
        picture.splitlines()[-1])


@pytest.mark.parametrize('kind', ['html', 'png', 'json'])
def test_results_are_written(tiny, tmp_path, kind):
    out = tmp_path / f'found.{kind}'
    status, _, err = run_tool(
        'search', tiny / 'run', '--gallery', tiny / 'data' / 'images',
        '--text', '<script>alert(1)</script>', '--out', out, '--topk', 2)
    assert status == 0, err
    if kind == 'html':
        page = out.read_text()
        assert '<script' not in page
        assert '&lt;script&gt;' in page
        assert page.count('data:image/') == 2
    elif kind == 'png':
        assert Image.open(out).width > 400
    else:
        assert len(json.loads(out.read_text())[0]['hits']) == 2


def test_gallery_of_nothing_is_an_error_in_words(tiny, tmp_path):
    status, _, err = run_tool('search', tiny / 'run', '--gallery', tmp_path,
                              '--text', 'cat')
    assert status == 1
    assert err.startswith('error: a gallery must have at least one item')


def test_query_is_needed(tiny):
    status, _, err = run_tool('search', tiny / 'run', '--gallery', tiny)
    assert status == 2
    assert '--text or --image' in err


@pytest.mark.parametrize('kind', ['html', 'png', 'json'])
def test_a_file_of_the_users_is_not_replaced_and_our_own_is(tiny, tmp_path,
                                                            kind):
    out = tmp_path / f'found.{kind}'
    out.write_text('[{"mine": 1}]')
    call = ('search', tiny / 'run', '--gallery', tiny / 'data' / 'images',
            '--text', 'cat', '--out', out, '--topk', 2)
    status, _, err = run_tool(*call)
    assert status == 1
    assert 'only files that this tool has written may be replaced' in err
    assert out.read_text() == '[{"mine": 1}]'
    out.unlink()
    for _ in range(2):
        status, _, err = run_tool(*call)
        assert status == 0, err
