"""Plot curves of training logs, or say how long iterations took.

    python tools/analysis_tools/analyze_logs.py plot_curve LOG [LOG ...] \\
        --keys loss retrieval/mean_mAP --legend first second --out curve.png
    python tools/analysis_tools/analyze_logs.py cal_train_time LOG [LOG ...]

A log is ``vis_data/scalars.json`` of a run, or the run's work directory: then
its newest.
"""
from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from .command import AGAIN, CommandParser, plain_errors, plain_interrupt
from .json_output import add_json_argument, json_output

Rows = list[dict[str, Any]]


def read_log(path: Path) -> Rows:
    """Read the rows of a log, with the iteration of each as ``step``.

    Raises:
        FileNotFoundError: There is no log.
        ValueError: The file holds no row.
    """
    if path.is_dir():
        logs = sorted(path.glob('**/vis_data/scalars.json'))
        if not logs:
            raise FileNotFoundError(f'no vis_data/scalars.json under {path}')
        path = logs[-1]
    rows: Rows = []
    step = 0
    for number, line in enumerate(path.read_text(
            encoding='utf-8').splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was killed
        if not isinstance(row, dict) or not all(isinstance(
                row.get(name, 0), int) for name in ('iter', 'step')):
            raise ValueError('a row of a log must be a dictionary whose iter '
                             'and step are whole numbers: '
                             f'{path}:{number} has {line[:60]}')
        # A validation's own step is 0 where training counts no epochs.
        step = max(step, row.get('iter', 0), row.get('step', 0))
        rows.append(dict(row, step=step))
    if not rows:
        raise ValueError(f'a log must hold rows of JSON: {path} holds none')
    return rows


def plot_curve(args: argparse.Namespace) -> None:
    """Draw each key of each log over the iterations."""
    import matplotlib
    if args.out:
        matplotlib.use('Agg')
    from matplotlib import pyplot

    from chtn_plugin.reporting.stamped import check_figure_path, save_figure
    if args.out:
        check_figure_path(args.out)
    labels = args.legend or [f'{log} {key}' for log in args.logs
                             for key in args.keys]
    if len(labels) != len(args.logs) * len(args.keys):
        raise ValueError(
            'a legend must name each key of each log: '
            f'{len(args.logs) * len(args.keys)} curves, {len(labels)} names')
    figure, axes = pyplot.subplots(figsize=(8, 5))
    names = iter(labels)
    for log in args.logs:
        rows = read_log(Path(log))
        for key in args.keys:
            points = [(row['step'], row[key]) for row in rows if key in row]
            if not points:
                known = sorted({name for row in rows for name in row})
                raise KeyError(f'{log} has no {key!r}; it has '
                               f'{", ".join(known)}')
            strange = next((value for _, value in points if not isinstance(
                value, (int, float))), None)
            if strange is not None:
                raise ValueError('a curve needs numbers: '
                                 f'{key!r} of {log} has {strange!r}')
            axes.plot(*zip(*points, strict=True), label=next(names),
                      marker='.' if len(points) < 50 else None)
    axes.set(xlabel='iteration', title=args.title)
    axes.legend()
    axes.grid(alpha=0.3)
    if args.out:
        save_figure(figure, args.out, dpi=120, bbox_inches='tight')
        print(f'curves: {args.out}')
    else:
        pyplot.show()


def cal_train_time(args: argparse.Namespace) -> None:
    """Print the time of an iteration: median, fastest and slowest."""
    with json_output(args.json, 'train_time') as report:
        rows = [_times(log) for log in args.logs]
        for row in rows:
            print('{log}: median {median:.4f} s an iteration, fastest '
                  '{fastest:.4f}, slowest {slowest:.4f} ({records} records)'
                  .format(**row))
        report(dict(logs=rows))


def _times(log: str) -> dict[str, Any]:
    """Seconds of the iterations of a log.

    Raises:
        KeyError: It has none.
    """
    times = [row['time'] for row in read_log(Path(log))
             if isinstance(row.get('time'), (int, float)) and 'loss' in row]
    if not times:
        raise KeyError(f'{log} has no training times')
    return dict(log=log, median=statistics.median(times),
                fastest=min(times), slowest=max(times), records=len(times))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(dest='task', required=True)
    plot = tasks.add_parser('plot_curve', help=plot_curve.__doc__)
    plot.add_argument('logs', nargs='+', help='logs or work directories')
    plot.add_argument('--keys', nargs='+', default=['loss'])
    plot.add_argument('--legend', nargs='+', help='a name for each curve')
    plot.add_argument('--title', default='')
    plot.add_argument('--out', help='picture to write; shown without')
    plot.set_defaults(function=plot_curve)
    times = tasks.add_parser('cal_train_time', help=cal_train_time.__doc__)
    times.add_argument('logs', nargs='+', help='logs or work directories')
    add_json_argument(times, 'the times of each log, in seconds,')
    times.set_defaults(function=cal_train_time)
    return parser.parse_args()


@plain_interrupt('analyze_logs.py', AGAIN)
def main() -> None:
    """Do what the sub-command says."""
    args = parse_args()
    with plain_errors('analyze_logs.py'):
        args.function(args)
