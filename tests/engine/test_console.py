"""What a run shows on the terminal; its log file has everything."""
from __future__ import annotations

import logging

import pytest
from mmengine.logging import MMLogger
from short_run import write_config
from tiny_run import run_tool

from chtn_plugin.engine.console import (
    TerseFilter,
    TerseFormatter,
    terse_console,
)


def record(level: int, message: str, module: str) -> logging.LogRecord:
    return logging.LogRecord('mmengine', level, f'{module}.py', 1, message,
                             None, None)


@pytest.mark.parametrize('level, message, module, shown', [
    (logging.INFO, 'Iter(train) [1/4]', 'logger_hook', True),
    (logging.INFO, 'Exp name: run_2026', 'logger_hook', False),
    (logging.INFO, 'Config: ...', 'runner', False),
    (logging.WARNING, 'The data are small', 'runner', True),
    (logging.WARNING, '"FileClient" will be deprecated', 'file_client',
     False),
    (logging.WARNING, 'trunk.0.weight is skipped since its '
     'requires_grad=False', 'logging', False)])
def test_warnings_and_progress_are_shown(level, message, module, shown):
    assert TerseFilter().filter(record(level, message, module)) == shown


def test_details_are_left_out_of_progress_alone():
    line = ('retrieval/mean_mAP: 0.5  retrieval/i2t_chance: 0.1  '
            'retrieval/i2t_pair_hit_rate@1: 0.2  time: 1')
    terse = TerseFormatter(logging.Formatter())
    assert terse.format(record(logging.INFO, line, 'logger_hook')) == (
        'retrieval/mean_mAP: 0.5  time: 1')
    assert terse.format(record(logging.WARNING, line, 'x')) == line


def test_the_file_of_a_logger_gets_everything(tmp_path, capsys):
    with terse_console():
        logger = MMLogger.get_instance('terse', log_file=str(tmp_path / 'log'))
    logger.info('all about the machine')
    assert 'about the machine' in (tmp_path / 'log').read_text()
    assert 'about the machine' not in capsys.readouterr().out


def test_a_verbose_run_shows_everything(capsys):
    with terse_console(verbose=True):
        logger = MMLogger.get_instance('verbose')
    logger.info('all about the machine')
    assert 'about the machine' in capsys.readouterr().out


def test_loggers_made_afterwards_are_as_ever(capsys):
    with terse_console():
        pass
    MMLogger.get_instance('later').info('all about the machine')
    assert 'about the machine' in capsys.readouterr().out


def test_a_run_says_what_it_builds_and_where_its_best_is(tmp_path):
    config, folder = write_config(tmp_path), tmp_path / 'run'
    status, out, err = run_tool(
        'train', config, '--work-dir', folder, '--cfg-options',
        'train_cfg.max_iters=2', 'train_cfg.val_interval=2')
    assert status == 0, err
    first, *progress, best, saved, then = out.splitlines()
    assert first.startswith('CHTN: ') and '33 items to train on' in first
    assert all('Iter(' in line or 'WARNING' in line for line in progress)
    assert best.startswith('best retrieval/mean_mAP on the validation split')
    assert 'protocol chtn-map-all, chance 0.' in best
    assert saved.endswith('best_retrieval_mean_mAP_iter_2.pth')
    assert then == f'To test it: python tools/test.py {config} {folder}'
    (log, ) = folder.glob('*/*.log')
    assert 'System environment' in log.read_text()


def test_without_validation_it_says_where_the_checkpoints_are(tmp_path):
    config, folder = write_config(tmp_path), tmp_path / 'run'
    status, out, err = run_tool(
        'train', config, '--work-dir', folder, '--no-validate',
        '--verbose', '--cfg-options', 'train_cfg.max_iters=2')
    assert status == 0, err
    assert f'checkpoints: {folder}' in out.splitlines()
    assert 'System environment' in out
