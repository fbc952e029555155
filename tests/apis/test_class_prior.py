"""A source classifier and names, in one file."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.apis import class_prior
from chtn_plugin.apis.class_prior import fitted_classifier, write_class_prior
from chtn_plugin.cli.make_class_prior import read_names


@pytest.fixture
def spelt(monkeypatch):
    """A name's vector is how often it has the letters a, b and c."""
    monkeypatch.setattr(class_prior, 'name_vectors', lambda names, _: np.array(
        [[name.count(letter) for letter in 'abc'] for name in names], float))


def write(out, source=('ab, x', 'c'), target=('aa', 'b')):
    write_class_prior(out, np.ones((2, 4)), np.zeros(2), source, target)


def test_the_first_of_several_names_counts(tmp_path, spelt):
    write(tmp_path / 'p.npz', ('ab, ccc', 'c'))
    with np.load(tmp_path / 'p.npz') as arrays:
        assert arrays['source_names'].tolist() == [[1, 1, 0], [0, 0, 1]]
        assert arrays['target_names'].tolist() == [[2, 0, 0], [0, 1, 0]]


def test_the_prior_reads_the_file(tmp_path, spelt):
    import torch

    from chtn_plugin.models.class_name_prior import ClassNamePrior
    write(tmp_path / 'p.npz')
    made = ClassNamePrior(str(tmp_path / 'p.npz'))
    made.fit(torch.eye(4), torch.eye(4), torch.tensor([0, 1, 0, 1]), 2)
    assert made.offset('image', torch.eye(4)).shape == (4, 2)


def test_refuses_another_number_of_names(tmp_path, spelt):
    with pytest.raises(ValueError, match='2 classes, got 1 names'):
        write(tmp_path / 'p.npz', source=('a', ))


def test_refuses_an_empty_name(tmp_path, spelt):
    with pytest.raises(ValueError, match='of the target are'):
        write(tmp_path / 'p.npz', target=('a', ' '))


def test_refuses_an_encoder_that_counts_words():
    with pytest.raises(ValueError, match="'words' counts words"):
        class_prior.name_vectors(['cat'], 'words')


def test_a_fitted_classifier_knows_its_own_rows(tmp_path):
    rng = np.random.default_rng(0)
    label = np.arange(60) % 3
    rows = 5 * np.eye(3)[label] + rng.normal(size=(60, 3))
    np.savez(tmp_path / 's.npz', F=rows, label=label)
    weight, bias = fitted_classifier(tmp_path / 's.npz')
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert ((rows @ weight.T + bias).argmax(1) == label).mean() > .95


def test_names_the_array_that_a_source_lacks(tmp_path):
    np.savez(tmp_path / 's.npz', F=np.eye(2))
    with pytest.raises(KeyError, match="'label'"):
        fitted_classifier(tmp_path / 's.npz')


@pytest.mark.parametrize(('name', 'text'), [
    ('n.txt', 'a cat\n\ndog\n'),
    ('n.tsv', 'wnid\tname\nn1\ta cat\nn2\tdog\n')])
def test_names_are_lines_or_a_column(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_names(tmp_path / name) == ['a cat', 'dog']


def test_a_table_without_names_is_refused(tmp_path):
    (tmp_path / 'n.tsv').write_text('wnid\nn1\n')
    with pytest.raises(ValueError, match=r"has \['wnid'\]"):
        read_names(tmp_path / 'n.tsv')
