"""Conditions on what a query may find."""
import pytest

from chtn_plugin.apis.gallery_filter import Filter, all_keep

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


def test_all_filters_must_be_met():
    assert all_keep([Filter('label', 'boots'), Filter('label', 'sale')], ITEM)
    assert not all_keep([Filter('label', 'boots'),
                         Filter('label', 'sale', without=True)], ITEM)


@pytest.mark.parametrize('text, reason', [
    ('colour=red', r"'label', 'path', 'id', 'text'.* got 'colour'"),
    ('label=', 'by label needs a value'), ('', 'by label needs a value')])
def test_what_is_no_filter_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        Filter.parse(text)
