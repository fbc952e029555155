import re

from chtn_plugin.apis import Hit, SearchResult
from chtn_plugin.reporting.results_page import results_page


def test_page_has_queries_notes_classes_and_hits_in_order():
    page = results_page([SearchResult(
        '<i>cat</i>', 'text',
        [Hit(1, 0.5, 'text', 'a', None, 'first', 'cat'),
         Hit(2, -0.25, 'text', 'b', None, '', 'dog')],
        {'cat': 0.75, 'dog': 0.25}, notes=('<note>', ))])
    assert '<h2>&lt;i&gt;cat&lt;/i&gt;</h2>' in page
    assert 'taken for cat 75.0%, dog 25.0%' in page
    assert '<p class="note">&lt;note&gt;</p>' in page
    assert '1 query, scores are cosines' in page
    heads = re.findall(r'<header><b>([^<]*)</b><span>([^<]*)</span>', page)
    assert heads == [('query', ''), ('1', '0.500'), ('2', '-0.250')]
    # a text that is empty is shown by its name
    assert [text for text in re.findall(r'<span dir="auto">([^<]*)<', page)
            ][1:] == ['first', 'b']


def test_page_of_no_query_is_whole():
    page = results_page([])
    assert '0 queries' in page and page.endswith('</html>\n')
