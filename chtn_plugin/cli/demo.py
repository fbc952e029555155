"""Train the demo, test it, search it, and say what to type next.

It needs no download: pictures are drawn from fonts of this machine. Every
command that it runs is shown, to be given again with other options. Started
again after a break, it goes on where it was.
"""
from __future__ import annotations

import argparse
from typing import Union

from .command import CommandParser, plain_interrupt
from .main import run_command

_QUERY = 'small letter alpha with dasia'
_GALLERY = 'data/glyphs/pairs.tsv'
#: As the configuration has it.
_ITERATIONS = 300


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/demo.py --iterations 200')
    parser.add_argument('--iterations', type=int, default=_ITERATIONS,
                        help='of training (default: %(default)s, about a '
                        'minute on two idle CPU cores)')
    parser.add_argument('--work-dir', default='work_dirs/chtn_demo',
                        help='folder of logs and checkpoints (default: '
                        '%(default)s)')
    args = parser.parse_args()
    if args.iterations < 1:
        parser.error(f'--iterations must be at least 1, got '
                     f'{args.iterations}')
    return args


def commands(args: argparse.Namespace) -> list[list[str]]:
    """Return the commands that make up the demo."""
    config, run = 'chtn_plugin::chtn_demo.py', args.work_dir
    changed = ([] if args.iterations == _ITERATIONS else [
        '--cfg-options', f'train_cfg.max_iters={args.iterations}',
        f'param_scheduler.T_max={args.iterations}',
        f'train_cfg.val_interval={min(args.iterations, 100)}'])
    return [['train', config, '--work-dir', run, '--resume', *changed],
            ['test', config, run],
            ['search', run, '--gallery', _GALLERY, '--text', _QUERY,
             '--topk', '5', '--out', f'{run}/found.html']]


@plain_interrupt('demo.py', 'The same command goes on where it was')
def main() -> Union[int, str, None]:
    """Run the commands one after another."""
    args = parse_args()
    for command in commands(args):
        print(f'\n$ chtn {" ".join(map(_quoted, command))}', flush=True)
        status = run_command(command[0], command[1:])
        if status:
            return status
    run = args.work_dir
    print(f"""
What to type next:
  chtn search {run} --gallery {_GALLERY} --text "black heart"
  chtn report {run}                 figures, curves and examples on one page
  chtn serve {run} --gallery {_GALLERY}    a search page of your own
  chtn make-manifest path/to/folder   your own pictures and texts
  chtn --help                         everything else""")
    return 0


def _quoted(word: str) -> str:
    return f'"{word}"' if ' ' in word else word
