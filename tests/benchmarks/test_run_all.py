"""benchmarks/run_all.py: one command measures, records and compares."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / 'benchmarks'
sys.path.insert(0, str(BENCHMARKS))

import run_all  # noqa: E402
import speed_record  # noqa: E402
from figures import Figure, read_figures, write_figures  # noqa: E402


@pytest.fixture
def places(tmp_path):
    (tmp_path / 'page.md').write_text(
        f'before\n{speed_record.BEGIN}\nold\n{speed_record.END}\nafter\n')
    return ['--rehearse', '--folder', str(tmp_path / 'kept'), '--record',
            str(tmp_path / 'record.json'), '--results',
            str(tmp_path / 'page.md')]


def measured(*figures):
    return speed_record.Measured('benchmarks/x.py', figures, 'abc',
                                 '2026-01-31', 'a machine')


@pytest.fixture
def drawn(monkeypatch):
    """Benchmarks whose figure is the next of a list, not measured."""
    values = []

    def measure(name, folder, tiny):
        if not values:
            raise RuntimeError(f'{name} ended with 1: no more')
        found = [Figure('step', values.pop(0), 'bare step', limit=3.)]
        write_figures(run_all.stored(folder, name), name, found)
        return measured(*found)
    monkeypatch.setattr(run_all, 'measure', measure)
    monkeypatch.setattr(run_all, 'commit', lambda root: 'abc')
    return values


def test_a_benchmark_is_measured_recorded_and_shown(places, tmp_path):
    assert run_all.main([*places, '--only', 'text']) == 0
    record = speed_record.read_record(tmp_path / 'record.json')
    assert record['text'].command == 'benchmarks/text.py --rounds 1'
    assert all(figure.value > 0 for figure in record['text'].figures)
    page = (tmp_path / 'page.md').read_text()
    assert page.startswith('before\n') and page.endswith('after\n')
    assert '| English, bag of words |' in page and 'old' not in page


@pytest.mark.slow
def test_every_benchmark_rehearses(places, tmp_path):
    assert run_all.main(places) == 0
    record = speed_record.read_record(tmp_path / 'record.json')
    assert list(record) == list(run_all.PLAN)
    assert all(each.figures for each in record.values())


def test_what_got_slower_ends_with_1_and_writes_nothing(places, drawn,
                                                        tmp_path, capsys):
    drawn[:] = [2., 2.6, 2.6]
    assert run_all.main([*places, '--only', 'losses']) == 0
    before = (tmp_path / 'record.json').read_text()
    assert run_all.main([*places, '--only', 'losses', '--check']) == 1
    assert 'losses: step: 2 before, 2.6 now of bare step' in (
        capsys.readouterr().out)
    assert (tmp_path / 'record.json').read_text() == before


def test_the_better_of_two_measurements_counts(places, drawn):
    drawn[:] = [2., 2.6, 2.4]
    assert run_all.main([*places, '--only', 'losses']) == 0
    assert run_all.main([*places, '--only', 'losses', '--check']) == 0
    assert drawn == []


def test_a_run_that_was_cut_off_goes_on(places, drawn, tmp_path):
    drawn[:] = [2.]
    # The second of the two fails.
    assert run_all.main([*places, '--only', 'losses', 'search']) == 1
    drawn[:] = [1.5]
    assert run_all.main([*places, '--only', 'losses', 'search']) == 0
    record = speed_record.read_record(tmp_path / 'record.json')
    assert [each.figures[0].value for each in record.values()] == [2., 1.5]
    assert list((tmp_path / 'kept').iterdir()) == []


def test_with_changed_files_nothing_is_kept(places, drawn, monkeypatch,
                                            tmp_path):
    monkeypatch.setattr(run_all, 'commit', lambda root: 'abc+')
    drawn[:] = [2.]
    run_all.main([*places, '--only', 'losses', 'search'])
    drawn[:] = [1.5, 1.]
    run_all.main([*places, '--only', 'losses', 'search'])
    record = speed_record.read_record(tmp_path / 'record.json')
    assert record['losses'].figures[0].value == 1.5


def test_other_benchmarks_keep_their_record(places, drawn, tmp_path):
    drawn[:] = [2., 1.]
    run_all.main([*places, '--only', 'losses'])
    run_all.main([*places, '--only', 'search'])
    record = speed_record.read_record(tmp_path / 'record.json')
    assert list(record) == ['losses', 'search']


def test_a_limit_that_does_not_hold_is_named(places, drawn, capsys, tmp_path):
    drawn[:] = [3.5]
    run_all.main([*places, '--only', 'losses'])
    assert 'losses: step: 3.5 is over its limit 3' in capsys.readouterr().out
    assert '| 3 (not met) |' in (tmp_path / 'page.md').read_text()


def test_a_rehearsal_does_not_touch_the_record(capsys):
    with pytest.raises(SystemExit):
        run_all.main(['--rehearse'])
    assert 'of its own' in capsys.readouterr().err


@pytest.mark.parametrize(('after', 'found'), [
    (Figure('a', 1.2, 'b'), 0), (Figure('a', 1.3, 'b'), 1),
    # A larger number is better: 1 / 1.25 is the bound.
    (Figure('a', .81, 'b', more=True), 0),
    (Figure('a', .79, 'b', more=True), 1),
    # Seconds are the machine's; memory may rise by 8 MiB besides.
    (Figure('a', 9., unit='s'), 0), (Figure('a', 9.2, unit='MiB'), 0),
    (Figure('a', 9.3, unit='MiB'), 1), (Figure('new', 9.), 0)])
def test_slower_is_beyond_the_slack(after, found):
    lines = speed_record.slower([Figure('a', 1.)], [after], .25)
    assert len(lines) == found


def test_limits_hold_from_above_or_below():
    assert Figure('a', 2.).meets(2.) and not Figure('a', 2.1).meets(2.)
    assert Figure('a', 2., more=True).meets(2.)
    assert not Figure('a', 1.9, more=True).meets(2.)
    assert Figure('a', 2.).meets(None)


def test_a_page_without_marks_is_refused(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('nothing')
    with pytest.raises(ValueError, match='page.md has no such lines'):
        speed_record.write_table(page, {})


def test_other_files_are_refused(tmp_path):
    file = tmp_path / 'x.json'
    file.write_text('[]')
    with pytest.raises(ValueError, match='of format .* is not'):
        speed_record.read_record(file)
    with pytest.raises(ValueError, match='of format .* is not'):
        read_figures(file)


def test_the_page_shows_the_committed_record():
    record = speed_record.read_record(BENCHMARKS / 'record.json')
    page = (BENCHMARKS / 'RESULTS.md').read_text(encoding='utf-8')
    assert record and speed_record.tables(record) in page
