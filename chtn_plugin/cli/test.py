"""Test a checkpoint, and print the retrieval figures."""
from __future__ import annotations

import argparse
import json
import os.path as osp
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .command import (
    CommandParser,
    add_arguments,
    add_config_arguments,
    plain_build,
    plain_errors,
    plain_interrupt,
    plain_refusals,
    tell,
)
from .json_output import add_json_argument, json_output, json_text

if TYPE_CHECKING:
    from mmengine.config import Config

#: Marks a file of ``--out-item metrics``, and of ``--json``.
_KIND = 'metrics'
_METRICS = f'chtn_plugin.{_KIND}/1'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        epilog='Example: python tools/test.py configs/chtn_demo.py '
        'work_dirs/chtn_demo --out embeddings.npz')
    add_config_arguments(parser)
    parser.add_argument('checkpoint', nargs='?', help='checkpoint, or the '
                        'work directory of a run: then its best one, or else '
                        'its last; left out: the model as the configuration '
                        'makes it, for towers that are not trained')
    add_arguments(parser)
    parser.add_argument('--out', metavar='FILE', help='.npz file to write '
                        'the embeddings to, for tools/score.py; see '
                        '--out-item')
    parser.add_argument('--out-item', choices=['metrics', 'pred'],
                        default='pred', help='what --out gets: the '
                        'embeddings (pred, .npz) or the figures (metrics, '
                        '.json) (default: %(default)s)')
    parser.add_argument('--show-dir', metavar='DIR',
                        help='folder for a picture of what some queries find '
                        '(default: the work directory)')
    parser.add_argument('--tta', action='store_true',
                        help='encode each picture and its mirror image, and '
                        'take the mean')
    parser.add_argument('--no-pin-memory', action='store_true',
                        help='no page-locked memory in the data loader')
    parser.add_argument('--amp', action='store_true',
                        help='encode in mixed precision')
    add_json_argument(parser, 'the figures')
    args = parser.parse_args()
    if args.out_item == 'metrics' and not (args.out or '').endswith('.json'):
        parser.error('--out-item metrics goes with --out FILE.json, got '
                     f'{args.out}')
    return args


def choose_checkpoint(given: str) -> str:
    """Choose the checkpoint to test, and check it before it is used."""
    from chtn_plugin.engine.checkpoints import (
        find_checkpoint,
        load_checkpoint,
    )
    path = find_checkpoint(given)
    if '://' not in path:
        load_checkpoint(path)
    return path


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Bring the command line into the configuration."""
    from chtn_plugin.engine.environment import commit, versions
    from chtn_plugin.engine.figures import retrieval_metric_of
    from chtn_plugin.evaluation.results import RESULTS_NAME
    cfg.resume, cfg.load_from = False, args.checkpoint
    if args.amp:
        cfg.test_cfg = dict(cfg.get('test_cfg') or {}, fp16=True)
    if args.no_pin_memory and cfg.get('test_dataloader'):
        cfg.test_dataloader.pin_memory = False
    if args.show_dir:
        _show_in(cfg, args.show_dir)
    if args.tta:
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()),
                            dict(type='MirroredTestHook')]
    try:
        metric = retrieval_metric_of(cfg)
    except KeyError:
        if args.out and args.out_item == 'pred':
            raise
        return
    metric.setdefault('results_file', osp.join(cfg.work_dir, RESULTS_NAME))
    metric.out_meta = dict(metric.get('out_meta') or {}, config=args.config,
                           checkpoint=args.checkpoint,
                           seed=cfg.get('randomness', {}).get('seed'),
                           tta=args.tta, versions=versions(),
                           commit=commit())
    if args.out and args.out_item == 'pred':
        metric.out_file = args.out


def _show_in(cfg: Config, folder: str) -> None:
    """Have the picture of some queries written to a folder."""
    hooks = list(cfg.get('custom_hooks') or ())
    drawing = [hook for hook in hooks if isinstance(hook, dict) and hook.get(
        'type') == 'RetrievalVisualizationHook']
    if not drawing:
        hooks.append(dict(type='RetrievalVisualizationHook', out_dir=folder))
    for hook in drawing:
        hook['out_dir'] = folder
    cfg.custom_hooks = hooks


def check_outputs(cfg: Config, args: argparse.Namespace) -> None:
    """Refuse, before the work, to replace what no test has written."""
    from chtn_plugin.evaluation.embeddings import holds_our_arrays
    from chtn_plugin.evaluation.results import RESULTS_NAME, read_results
    from chtn_plugin.storage.ownership import check_replaceable, is_read_by
    results = osp.join(cfg.work_dir, RESULTS_NAME)
    check_replaceable(results, is_read_by(read_results, results))
    if args.out and args.out_item == 'pred':
        check_replaceable(args.out, holds_our_arrays(args.out))
    elif args.out:
        check_replaceable(args.out, _holds_metrics(args.out))


def _holds_metrics(path: str) -> bool:
    """Whether a file is one that ``--out-item metrics`` wrote."""
    try:
        with open(path, encoding='utf-8') as file:
            stored = json.load(file)
    except (OSError, ValueError):
        return False
    return isinstance(stored, dict) and stored.get('schema') == _METRICS


def run(args: argparse.Namespace) -> None:
    """Build the Runner and test."""
    from chtn_plugin.engine.console import terse_console
    with terse_console(args.verbose), plain_refusals(
            'test.py'), json_output(args.json, _KIND) as report:
        _run(args, report)


def _run(args: argparse.Namespace, report: Callable[[Any], None]) -> None:
    from mmengine.dist import is_main_process

    from chtn_plugin.engine.console import describe_run
    from chtn_plugin.engine.figures import (
        describe_figures,
        reported_protocol,
    )
    from chtn_plugin.engine.launch import build_runner, read_config, read_data
    from chtn_plugin.engine.processes import on_main_rank, start_processes
    from chtn_plugin.evaluation.results import RESULTS_NAME
    with plain_errors('test.py'):
        cfg = read_config(args)
        start_processes(cfg)
        path = args.checkpoint
        if path is None and cfg.get('train_cfg') is not None:
            raise ValueError(f'a checkpoint must be given: {args.config} is '
                             'to be trained')
        args.checkpoint = path and on_main_rank(
            lambda: choose_checkpoint(path))
        if not args.work_dir and osp.isfile(args.checkpoint or ''):
            # Results of another run's checkpoint are that run's.
            cfg.work_dir = osp.dirname(args.checkpoint) or '.'
        apply_options(cfg, args)
        on_main_rank(lambda: check_outputs(cfg, args))
    with plain_refusals('test.py', cfg.work_dir):
        with plain_build('test.py'):
            runner = build_runner(cfg)
        with plain_errors('test.py'):
            read_data(runner, 'test')
        if is_main_process():
            print(describe_run(runner, 'test'), flush=True)
        _say_data(runner)
        metrics = runner.test()
    if is_main_process():
        print(describe_figures(
            cfg, runner.test_dataloader.dataset, metrics,
            reported_protocol(runner.test_evaluator)))
        results = osp.join(cfg.work_dir, RESULTS_NAME)
        if osp.isfile(results):
            tell(f'the value of every query: {results}; tools/compare.py '
                 'compares runs by them')
        figures = dict(metrics={name: float(value)
                                for name, value in metrics.items()})
        report(dict(figures, config=args.config, checkpoint=args.checkpoint,
                    protocol=reported_protocol(runner.test_evaluator)))
        if args.out and args.out_item == 'metrics':
            from chtn_plugin.storage.files import atomic_write
            with atomic_write(args.out, 'w', 'utf-8') as file:
                file.write(json_text(figures, _KIND))
            print(f'figures: {args.out}')
        elif args.out:
            tell(f'embeddings: {args.out}; python tools/score.py {args.out} '
                 'scores them under any protocol')


def _say_data(runner: Any) -> None:
    """Let the results say which data they are of."""
    from chtn_plugin.engine.environment import data_hash
    digest = data_hash(runner.test_dataloader.dataset)
    for metric in runner.test_evaluator.metrics:
        if getattr(metric, 'out_meta', None) is not None:
            metric.out_meta['data_hash'] = digest


def main() -> None:
    """Read the command line, test, and leave the other processes."""
    with plain_interrupt('test.py', 'Nothing was written'):
        run(parse_args())
    from chtn_plugin.engine.processes import end_processes
    end_processes()  # only now is the Runner no longer in use
