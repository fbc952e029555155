"""CPU time of starting each command, in units of ``import torch``.

    python benchmarks/startup.py [--checkout FOLDER] [--repeats 5]

Every command runs in a process of its own; its CPU time, user and system
together, is the smallest of the repeats, and is divided by that of
``python -c "import torch"``, measured in turn with it. ``train.py`` is timed
up to a refusal of its configuration: all its imports, and no training.
"""
from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from figures import Figure, add_json_option, write_figures

ROOT = Path(__file__).resolve().parents[1]
TORCH = ['-c', 'import torch']
# Most CPU time over that of import torch; of --help the last.
LIMITS = {'import chtn_plugin': .1, 'score.py, 693 rows': 1.6,
          'train.py, refused': 2.2}
HELP_LIMIT = .4


def cpu_time(arguments: list[str], checkout: Path) -> float:
    """Seconds of CPU that a run of Python takes, its imports compiled."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=checkout, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, 'OMP_NUM_THREADS': '1',
                                        'PYTHONPATH': str(checkout)})
    refused = 'model.nonsense=1' in arguments
    if done.returncode != int(refused):
        raise RuntimeError(f'{arguments} ended with {done.returncode}')
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime
            + after.ru_stime - before.ru_stime)


def embeddings(folder: Path) -> str:
    """A file of 693 pairs in ten classes, as Wikipedia's test set has."""
    rng = np.random.default_rng(0)
    image, text = rng.normal(size=(2, 693, 10)).astype(np.float32)
    labels = rng.integers(0, 10, 693)
    path = folder / 'embeddings.npz'
    np.savez(path, image=image, text=text, image_label=labels,
             text_label=labels)
    return str(path)


def main() -> None:
    """Time every command, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--checkout', type=Path, default=ROOT,
                        help='the repository to time (default: this one)')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--commands', type=int,
                        help='only the first so many')
    add_json_option(parser)
    args = parser.parse_args()
    checkout = args.checkout.resolve()
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            'import chtn_plugin': ['-c', 'import chtn_plugin'],
            'score.py, 693 rows': ['tools/score.py',
                                   embeddings(Path(folder))],
            'train.py, refused': ['tools/train.py', 'configs/chtn_demo.py',
                                  '--work-dir', folder,
                                  '--cfg-options', 'model.nonsense=1'],
            **{f'{path.name} --help': [str(path), '--help'] for path in
               sorted((checkout / 'tools').rglob('*.py'))}}
        commands = dict(list(commands.items())[:args.commands])
        # Compiled, and in the page cache, before anything is timed.
        for command in commands.values():
            cpu_time(command, checkout)
        figures = []
        print(f'{"":26}{"CPU s":>8}{"x import torch":>16}')
        for name, command in commands.items():
            pairs = [(cpu_time(command, checkout), cpu_time(TORCH, checkout))
                     for _ in range(args.repeats)]
            own, torch = map(min, zip(*pairs, strict=True))
            print(f'{name:26}{own:8.2f}{own / torch:16.2f}', flush=True)
            figures.append(Figure(name, own / torch, 'import torch',
                                  limit=LIMITS.get(name, HELP_LIMIT)))
    write_figures(args.json, 'startup', figures)


if __name__ == '__main__':
    main()
