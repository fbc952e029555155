"""tools/vis_cam.py on a tiny run."""
from __future__ import annotations

import json

import pytest
from PIL import Image
from tiny_run import run_tool, write_run


@pytest.fixture(scope='module')
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp('cam')
    write_run(folder)
    return folder


def test_a_text_is_mapped_drawn_and_written(here):
    line = ('vis_cam', here / 'data/images/1.png', here / 'run', '--text',
            'cat word1', '--save-path', here / 'cam.png', '--json')
    status, out, err = run_tool(*line)
    assert status == 0, err
    found = json.loads(out)
    assert found['schema'] == 'chtn_plugin.cam/1'
    assert len(found['values']) == 4 and max(map(max, found['values'])) <= 1
    assert "cosine to 'cat word1'" in err
    with Image.open(here / 'cam.png') as picture:
        assert min(picture.size) > 300


def test_layers_are_listed(here):
    status, out, err = run_tool('vis_cam', here / 'data/images/1.png',
                                here / 'run', '--preview-model')
    assert status == 0, err
    assert any(line.endswith('  1 x 4 x 4 x 4') for line in out.splitlines())
