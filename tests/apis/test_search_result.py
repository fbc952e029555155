"""Search results as a picture."""
import pytest

from chtn_plugin.apis.search_result import Hit, SearchResult, draw_results


@pytest.fixture
def result():
    return SearchResult('a cat', 'text', [
        Hit(1, .75, 'text', 't0', text='the cat sat'),
        Hit(2, .5, 'text', 't1', text='a dog')], dict(cat=.75, dog=.25))


def test_each_result_adds_a_row(result):
    one, two = draw_results([result]), draw_results([result, result])
    assert two.height > one.height and two.width == one.width


def test_a_picture_that_cannot_be_read_is_drawn_all_the_same(result):
    missing = SearchResult('none.png', 'image', [
        Hit(1, .75, 'image', 'i0', path='none.png')], {}, picture='none.png')
    assert draw_results([missing]).size[0] > 0
