"""tools/transfer_report.py as a user runs it."""
from __future__ import annotations

import pytest
from tiny_ladder import write_ladder
from tiny_run import run_tool

QUICK = ('--labels', '0', '2/class', '100%', '--draws', 2)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('transfer')
    config = write_ladder(folder, unlabelled=4)
    status, said, err = run_tool('transfer_report', config, *QUICK, '--out',
                                 folder / 'out', '--name', 'small')
    assert status == 0, err
    return folder, said


def test_one_command_makes_the_report(made):
    folder, said = made
    assert 'transfer.html' in said and 'transfer.md' in said
    text = (folder / 'out' / 'transfer.md').read_text()
    assert '48 training pairs, 15 test pairs, 3 classes' in text
    assert 'the configuration has no class_prior' in text
    assert '| 2/class | 6 | pairs |' in text


def test_what_helps_is_said_on_the_terminal(made):
    assert 'Recipe in closed form, over the bar:' in made[1]


def test_a_prior_and_a_source_may_be_given(made):
    folder, _ = made
    status, _, err = run_tool(
        'transfer_report', folder / 'ladder.py', '--labels', '2/class',
        '--draws', 1, '--trained-rungs', '2/class', '--prior',
        folder / 'prior.npz', '--prior-texts', '--source',
        folder / 'source.npz', '--out', folder / 'more')
    assert status == 0, err
    text = (folder / 'more' / 'transfer.md').read_text()
    for name in ('target names, net of pairs', 'over shuffled names',
                 'network: MMD, net of source supervision'):
        assert name in text
    assert 'not measured' not in text


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--labels', 'most'), "got 'most'"),
    (('--draws', 0), 'draws must be at least 1, got 0'),
    (('--jobs', 0), 'jobs must be at least 1, got 0'),
    (('--prior', 'none.npz'), 'none.npz')])
def test_wrong_arguments_end_in_a_line(made, arguments, message):
    folder, _ = made
    status, _, err = run_tool('transfer_report', folder / 'ladder.py',
                              *arguments, '--out', folder / 'wrong')
    assert status == 1
    assert message in err and 'Traceback' not in err
