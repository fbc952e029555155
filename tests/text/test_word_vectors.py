"""Files of word vectors: every format, and what is refused."""
from __future__ import annotations

import gzip

import numpy as np
import pytest

from chtn_plugin.text.word_vectors import read_word_vectors

WORDS = ['the', 'cat', '猫']
VECTORS = np.array([[1, 2], [-0.5, 3], [0, 4]], np.float32)
GLOVE = 'the 1 2\ncat -0.5 3\n猫 0 4\n'
BINARY = b'3 2\n' + b''.join(
    word.encode() + b' ' + vector.tobytes() + b'\n'
    for word, vector in zip(WORDS, VECTORS, strict=True))


def arrays(words):
    def write(path):
        np.savez(path, words=words, vectors=VECTORS.astype(np.float16))
    return write


@pytest.mark.parametrize('name, content', [
    ('glove.txt', GLOVE.encode()),
    ('word2vec.txt', b'3 2\n' + GLOVE.encode()),
    ('fasttext.vec', b'3 2\n' + GLOVE.replace('\n', ' \n').encode()),
    ('glove.txt.gz', gzip.compress(GLOVE.encode(), mtime=0)),
    ('word2vec.bin', BINARY),
    ('word2vec.bin.gz', gzip.compress(BINARY, mtime=0)),
    ('joined.npz', arrays('\n'.join(WORDS))),
    ('listed.npz', arrays(np.array(WORDS))),
])
def test_each_format_gives_the_same(tmp_path, name, content):
    path = tmp_path / name
    if callable(content):
        content(path)
    else:
        path.write_bytes(content)
    words, vectors = read_word_vectors(path)
    assert words == WORDS
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, VECTORS)


def written(tmp_path, content, name='v.txt'):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_max_words_takes_the_first(tmp_path):
    path = written(tmp_path, GLOVE.encode())
    assert read_word_vectors(path, 2)[0] == ['the', 'cat']


def test_word_with_spaces_as_in_glove(tmp_path):
    path = written(tmp_path, b'the 1 2\n. . 3 4\n')
    assert read_word_vectors(path)[0] == ['the', '. .']


def test_first_of_two_equal_words_counts(tmp_path):
    path = written(tmp_path, b'the 1 2\nthe 3 4\n')
    words, vectors = read_word_vectors(path)
    assert words == ['the'] and vectors.tolist() == [[1, 2]]


@pytest.mark.parametrize('name, content, message', [
    ('v.txt', b'the 1 2\ncat 1 x\n', r'v\.txt:2'),
    ('v.txt', b'the 1 2\ncat\n', r'v\.txt:2 has 1 fields'),
    ('v.txt', b'the 1 nan\n', "finite.*'the'"),
    ('v.txt', b'', 'at least one word'),
    ('v.bin', BINARY[:-5], 'ends in word 3'),
    ('v.bin', b'the 1 2\n', 'begins with'),
    ('v.bin', b'1 999999999\n', 'says 999999999'),
    ('v.bin', b'1 2\n' + b'a' * 20_000, 'does not end'),
    ('v.pkl', b'x', r'end in \.txt'),
])
def test_broken_file_is_refused(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        read_word_vectors(written(tmp_path, content, name))


def test_pickled_words_are_refused(tmp_path):
    path = tmp_path / 'v.npz'
    np.savez(path, words=np.array(WORDS, object), vectors=VECTORS)
    with pytest.raises(ValueError, match='holds Python objects'):
        read_word_vectors(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='v.txt'):
        read_word_vectors(tmp_path / 'v.txt')
