"""MMEngine itself reads configurations of the package by name."""
from __future__ import annotations

import subprocess
import sys

import pytest
from mmengine.config import Config


def test_config_reads_a_shipped_configuration_by_name():
    assert Config.fromfile('chtn_plugin::chtn_demo.py').model.type == 'CHTN'
    assert Config.fromfile(
        'chtn_plugin::methods/cca_wiki.py').model.type == 'CCA'


def test_a_file_anywhere_builds_on_one_without_a_scope(tmp_path):
    path = tmp_path / 'leaf.py'
    path.write_text("_base_ = ['chtn_plugin::chtn_demo.py']\n"
                    'train_cfg = dict(max_iters=7)\n')
    cfg = Config.fromfile(str(path))
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (7, 100)
    assert '_scope_' not in cfg.pretty_text


def test_an_unknown_name_is_named():
    with pytest.raises(FileNotFoundError, match='chtn_plugin::gone.py'):
        Config.fromfile('chtn_plugin::gone.py')


def test_other_names_go_to_mmengine(tmp_path):
    path = tmp_path / 'leaf.py'
    path.write_text("_base_ = ['nothing::models/gone.py']\n")
    with pytest.raises(AssertionError, match='nothing'):
        Config.fromfile(str(path))


@pytest.mark.parametrize('order', ['import mmengine.config, chtn_plugin',
                                   'import chtn_plugin, mmengine.config'])
def test_whichever_is_imported_first(order):
    code = (f'{order}\nfrom mmengine.config import Config\n'
            "print(Config.fromfile('chtn_plugin::chtn_demo.py').max_iters)")
    done = subprocess.run([sys.executable, '-c', code], capture_output=True,
                          text=True)
    assert done.stdout == '300\n', done.stderr
