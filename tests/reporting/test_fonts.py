import pytest

from chtn_plugin.reporting.fonts import FontStack, printable


@pytest.fixture(scope='module')
def stack():
    return FontStack(13)


@pytest.mark.parametrize('text', [
    '汉字', 'नमस्ते', 'مرحبا', 'שלום', '👩‍🚀', 'e\u0301', '\ud800', '\0\n\t',
    '', ' '])
def test_no_script_is_an_error(stack, text):
    assert stack.length(text) >= 0
    assert isinstance(stack.wrap(text, 50, 2), list)


def test_wrapped_lines_fit(stack):
    text = 'small letter eta with dasia ' * 20 + 'x' * 500
    lines = stack.wrap(text, 120, 4)
    assert len(lines) == 4
    assert lines[-1].endswith('…')
    assert all(stack.length(line) <= 120 for line in lines)


def test_short_text_stays_whole(stack):
    assert stack.wrap('check mark', 500, 3) == ['check mark']


def test_long_word_is_broken_and_nothing_lost(stack):
    assert ''.join(stack.wrap('x' * 60, 100, 50)) == 'x' * 60


def test_hundred_thousand_characters_take_no_time(stack):
    assert len(stack.wrap('word ' * 20_000, 100, 3)) == 3


def test_printable_is_one_line():
    assert printable('a\n\tb\x00 c\u2028d') == 'a b c d'


def test_missing_font_is_named():
    with pytest.raises(FileNotFoundError, match='no-such.ttf'):
        FontStack(13, ['no-such.ttf'])


def test_file_that_is_no_font_is_refused(tmp_path):
    path = tmp_path / 'not.ttf'
    path.write_text('hello')
    with pytest.raises(ValueError, match='font'):
        FontStack(13, [str(path)])
