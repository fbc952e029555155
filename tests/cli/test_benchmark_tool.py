"""tools/benchmark.py as a user runs it."""
import json

import numpy as np
import pytest
from mmengine.registry import MODELS
from small_set import write_small_set
from tiny_run import run_tool

QUICK = ('--labels', '4/class', '--draws', 2, '--budget', 2)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('benchmark')
    data = write_small_set(folder / 'small.npz')
    status, said, err = run_tool('benchmark', data, '--methods', 'random',
                                 'CCA', 'NearestClassMean', *QUICK, '--out',
                                 folder / 'out')
    assert status == 0, err
    return folder, said


def test_one_command_makes_the_table(made):
    folder, said = made
    assert 'benchmark.md' in said and 'benchmark.html' in said
    text = (folder / 'out' / 'benchmark.md').read_text()
    for name in ('small, 4 labels a class', '| CCA |', '| random |',
                 '12 rows with a label, 36 pairs without, 15 test pairs'):
        assert name in text


def test_json_says_how_it_was_made(made):
    stored = json.loads((made[0] / 'out' / 'benchmark.json').read_text())
    assert '--methods random CCA' in stored['command']
    assert stored['hours'] > 0


def test_a_users_own_method_takes_part(made):
    folder, _ = made
    (folder / 'mine.py').write_text(
        'from chtn_plugin.methods import CCA\n'
        'class Mine(CCA):\n    space = [dict(dimensions=2)]\n')
    status, _, err = run_tool('benchmark', folder / 'small.npz', '--methods',
                              f'{folder}/mine.py:Mine', *QUICK, '--out',
                              folder / 'own')
    MODELS.module_dict.pop('Mine', None)
    assert status == 0, err
    assert '| Mine |' in (folder / 'own' / 'benchmark.md').read_text()
    assert 'dimensions=2' in (folder / 'own' / 'benchmark.md').read_text()


def test_two_classes_of_one_file_take_part(made):
    folder, _ = made
    (folder / 'two_of_mine.py').write_text(
        'from mmengine.registry import MODELS\n'
        'from chtn_plugin.methods import CCA\n'
        '@MODELS.register_module()\nclass MineA(CCA):\n    pass\n'
        '@MODELS.register_module()\nclass MineB(CCA):\n    pass\n')
    status, _, err = run_tool(
        'benchmark', folder / 'small.npz', '--methods',
        f'{folder}/two_of_mine.py:MineA', f'{folder}/two_of_mine.py:MineB',
        *QUICK, '--out', folder / 'two')
    for name in ('MineA', 'MineB'):
        MODELS.module_dict.pop(name, None)
    assert status == 0, err
    assert '| MineB |' in (folder / 'two' / 'benchmark.md').read_text()


def test_sets_of_one_name_are_refused_before_anything_runs(made):
    folder, _ = made
    (folder / 'other').mkdir()
    other = write_small_set(folder / 'other/small.npz')
    status, _, err = run_tool('benchmark', folder / 'small.npz', other,
                              '--methods', 'CCA', '--out', folder / 'twice')
    assert status == 1
    assert 'each set needs a name of its own' in err and "'small'" in err


def test_a_file_with_an_equals_sign_is_a_file(made, tmp_path):
    data = write_small_set(tmp_path / 'k=5.npz')
    status, _, err = run_tool('benchmark', data, '--methods', 'random',
                              *QUICK, '--out', tmp_path / 'out')
    assert status == 0, err
    assert '## k=5, ' in (tmp_path / 'out/benchmark.md').read_text()


def test_results_of_another_program_join_by_name(made):
    folder, _ = made
    with np.load(folder / 'small.npz') as stored:
        rows = {name: stored[name][~stored['train']] for name in (
            'image', 'text', 'label')}
    np.savez(folder / 'theirs.npz', **dict(rows, image=rows['image'][:, :5]))
    status, _, err = run_tool(
        'benchmark', folder / 'small.npz', '--methods', 'CCA', *QUICK,
        '--results', f'Theirs@4/class={folder}/theirs.npz', '--out',
        folder / 'joined')
    assert status == 0, err
    assert '| Theirs |' in (folder / 'joined' / 'benchmark.md').read_text()


def test_rows_are_written_for_another_program(made):
    folder, _ = made
    status, said, err = run_tool('benchmark', folder / 'small.npz', *QUICK,
                                 '--write-rows', folder / 'rows')
    assert status == 0, err
    assert 'small_4-class_0.npz and 1 more' in said


def test_methods_that_need_a_source_are_left_out_and_said_to_be(made):
    folder, _ = made
    status, said, err = run_tool(
        'benchmark', folder / 'small.npz', '--methods', 'all', *QUICK,
        '--report-only', '--out', folder / 'out')
    assert status == 0, err
    assert 'small: without ' in said and 'which needs --source' in said


def test_a_source_of_images_alone_is_none_for_what_needs_pairs(made):
    folder, _ = made
    np.savez(folder / 'images.npz', F=np.ones((4, 6)), label=np.arange(4))
    options = ('benchmark', folder / 'small.npz', '--source',
               folder / 'images.npz', *QUICK, '--out', folder / 'out')
    _, said, _ = run_tool(*options, '--methods', 'all', '--report-only')
    assert 'without DCKT, which needs --source with texts' in said
    assert 'without CHTN-source' not in said
    status, _, err = run_tool(*options, '--methods', 'DCKT')
    assert status == 1 and 'DCKT needs --source with texts for small' in err


def test_names_suffice_for_zero_shot_and_not_for_what_reads_a_classifier(
        tmp_path):
    draw = np.random.default_rng(0)
    label = np.arange(30) % 3
    rows = np.eye(4)[label] + .1 * draw.normal(size=(30, 4))
    np.savez(tmp_path / 'towers.npz', image=rows, text=rows, label=label,
             train=np.arange(30) < 24)
    np.savez(tmp_path / 'names.npz', source_weight=np.ones((5, 9)),
             source_bias=np.zeros(5), source_names=np.ones((5, 4)),
             target_names=np.eye(4)[:3])
    options = ('benchmark', tmp_path / 'towers.npz', '--class-names',
               tmp_path / 'names.npz', '--labels', '100%', '--out',
               tmp_path / 'out')
    status, said, err = run_tool(*options, '--methods', 'zero-shot', 'CCA')
    assert status == 0, err
    assert '| zero-shot | 1.000 |' in (
        tmp_path / 'out/benchmark.md').read_text()
    status, _, err = run_tool(*options, '--methods', 'CHTN-few-labels-names')
    assert status == 1
    assert 'needs --class-names with a classifier of the images' in err


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--methods', 'DCKT'), 'DCKT needs --source for small'),
    (('--results', 'b/A=x.npz', '--report-only'), 'A of b is of none'),
    (('--results', 'A=x.npz', '--unseen', .5), 'exclude each other'),
    (('--source', 'none.npz'), 'data not found: none.npz'),
    (('--methods', 'Nothing'), "or FILE:CLASS, got 'Nothing'"),
    (('--methods', 'none.py:A'), 'file of a method not found: none.py'),
    (('--labels', 'most'), "got 'most'"),
    (('--report-only', '--out', 'nothing'), 'there is nothing to report yet'),
    (('--draws', 0), 'draws must be at least 1, got 0')])
def test_wrong_arguments_end_in_a_line(made, arguments, message):
    status, _, err = run_tool('benchmark', made[0] / 'small.npz', *arguments)
    assert status == 1
    assert message in err and 'Traceback' not in err


def test_missing_data_end_in_a_line(tmp_path):
    status, _, err = run_tool('benchmark', tmp_path / 'none.npz', '--out',
                              tmp_path)
    assert status == 1 and 'benchmark.py: data not found' in err


def test_a_file_without_such_a_class_is_refused(made):
    folder, _ = made
    (folder / 'empty.py').write_text('Mine = 3\n')
    status, _, err = run_tool('benchmark', folder / 'small.npz', '--methods',
                              f'{folder}/empty.py:Mine')
    assert status == 1 and 'must hold a CrossModalModel named Mine' in err
