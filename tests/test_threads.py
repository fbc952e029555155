"""Results of threads come in order, few of them ahead."""
from __future__ import annotations

import threading

import pytest

from chtn_plugin._threads import in_order


@pytest.mark.parametrize('workers', [1, 2, 5])
def test_results_come_in_order(workers):
    assert list(in_order(lambda item: item * item, range(20), workers)) == [
        item * item for item in range(20)]


@pytest.mark.parametrize('workers', [1, 3])
def test_few_are_taken_ahead(workers):
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = in_order(str, items(), workers)
    assert next(results) == '0'
    assert len(taken) == (1 if workers == 1 else workers + 1)
    results.close()


def test_more_are_begun_while_one_takes_long():
    others = threading.Barrier(2, timeout=60)

    def first_waits_for_the_last(item):
        if item in (0, 9):
            others.wait()
        return item

    assert list(in_order(first_waits_for_the_last, range(10), 2, 10)) == [
        *range(10)]


def test_what_waits_is_not_begun_after_an_end():
    begun, gate = [], threading.Event()

    def wait(item):
        begun.append(item)
        assert not item or gate.wait(60)

    results = in_order(wait, range(100), 2, 50)
    next(results)
    end = threading.Thread(target=results.close)
    end.start()
    end.join(.5)  # until what waits is given up
    gate.set()
    end.join(60)
    assert not end.is_alive() and len(begun) < 5


def test_several_are_worked_out_side_by_side():
    together = threading.Barrier(3, timeout=60)
    assert len(list(in_order(lambda _: together.wait(), range(6), 3))) == 6


def test_an_error_comes_in_its_place_and_ends_the_work():
    begun = []

    def inverse(item):
        begun.append(item)
        return 1 / item

    results = in_order(inverse, [1, 0, *range(2, 100)], 2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(begun) < 10
