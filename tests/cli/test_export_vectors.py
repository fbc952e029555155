"""tools/export_vectors.py as a user runs it."""
from __future__ import annotations

import pytest
from tiny_run import run_tool, write_run


def test_it_writes_and_says_what_a_byte_costs(tmp_path):
    pytest.importorskip('pyarrow')
    write_run(tmp_path)
    for command in (
            ('index', 'build', tmp_path / 'run', tmp_path / 'data/pairs.tsv',
             '--out', tmp_path / 'index'),
            ('export_vectors', tmp_path / 'index', '--out', tmp_path / 'out',
             '--format', 'parquet', '--precision', 'int8')):
        status, said, err = run_tool(*command)
        assert status == 0, err
    assert (tmp_path / 'out/text.parquet').is_file()
    assert 'image: int8 finds ' in said


def test_what_is_no_index_is_a_line(tmp_path):
    status, _, err = run_tool('export_vectors', tmp_path / 'gone', '--out',
                              tmp_path / 'out', '--format', 'parquet')
    assert status == 1
    assert err.startswith('error: ') and 'Traceback' not in err
