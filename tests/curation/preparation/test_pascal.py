"""Pascal Sentences, in both layouts in circulation."""
from __future__ import annotations

from collections import Counter

import pytest
from layouts import picture

from chtn_plugin.curation.preparation.pascal import (
    CLASSES,
    EXPECTED,
    fetch_pascal,
    read_pascal,
)
from chtn_plugin.datasets.manifest import read_manifest


def trees(root, per_class=10, classes=('cat', 'dog')):
    """dataset/<class>/<id>.jpg and sentence/<class>/<id>.txt."""
    for label in classes:
        for index in range(per_class):
            picture(root / f'dataset/{label}/2008_{index:06}.jpg', index)
            path = root / f'sentence/{label}/2008_{index:06}.txt'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(''.join(f'A {label}, view {k}.\r\n'
                                    for k in range(5)))
    return root


def page(root):
    """index.html as published, and <class>/<id>.jpg."""
    rows = []
    for label in ('cat', 'dog'):
        for index in range(10):
            name = f'{label}/2008_{index:06}.jpg'
            picture(root / name, index)
            cells = ''.join(f'<tr><td> View {k} of a {label} &amp; more.\n'
                            '</td></tr>' for k in range(5))
            rows.append(f'<tr><td><img src="{name}"></td>'
                        f'<td><table>{cells}</table></td></tr>')
    (root / 'index.html').write_text(
        f'<html><body><p>About</p><table>{"".join(rows)}</table></body>')
    return root


def test_expected_counts_are_the_published_ones():
    assert len(CLASSES) == 20
    assert EXPECTED.splits == {'train': 800, 'val': 100, 'test': 100}
    assert EXPECTED.classes['train']['cat'] == 40


@pytest.mark.parametrize('layout', [trees, page])
def test_both_layouts_give_five_sentences_and_80_10_10(tmp_path, layout):
    records = read_pascal(layout(tmp_path))
    assert len(records) == 20
    assert {len(record.texts) for record in records} == {5}
    assert Counter((record.split, record.classes[0])
                   for record in records) == {
        (split, label): count for label in ('cat', 'dog')
        for split, count in (('train', 8), ('val', 1), ('test', 1))}


def test_page_cells_are_read_as_text(tmp_path):
    assert read_pascal(page(tmp_path))[0].texts[0] == 'View 0 of a cat & more.'


def test_missing_picture_is_named(tmp_path):
    trees(tmp_path)
    (tmp_path / 'dataset/dog/2008_000003.jpg').unlink()
    with pytest.raises(FileNotFoundError, match='1 of 20 .*dog/2008_000003'):
        read_pascal(tmp_path)
    assert len(read_pascal(tmp_path, allow_missing=True)) == 19


def test_page_may_not_lead_outside(tmp_path):
    (tmp_path / 'index.html').write_text(
        '<img src="../../etc/passwd"><td>x</td>')
    with pytest.raises(FileNotFoundError):
        read_pascal(tmp_path)


def test_neither_layout_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match='neither index.html'):
        read_pascal(tmp_path)


def test_part_of_the_set_needs_consent(tmp_path, run):
    source = trees(tmp_path / 'source')
    with pytest.raises(ValueError, match='train must have 800 pairs'):
        run('pascal', source, tmp_path / 'out')
    run('pascal', source, tmp_path / 'out', '--allow-missing')
    assert len(read_manifest(tmp_path / 'out/pairs.tsv')) == 20


def test_site_is_fetched_page_first(tmp_path, monkeypatch):
    site, calls = page(tmp_path / 'site'), []

    def fake(url, path, say=None):
        calls.append(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((site / url.removeprefix('http://s/')).read_bytes())
    monkeypatch.setattr('chtn_plugin.curation.preparation.pascal.download',
                        fake)
    folder = fetch_pascal(tmp_path / 'got', lambda line: None, 'http://s/')
    assert calls[0] == 'http://s/index.html' and len(calls) == 21
    assert len(read_pascal(folder)) == 20
