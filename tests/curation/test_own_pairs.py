"""How rows of a user's folder become pairs, and which are refused."""
from __future__ import annotations

import json
from collections import Counter

import pytest
from own_folder import (
    class_folders,
    few_labels,
    make,
    picture,
    rows,
    write_csv,
)
from PIL import Image

from chtn_plugin.curation.preparation.base import image_problem
from chtn_plugin.datasets import LoadRGBImage


def test_several_texts_of_a_picture_are_joined_to_one_row(folder):
    write_csv(folder, rows(texts=5))
    records = make(folder)
    assert len(records) == 60 and {len(r.texts) for r in records} == {5}


def test_half_pairs_are_kept(tmp_path):
    said: list[str] = []
    class_folders(tmp_path)
    (tmp_path / 'a/0.txt').unlink()
    (tmp_path / 'b/0.jpg').unlink()
    records = make(tmp_path, said=said)
    assert sum(r.image is None for r in records) == 1
    assert sum(not r.texts for r in records) == 1
    assert '1 rows without a picture' in '\n'.join(said)


@pytest.mark.parametrize('label', [float('nan'), None, ''])
def test_a_row_without_a_class_among_others_is_named(folder, label):
    said: list[str] = []
    (folder / 'data.jsonl').write_text('\n'.join(json.dumps(dict(
        image=name, text=text, label=label if k == 3 else given))
        for k, (name, text, given) in enumerate(rows())))
    records = make(folder, said=said)
    assert {c for r in records for c in r.classes} == {'a', 'b', 'c'}
    assert f'the first row without a class: {folder / "data.jsonl"}:4' in said


def test_several_labels(folder):
    write_csv(folder, [(name, text, f'{label};all')
                       for name, text, label in rows()])
    assert make(folder)[0].classes == ('a', 'all')
    assert make(folder, label_separator='')[0].classes == ('a;all', )


@pytest.mark.parametrize('lines, reason', [
    ([('0.png', 'x', '')], 'needs a label: .*:2'),
    ([('', '', 'a')], 'an image, a text or both'),
    ([('nothing.png', 'x', 'a')], r'nothing\.png \(.*:2: no such file\)'),
    ([('../../etc/passwd', 'x', 'a')], 'no such file'),
    ([('0.png', 'x', 'a'), ('0.png', 'y', 'b')], 'must agree.*:2.*:3'),
])
def test_broken_rows_are_named(folder, lines, reason):
    write_csv(folder, lines)
    with pytest.raises(ValueError, match=reason):
        make(folder)


def test_picture_outside_the_folder_is_refused(tmp_path):
    picture(tmp_path / 'secret.png')
    (tmp_path / 'mine').mkdir()
    write_csv(tmp_path / 'mine', [('../secret.png', 'x', 'a')])
    with pytest.raises(ValueError, match='must lie inside'):
        make(tmp_path / 'mine')


def test_linked_picture_is_taken(folder, tmp_path_factory):
    # Whoever laid the link meant its target; a path may be a stranger's.
    other = tmp_path_factory.mktemp('other')
    picture(other / 'x.png', 99)
    (folder / 'images' / '0.png').unlink()
    (folder / 'images' / '0.png').symlink_to(other / 'x.png')
    write_csv(folder, rows())
    assert make(folder)[0].image == 'images/0.png'


@pytest.mark.parametrize('target', ['0.png', 'nowhere.png'],
                         ids=['itself', 'nothing'])
def test_link_to_no_picture_is_named(folder, target):
    (folder / 'images' / '0.png').unlink()
    (folder / 'images' / '0.png').symlink_to(target)
    write_csv(folder, rows())
    with pytest.raises(ValueError, match=r'0\.png \(.*:2: no such file'):
        make(folder)


def test_picture_that_would_fill_the_memory_is_named(folder, monkeypatch):
    # Pillow refuses above twice its limit; these have 108 pixels.
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 50)
    write_csv(folder, rows())
    with pytest.raises(ValueError, match=r'images/0\.png .*too large'):
        make(folder)


def test_broken_pictures_can_be_left_out(folder):
    write_csv(folder, rows())
    path = folder / 'images/5.png'
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'images/5\.png'):
        make(folder)
    assert len(make(folder, skip_broken=True)) == 59


@pytest.mark.parametrize('kind, mode', [
    ('ICO', 'RGB'), ('TGA', 'RGB'), ('TIFF', 'F'), ('PNG', 'P'),
    ('GIF', 'RGB'), ('BMP', 'RGB'), ('JPEG', 'CMYK'), ('TIFF', 'RGB'),
    ('PNG', 'RGBA')])
def test_what_training_decodes_is_taken_and_nothing_else(folder, kind, mode):
    path = folder / 'images/5.png'
    # Pillow 12 writes no icon into an ICO of less than 16 pixels.
    Image.open(path).resize((32, 32)).convert(mode).save(path, format=kind)
    try:
        LoadRGBImage()(dict(img_path=str(path)))
    except ValueError:
        assert f'kind of {kind}' in str(image_problem(path))
        write_csv(folder, rows())
        with pytest.raises(ValueError, match=r'images/5\.png .*PNG or JPEG'):
            make(folder)
    else:
        assert image_problem(path) is None


def test_class_in_two_unicode_forms_is_one_and_told(folder):
    names = 'Caf\u00e9', 'Cafe\u0301', 'tea'
    write_csv(folder, [(name, text, names[i % 3])
                       for i, (name, text, _) in enumerate(rows())])
    said: list[str] = []
    assert {name for record in make(folder, said=said)
            for name in record.classes} == {'Caf\u00e9', 'tea'}
    assert ('classes spelt in two Unicode forms are taken as one: Caf\u00e9'
            in said)


@pytest.mark.parametrize('on_disk, named', [
    ('caf\u00e9', 'cafe\u0301'), ('cafe\u0301', 'caf\u00e9')])
def test_picture_is_found_in_another_unicode_form(folder, on_disk, named):
    picture(folder / f'images/{on_disk}.png', 99)
    write_csv(folder, [*rows(), (f'{named}.png', 'a cup', 'a')])
    assert make(folder)[-1].image == f'images/{on_disk}.png'


def test_rows_without_a_class_are_trained_on_and_counted(folder):
    write_csv(folder, few_labels())
    said = []
    records = make(folder, said=said)
    assert Counter(r.split for r in records if not r.classes) == {'train': 45}
    assert {r.split for r in records if r.classes} == {'train', 'val',
                                                       'test'}
    assert '45 rows without a class: trained on as pairs' in said


def test_rows_of_one_picture_need_its_class_once(folder):
    write_csv(folder, [*rows(), ('0.png', 'another text', '')])
    first = make(folder)[0]
    assert first.classes == ('a', ) and len(first.texts) == 2
