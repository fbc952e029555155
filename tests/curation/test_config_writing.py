"""Configurations written as Python."""
from __future__ import annotations

import pytest
from mmengine.config import Config

from chtn_plugin.curation.config_writing import (
    check_place,
    flat,
    literal,
    write_leaf,
    written_path,
)

BASES = ['datasets/own_features.py', 'models/own_features.py']


@pytest.mark.parametrize('value', [
    dict(a=1, b=[1, 2.5, None], c=dict(d='x', e=True)),
    dict(names=[f'class number {k}' for k in range(40)]),
    dict(steps=[dict(type='A' * 30, b=2), dict(type='B' * 40, c=[])]), {}, [],
])
def test_a_literal_is_the_value_in_short_lines(value):
    text = literal(value)
    assert eval(text) == value
    assert max(map(len, text.splitlines())) <= 79


def test_braces_of_mmengine_are_no_variable():
    assert '{{' not in flat('{{_base_.x}}')
    assert eval(flat('{{_base_.x}}')) == '{{_base_.x}}'


def test_a_leaf_is_replaced_until_it_is_edited(tmp_path):
    path = tmp_path / 'leaf.py'
    for number in (1, 2):
        check_place(path)
        write_leaf(path, '# Mine.', BASES, [f'number = {number}'])
    assert Config.fromfile(str(path)).number == 2
    path.write_text(path.read_text() + 'number = 3\n')
    with pytest.raises(ValueError, match='is yours by now: choose another'):
        check_place(path)


def test_a_path_is_as_a_run_from_here_finds_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert written_path(tmp_path / 'data' / 'mine') == 'data/mine'
    assert written_path(tmp_path.parent) == str(tmp_path.parent.resolve())
