"""A run by whatever name a command line takes."""
from __future__ import annotations

import pytest
from sentence_folders import write_clip

from chtn_plugin.apis.named_runs import open_named_run


def test_a_folder_of_a_run_is_opened_as_ever(tiny):
    assert open_named_run(tiny / 'run').cfg['model']['type'] == 'CHTN'


def test_towers_are_opened_by_their_scheme(tmp_path):
    run = open_named_run(f'towers:{write_clip(tmp_path)}')
    assert run.cfg['model']['type'] == 'AlignedTowers'


def test_a_trained_run_takes_no_other_data(tiny):
    with pytest.raises(ValueError, match='towers:NAME alone'):
        open_named_run(tiny / 'run', data='pairs.tsv')
