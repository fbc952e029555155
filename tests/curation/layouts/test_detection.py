"""A folder's layout is recognised, or its nearest one named."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny_layouts import write_pictures

from chtn_plugin.cli.make_manifest import build_parser
from chtn_plugin.curation.layouts.detection import LAYOUTS, choose_layout
from chtn_plugin.curation.own_pairs import Options, read_pairs

DOCS = Path(__file__).parents[3] / 'docs' / 'data.md'


@pytest.mark.parametrize('name', LAYOUTS)
def test_layout_stands_in_the_help_and_the_documentation(name):
    assert re.search(rf'^  {name} ', build_parser().format_help(), re.M)
    assert f'| `{name}` |' in DOCS.read_text(encoding='utf-8')


def test_unknown_layout_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"--layout must be .*got 'cocoa'"):
        choose_layout(tmp_path, 'cocoa')


def test_named_layout_is_taken_whatever_is_there(tmp_path):
    (tmp_path / 'state.json').write_text('{}')
    assert choose_layout(tmp_path, 'folders').name == 'folders'


def test_named_layout_that_is_not_there_says_what_it_needs(tmp_path):
    write_pictures(tmp_path / 'cats')
    with pytest.raises(FileNotFoundError, match=r'no captions_\*\.json'):
        read_pairs(tmp_path, Options(layout='coco'))


def test_two_layouts_have_to_be_chosen_from(tmp_path):
    (tmp_path / 'captions.txt').write_text('image,caption\n')
    (tmp_path / 'state.json').write_text('{}')
    with pytest.raises(ValueError, match=r'flickr \(found captions.txt.*'
                       r'datasets \(found state.json.*--layout'):
        choose_layout(tmp_path)


def test_whole_table_is_a_layout_beside_others(tmp_path):
    (tmp_path / 'mine.csv').write_text('image,text,label\n1.jpg,x,a\n')
    (tmp_path / 'state.json').write_text('{}')
    with pytest.raises(ValueError, match=r'datasets .*table \(found mine'):
        choose_layout(tmp_path)
    (tmp_path / 'mine.csv').write_text('image,label\n1.jpg,a\n')
    assert choose_layout(tmp_path).name == 'datasets'


def test_split_is_never_the_only_class(tmp_path):
    write_pictures(tmp_path / 'train2017')
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/instances_train2017.json').write_text('{}')
    with pytest.raises(FileNotFoundError, match=(
            r'train2017: a folder of this name is a split and no class.*'
            r'Found annotations/instances_train2017.json: the nearest '
            r'layout is coco \(annotations/captions_\*.json')):
        choose_layout(tmp_path)


@pytest.mark.parametrize('name, nearest', [
    ('dataset_mine.json', 'karpathy'), ('result.csv.bak', 'flickr'),
    ('shard-7.zip', None), ('data-1.arrow', 'datasets'),
    ('captions.xls', 'table')])
def test_nearest_layout_is_named(tmp_path, name, nearest):
    write_pictures(tmp_path / 'pictures')
    (tmp_path / name).write_text('')
    with pytest.raises(FileNotFoundError) as error:
        choose_layout(tmp_path)
    assert (f'Found {name}: the nearest layout is {nearest} ' if nearest else
            f'It has {name}, which no layout reads') in str(error.value)


def test_pictures_alone_are_told_what_they_lack(tmp_path):
    write_pictures(tmp_path / 'images')
    with pytest.raises(FileNotFoundError, match='Pictures alone are no pair'):
        choose_layout(tmp_path)


def test_columns_of_a_layout_without_any_are_refused(tmp_path):
    write_pictures(tmp_path / 'cats')
    with pytest.raises(ValueError, match='folders has no columns.*label'):
        read_pairs(tmp_path, Options(label_from='column:kind'))
