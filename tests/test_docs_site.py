"""The documentation builds without a warning: links and docstrings too."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs'
sys.path.append(str(DOCS))

site_docstrings = pytest.importorskip('site_docstrings')
site_hooks = pytest.importorskip('site_hooks')


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path):
    built = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet',
         '--site-dir', str(tmp_path / 'site')], cwd=ROOT,
        capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stdout + built.stderr
    page = (tmp_path / 'site/api/losses/index.html').read_text('utf-8')
    assert 'chtn_plugin.losses.mmd.squared_mmd' in page
    assert ':class:`' not in page


@pytest.mark.slow
def test_a_dead_link_ends_the_build(tmp_path):
    for part in ('docs', 'configs', 'benchmarks'):
        shutil.copytree(ROOT / part, tmp_path / part)
    (tmp_path / 'chtn_plugin').symlink_to(ROOT / 'chtn_plugin')
    for page in ('README.md', 'README.zh-CN.md', 'CHANGELOG.md',
                 'CONTRIBUTING.md', 'mkdocs.yml'):
        shutil.copy(ROOT / page, tmp_path)
    with open(tmp_path / 'docs/using.md', 'a', encoding='utf-8') as page:
        page.write('\n[gone](no_such_page.md)\n')
    built = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict',
         '--site-dir', str(tmp_path / 'site')], cwd=tmp_path,
        capture_output=True, text=True, timeout=600)
    assert built.returncode != 0
    assert 'no_such_page.md' in built.stderr


def test_links_between_the_repository_and_the_site_keep_their_target():
    relinked = site_hooks._relinked
    assert relinked('[a](docs/using.md#x)', 'README.md', 'index.md') == (
        '[a](using.md#x)')
    assert relinked('[a](../benchmarks/RESULTS.md)', 'docs/data.md',
                    'data.md') == '[a](benchmarks/RESULTS.md)'
    assert relinked('![a](../docs/images/b.png)', 'benchmarks/RESULTS.md',
                    'benchmarks/RESULTS.md') == '![a](../images/b.png)'
    assert relinked('[a](docs/tutorials/b.ipynb)', 'README.md',
                    'index.md') == '[a](tutorials/b.md)'
    assert relinked('[a](../tests/conftest.py)', 'docs/data.md',
                    'data.md') == 'a (`tests/conftest.py`)'
    assert relinked('[a](https://b.org/c.md)', 'README.md', 'index.md') == (
        '[a](https://b.org/c.md)')


def test_every_room_has_a_page():
    rooms = {path.parent.name for path in (ROOT / 'chtn_plugin').glob(
        '*/__init__.py')}
    assert set(site_hooks.ROOMS) == rooms


def test_roles_become_code_and_formulas_blocks():
    text = site_docstrings.as_markdown(
        'See :func:`~.naming.loss_name`.\n\n.. math::\n    a\n    b\n\nEnd.')
    assert text == ('See `naming.loss_name`.\n\n```latex\na\nb\n```\n\nEnd.')
