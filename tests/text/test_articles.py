"""Article text out of files that nobody has checked."""
from __future__ import annotations

import pytest

from chtn_plugin.text.articles import MAX_BYTES, article_text, clean_text


def written(tmp_path, content):
    path = tmp_path / 'a.xml'
    path.write_bytes(content if isinstance(content, bytes) else
                     content.encode())
    return path


def test_white_space_becomes_one_space_and_control_characters_go():
    assert clean_text(' a\t\n b\x00c ') == 'a bc'


def test_a_separator_that_stands_in_the_text_is_broken_up():
    assert clean_text('a ||| b') == 'a | b'


@pytest.mark.parametrize('content, text', [
    ('<a><title>T</title><text>one\n<b>two</b></text></a>', 'one two'),
    ('<a><text>one</text><text>two</text></a>', 'onetwo'),
    ('<a><text>R&amp;D</text></a>', 'R&D'),
    ('<a><text>R & D <i>x</i></text></a>', 'R & D x'),  # not well-formed
    ('<a>none</a>', ''), ('none', ''),
    ('\ufeff<text>é</text>', 'é'),
    ('<text>é</text>'.encode('cp1252'), 'é')])
def test_the_text_element_is_read(tmp_path, content, text):
    assert article_text(written(tmp_path, content)) == text


@pytest.mark.parametrize('content', [
    '<!DOCTYPE a [<!ENTITY b "c">]><text>&b;</text>',
    '<!ENTITY b SYSTEM "file:///etc/passwd"><text>&b;</text>'])
def test_a_document_type_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match='must not declare a document type'):
        article_text(written(tmp_path, content))


def test_a_huge_file_is_refused(tmp_path):
    path = tmp_path / 'a.xml'
    with open(path, 'wb') as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ValueError, match='at most 20000000 bytes, .*a.xml has '
                       '20000001'):
        article_text(path)
