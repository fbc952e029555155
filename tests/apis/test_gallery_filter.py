"""Conditions on what a query may find."""
import pytest

from chtn_plugin.apis.gallery_filter import (
    Filter,
    all_keep,
    needed_fields,
    passing,
)

ITEM = dict(kind='image', id='a/B7.png', path='/data/shoes/red/B7.png',
            text='', label='boots, sale')


@pytest.mark.parametrize('text, kept', [
    ('label=boots', True), ('boots', True), ('label=boot', False),
    ('path=shoes', True), ('path=shoes/red', True), ('path=red/shoes', False),
    ('path=sho', False), ('path=shoes/red/B7.png', True),
    ('id=b7', True), ('id=b8', False), ('text=x', False)])
def test_an_item_meets_a_filter(text, kept):
    assert Filter.parse(text).keeps(ITEM) is kept
    assert Filter.parse(text, without=True).keeps(ITEM) is not kept


def test_a_class_with_a_comma_is_one_class():
    item = dict(ITEM, label='arts, culture, food',
                classes=('arts, culture', 'food'))
    assert Filter('label', 'arts, culture').keeps(item)
    assert not Filter('label', 'culture').keeps(item)
    assert needed_fields([Filter('label', 'x')]) == {'label', 'classes'}


def test_all_filters_must_be_met():
    assert all_keep([Filter('label', 'boots'), Filter('label', 'sale')], ITEM)
    assert not all_keep([Filter('label', 'boots'),
                         Filter('label', 'sale', without=True)], ITEM)


@pytest.mark.parametrize('text, reason', [
    ('=red', 'needs a field'), ('label=', 'by label needs a value'),
    ('', 'by label needs a value')])
def test_what_is_no_filter_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        Filter.parse(text)


def test_a_column_of_the_manifest_is_met_by_its_whole_cell():
    items = [dict(columns=dict(colour='Red', split='test')),
             dict(columns=dict(colour='dark red', split='train')),
             dict(columns=None)]
    assert passing([Filter.parse('colour=red')], items).tolist() == [
        True, False, False]
    assert passing([Filter.parse('split=test', without=True)],
                   items).tolist() == [False, True, True]


def test_a_field_that_no_item_has_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=(
            r"'label', 'path', 'id', 'text', 'size'.* got 'colour'")):
        passing([Filter.parse('colour=red')], [dict(columns=dict(size='9'))])
