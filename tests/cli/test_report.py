"""tools/report.py as a user runs it, and a browser that shows it."""
import sys

import numpy as np
import pytest
from browser import browse, needs_browser
from PIL import Image
from tiny_run import run_tool, write_run


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp('report')
    write_run(folder)
    pairs = folder / 'data' / 'pairs.tsv'
    pairs.write_text(pairs.read_text().replace(
        'cat word5', "<script>document.title='hacked'</script>"))
    status, said, err = run_tool('report', folder / 'run', '--no-tsne')
    assert status == 0, err
    return folder


def test_report_lies_beside_the_checkpoint(tiny):
    text = (tiny / 'run' / 'report.html').read_text()
    assert 'http' not in text.replace('http-equiv', '')
    assert text.count('data:image/') > 20
    assert 'src="data' in text and 'src="/' not in text


def test_embeddings_need_no_data(tiny, tmp_path):
    run_tool('extract_features', tiny / 'run', '--out', tmp_path / 'e.npz')
    out = tmp_path / 'report.html'
    status, said, err = run_tool('report', tiny / 'run', '--embeddings',
                                 tmp_path / 'e.npz', '--no-tsne', '--out',
                                 out)
    assert status == 0, err
    assert (tiny / 'run' / 'report.html').read_text() == out.read_text()


def test_data_elsewhere_are_asked_for(tiny, tmp_path):
    (tiny / 'data').rename(tmp_path / 'moved')
    out = tmp_path / 'report.html'
    try:
        status, _, err = run_tool('report', tiny / 'run', '--no-tsne',
                                  '--out', out)
        assert status == 1
        assert 'manifest not found' in err and '--data-root FOLDER' in err
        status, _, err = run_tool('report', tiny / 'run', '--no-tsne',
                                  '--out', out, '--data-root',
                                  tmp_path / 'moved')
        assert status == 0, err
    finally:
        (tmp_path / 'moved').rename(tiny / 'data')


@needs_browser
def test_browser_shows_the_caption_and_runs_nothing(tiny, tmp_path):
    page = (tiny / 'run' / 'report.html').as_uri()
    dom = browse(page, tmp_path, '--dump-dom')
    assert '&lt;script&gt;document.title' in dom
    assert '<title>run/best' in dom


@needs_browser
def test_page_fits_a_phone(tiny, tmp_path):
    """Nothing but rows that scroll by themselves is wider than the window."""
    page = tiny / 'run' / 'report.html'
    probe = tmp_path / 'probe.html'
    # The page's own policy forbids scripts; a frame around it may measure.
    probe.write_text(
        '<iframe id="f" src="' + page.as_uri() + '" width="380" height="700">'
        '</iframe>')
    shot = tmp_path / 'phone.png'
    browse(page.as_uri(), tmp_path, '--window-size=500,900',
           f'--screenshot={shot}')
    pixels = np.asarray(Image.open(shot).convert('RGB'))
    assert pixels.shape[1] == 500
    assert (pixels != 255).any()
    # the page's right margin stays empty
    assert (pixels[:, -8:] == 255).all()


def test_picture_of_the_space_without_scikit_learn(tiny, tmp_path,
                                                   monkeypatch):
    monkeypatch.setitem(sys.modules, 'sklearn.manifold', None)
    status, said, err = run_tool('report', tiny / 'run', '--out',
                                 tmp_path / 'r.html', '--tsne-out',
                                 tmp_path / 'space.png')
    assert status == 1 and 'pip install scikit-learn' in err
    # The report is there and says so; no half of a picture is.
    assert 'scikit-learn' in (tmp_path / 'r.html').read_text()
    assert not (tmp_path / 'space.png').exists()


@pytest.mark.parametrize('option', ['--out', '--tsne-out'])
def test_a_file_of_the_users_is_not_replaced(tiny, tmp_path, option):
    out = tmp_path / 'mine'
    out.write_text('chtn_plugin notes')
    status, _, err = run_tool('report', tiny / 'run', option, out)
    assert status == 1
    assert 'only files that this tool has written may be replaced' in err
    assert out.read_text() == 'chtn_plugin notes'


def test_a_report_of_an_earlier_run_is_replaced(tiny, tmp_path):
    for _ in range(2):
        status, _, err = run_tool('report', tiny / 'run', '--no-tsne',
                                  '--out', tmp_path / 'report.html')
        assert status == 0, err
