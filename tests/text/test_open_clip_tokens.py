"""open_clip's tokens, at their full length."""
import pytest

pytest.importorskip('open_clip')

from chtn_plugin.text.open_clip_tokens import OpenCLIPTokens  # noqa: E402


def test_texts_become_rows_of_one_length_without_a_mask():
    tokens = OpenCLIPTokens(5)(['a bird', ''])
    assert set(tokens) == {'input_ids'}
    assert tokens['input_ids'].tolist() == [
        [49406, 320, 3329, 49407, 0], [49406, 49407, 0, 0, 0]]
    assert OpenCLIPTokens(5)([])['input_ids'].shape == (0, 5)


def test_too_short_a_length_is_refused():
    with pytest.raises(ValueError, match='at least 2, got 1'):
        OpenCLIPTokens(1)
