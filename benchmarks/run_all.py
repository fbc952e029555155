"""Run the benchmarks of speed, and keep or check what they measure.

    python benchmarks/run_all.py              # record.json and RESULTS.md
    python benchmarks/run_all.py --check      # what got slower since?
    python benchmarks/run_all.py --only search losses

Each benchmark runs in a process of its own, on one thread, and says its
figures in one form (figures.py). What is measured is kept in a folder until
all is done: a run that was cut off goes on there, unless the commit is
another. Then it is written to record.json, with machine, commit and date, and
to the table in RESULTS.md; those that measure growth draw it in docs/images.

With --check nothing is written: every multiple is compared with the record
(amounts of seconds are the machine's, not the program's). What seems slower by
more than the slack is measured again, and the better figure counts; the exit
status is 1 if it is slower still. Limits that do not hold are named, too.
"""
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from figures import Figure, read_figures
from speed_record import (
    Measured,
    commit,
    now,
    read_record,
    slower,
    write_record,
    write_table,
)

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / 'benchmarks'
# Command line of each, and the tiny one of a rehearsal.
PLAN = {
    'evaluation': ('', '--queries 300 --gallery 300 --peer-queries 20 '
                   '--repeats 1'),
    'losses': ('', '--rounds 2 --width 64 --rows 8'),
    'search': ('', '--items 3000 --size 8 --rounds 3 --many 20'),
    'startup': ('--repeats 3', '--repeats 1 --commands 1'),
    'training_overhead': ('', '--width 16 --blocks 2 --block 1'),
    'trunk_overhead': ('--trunk', '--trunk --width 16 --blocks 1 --block 1'),
    'trunk_and_update': ('--images 8', '--rounds 1 --block 1 --images 1'),
    'data_path': ('--rounds 5 --block 8',
                  '--pairs 80 --width 16 --rounds 1 --block 1'),
    'index_opening': ('', '--items 1000 --repeats 1'),
    'encoding': ('--rounds 3', '--depth 18 --batch-size 1 --rounds 1 '
                 '--size 32'),
    'picture_files': ('--pictures 64 --rounds 3',
                      '--pictures 2 --batch-size 2 --rounds 1 '
                      '--backbones AlexNetBN'),
    'text': ('--rounds 9', '--rounds 1'),
    'scale': ('--sizes 10000 100000 1000000', '--sizes 100 200'),
    'training_growth': ('--steps 3', '--steps 1 --tiny'),
    'evaluation_growth': ('', '--galleries 100 300'),
    'search_growth': ('--size 64 --rounds 20 --many 512 --items 1000 3000 '
                      '10000 30000 100000 300000',
                      '--items 300 600 --size 8 --rounds 3 --many 20'),
}
# Benchmarks that are another's file with options.
_FILES = {'trunk_overhead': 'training_overhead', 'search_growth': 'search'}
# They draw their growth; the pages show it from docs/images.
_DRAWN = ('scale', 'training_growth', 'evaluation_growth', 'search_growth',
          'index_opening')
IMAGES = ROOT / 'docs/images'


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write or check."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', nargs='+', choices=list(PLAN),
                        default=list(PLAN), metavar='NAME',
                        help=f'of {", ".join(PLAN)}')
    parser.add_argument('--check', action='store_true',
                        help='compare with the record; write nothing')
    parser.add_argument('--slack', type=float, default=.25,
                        help='how much slower, as a share, is noise '
                        '(default: %(default)s)')
    parser.add_argument('--folder', type=Path,
                        default=ROOT / 'work_dirs/run_all',
                        help='keeps what is done until all is')
    parser.add_argument('--record', type=Path,
                        default=BENCHMARKS / 'record.json')
    parser.add_argument('--results', type=Path,
                        default=BENCHMARKS / 'RESULTS.md')
    parser.add_argument('--rehearse', action='store_true',
                        help='tiny; the figures mean nothing')
    args = parser.parse_args(arguments)
    if args.slack < 0:
        parser.error(f'--slack must be 0 or more, got {args.slack}')
    if args.rehearse and args.record == BENCHMARKS / 'record.json' and (
            not args.check):
        parser.error('--rehearse needs a --record and --results of its own')
    args.folder.mkdir(parents=True, exist_ok=True)
    record = read_record(args.record)
    measured, failed = {}, []
    for number, name in enumerate(args.only, 1):
        print(f'[{number}/{len(args.only)}] {name} ', end='', flush=True)
        try:
            measured[name] = kept_or_measured(name, args.folder,
                                              args.rehearse)
        except RuntimeError as error:
            failed.append(name)
            print(error)
    outside = [f'{name}: {figure.name}: {figure.value:.3g} '
               f'{"is below" if figure.more else "is over"} its limit '
               f'{figure.limit:g}'
               for name, found in measured.items() for figure in found.figures
               if not figure.meets(figure.limit)]
    print(*outside, sep='\n')
    behind = []
    if args.check:
        behind = check(measured, record, args)
    else:
        write_record(args.record, {**record, **measured})
        # What was written is rounded: the page shows the same digits.
        write_table(args.results, read_record(args.record))
        if not args.rehearse:
            for name in measured:
                if drawn(args.folder, name).is_file():
                    shutil.copy(drawn(args.folder, name), IMAGES)
        print(f'{args.record} and the table in {args.results} are written')
    if not failed:
        for name in args.only:
            stored(args.folder, name).unlink()
    return int(bool(failed or behind))


def check(measured: dict[str, Measured], record: dict[str, Measured],
          args: argparse.Namespace) -> list[str]:
    """Lines on what is slower than recorded, also when measured again."""
    behind = []
    for name, found in measured.items():
        before = record.get(name)
        if before is None:
            print(f'{name}: not in the record yet')
            continue
        if before.machine != found.machine:
            print(f'{name} was recorded on another machine: '
                  f'{before.machine}')
        figures = found.figures
        if slower(before.figures, figures, args.slack):
            print(f'{name} seems slower; once more: ', end='', flush=True)
            again = measure(name, args.folder, args.rehearse)
            figures = better(figures, again.figures)
        behind += [f'{name}: {line}' for line in
                   slower(before.figures, figures, args.slack)]
    print(*(behind or [f'nothing is slower by more than {args.slack:.0%}']),
          sep='\n')
    return behind


def better(first: Sequence[Figure], second: Sequence[Figure]
           ) -> list[Figure]:
    """Of each figure the better of two measurements."""
    others = {figure.name: figure for figure in second}
    return [max(pair, key=lambda figure: figure.value
                * (1 if figure.more else -1))
            for figure in first
            for pair in [(figure, others.get(figure.name, figure))]]


def stored(folder: Path, name: str) -> Path:
    """Where a measured benchmark waits for the others, at this commit."""
    return folder / f'{name}.{commit(ROOT)}.json'


def drawn(folder: Path, name: str) -> Path:
    """Where a benchmark draws its growth."""
    return folder / f'{name}.png'


def kept_or_measured(name: str, folder: Path, tiny: bool) -> Measured:
    """What an earlier call left, or else a new measurement."""
    # With changed files the commit does not say what was measured.
    if stored(folder, name).is_file() and not commit(ROOT).endswith('+'):
        print('kept from a run that was cut off')
        return of_file(name, folder, tiny)
    return measure(name, folder, tiny)


def measure(name: str, folder: Path, tiny: bool) -> Measured:
    """Run a benchmark in a process of its own.

    Raises:
        RuntimeError: It failed; the message holds the end of what it said.
    """
    path = stored(folder, name)
    partial = path.with_suffix('.part')
    start = time.monotonic()
    command = [sys.executable, str(BENCHMARKS / f'{_FILES.get(name, name)}.py'
                                   ), *PLAN[name][tiny].split(),
               '--json', str(partial)]
    if name in _DRAWN:
        command += ['--png', str(drawn(folder, name))]
    done = subprocess.run(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={
            **os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': os.pathsep
            .join([str(ROOT), os.environ.get('PYTHONPATH', '')])})
    path.with_suffix('.log').write_text(done.stdout)
    if done.returncode:
        raise RuntimeError(f'{name} ended with {done.returncode}: '
                           f'{done.stdout[-1500:]}')
    partial.replace(path)
    print(f'{time.monotonic() - start:.0f} s')
    return of_file(name, folder, tiny)


def of_file(name: str, folder: Path, tiny: bool) -> Measured:
    """A measured benchmark, with where and when."""
    file = f'benchmarks/{_FILES.get(name, name)}.py'
    return Measured(f'{file} {PLAN[name][tiny]}'.strip(),
                    read_figures(stored(folder, name)), commit(ROOT),
                    *now(stored(folder, name)))


if __name__ == '__main__':
    sys.exit(main())
