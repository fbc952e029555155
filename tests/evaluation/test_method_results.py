"""Which files are results of which method."""
from __future__ import annotations

from pathlib import Path

import pytest
from scored_sets import results

from chtn_plugin.evaluation import (
    write_results,
)
from chtn_plugin.evaluation.method_results import load_methods, named_alike


def test_work_directories_are_methods_and_files_are_seeds(tmp_path):
    for seed in range(2):
        write_results(tmp_path / 'chtn' / f's{seed}' / 'results.json',
                      results(1, seed))
    write_results(tmp_path / 'cca.json', results(2))
    methods = load_methods([str(tmp_path / 'chtn'),
                            str(tmp_path / 'cca.json')])
    assert {name: len(r) for name, r in methods.items()} == {
        'chtn': 2, 'cca': 1}
    named = load_methods([f'x={tmp_path}/chtn/s0,{tmp_path}/chtn/s1'])
    assert list(named) == ['x'] and len(named['x']) == 2
    with pytest.raises(ValueError, match='came twice'):
        load_methods([str(tmp_path / 'cca.json')] * 2)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='no results'):
        load_methods([str(tmp_path / 'empty')])


def test_two_arguments_of_one_name_are_refused(tmp_path):
    for name in ('chtn', 'cca'):
        write_results(tmp_path / name / 'seed0' / 'results.json',
                      results(1))
    paths = [str(tmp_path / name / 'seed0') for name in ('chtn', 'cca')]
    with pytest.raises(ValueError, match="are both 'seed0'"):
        load_methods(paths)
    named = load_methods([f'{Path(path).parent.name}={path}'
                          for path in paths])
    assert list(named) == ['chtn', 'cca']


def scored(**names):
    """Results of one seed: each protocol used, and what was asked for."""
    return dict(
        asked=names, per_query={used: dict(i2t=[1.]) for used in names},
        figures=[dict(protocol=used, value=1.) for used in names])


def test_protocols_that_differ_take_the_name_that_was_asked_for():
    methods = named_alike({'a': [scored(**{'map': 'map'})],
                           'b': [scored(**{'map:dot': 'map'})]})
    assert [list(methods[name][0]['per_query']) for name in 'ab'] == [
        ['map'], ['map']]
    assert methods['b'][0]['used'] == {'map': 'map:dot'}
    assert methods['b'][0]['figures'] == [dict(protocol='map', value=1.)]


def test_protocols_that_all_hold_keep_their_names():
    methods = named_alike({name: [scored(**{'map:dot': 'map'})]
                           for name in 'ab'})
    assert list(methods['a'][0]['per_query']) == ['map:dot']


def test_two_protocols_never_become_one():
    made = scored(**{'map:dot': 'map', 'map': 'map'})
    methods = named_alike({'a': [made], 'b': [scored(recall='recall')]})
    assert list(methods['a'][0]['per_query']) == ['map:dot', 'map']
