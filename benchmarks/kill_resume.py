"""Kill -9 at random moments, start again, and compare with a whole run.

    python benchmarks/kill_resume.py [--kills 20] [--parts train index ...]

Each part runs a real tool whole first, and measures for how long it writes:
from the first change in its folder to the last. Then the tool is started in a
new folder and killed, with all its processes, at a random moment of that
time, up to three times; at last it is let run to its end. What is left must
be what the run left that nobody killed: weights and the best score bit for
bit (two ranks: to 1e-5), vectors, and files byte for byte; and no temporary
file of ours. Only kills of a process that was still running are counted.
Posix alone: processes are listed by ``ps``.
"""
from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chtn_plugin.apis.index_store import IndexStore
from chtn_plugin.engine.checkpoints import newest_checkpoint
from chtn_plugin.storage.ownership import TEMPORARY

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / 'tools'
sys.path.insert(0, str(ROOT / 'tests'))

from short_run import environment, write_config  # noqa: E402
from tiny_run import write_run  # noqa: E402

_POLL = 0.005
_IN_A_ROW = 3


@dataclass(frozen=True)
class Part:
    """A tool that is killed.

    Attributes:
        start: Lays out a folder before the first start, if need be.
        command: Command line that writes the folder, the same each time.
        compare: Raises AssertionError where the second folder is not as
            the first.
    """
    start: Callable[[Path], None]
    command: Callable[[Path], list[str]]
    compare: Callable[[Path, Path], None]


def make_folder(folder: Path, pairs: int = 40) -> None:
    """Write pictures with captions, as a user has them."""
    (folder / 'images').mkdir(parents=True)
    rows = ['image,text,label']
    for k in range(pairs):
        pixels = np.random.default_rng(k).integers(0, 255, (16, 16, 3),
                                                   dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f'images/{k}.png')
        rows.append(f'{k}.png,word {k},{"ab"[k % 2]}')
    (folder / 'captions.csv').write_text('\n'.join(rows))


def _times(folder: Path) -> dict[str, int]:
    """When each file and folder in a folder was last changed."""
    times = {}
    for path in [folder, *folder.rglob('*')]:
        try:
            times[str(path)] = path.stat().st_mtime_ns
        except FileNotFoundError:
            pass  # it is gone meanwhile
    return times


def _started(command: Sequence[str]) -> subprocess.Popen:
    return subprocess.Popen(command, env=environment(), cwd=ROOT,
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def _first_change(process: subprocess.Popen, folder: Path) -> bool:
    """Wait until a process changes its folder; False if it ends before."""
    before = _times(folder)
    while process.poll() is None:
        if _times(folder) != before:
            return True
        time.sleep(_POLL)
    return False


def kill_all(process: subprocess.Popen) -> None:
    """Kill -9 a process and all that it started.

    The ranks that torchrun starts are no members of its process group. It is
    stopped first, so that it starts no others while they are listed.
    """
    os.kill(process.pid, signal.SIGSTOP)
    listed = subprocess.run(['ps', '-A', '-o', 'pid=,ppid='], check=True,
                            capture_output=True, text=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        pid, parent = map(int, line.split())
        children.setdefault(parent, []).append(pid)
    doomed = [process.pid]
    for pid in doomed:
        doomed += children.get(pid, [])
    for pid in doomed:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself
    process.wait()


def kill_at_random(command: Sequence[str], folder: Path, seconds: float,
                   rng: random.Random) -> bool:
    """Start a command and kill it while it writes; whether it still ran.

    Args:
        command: Command line.
        folder: What it writes.
        seconds: For how long a whole run writes.
        rng: Draws the moment.
    """
    process = _started(command)
    if not _first_change(process, folder):
        return False
    try:
        process.wait(rng.uniform(0, seconds))
        return False
    except subprocess.TimeoutExpired:
        kill_all(process)
        return True


def finish(command: Sequence[str]) -> None:
    """Run a command to its end.

    Raises:
        AssertionError: It failed.
    """
    done = subprocess.run(command, env=environment(), cwd=ROOT,
                          capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f'{command} ended with {done.returncode}: '
                             + done.stdout[-2000:] + done.stderr[-4000:])


def run_whole(part: Part, folder: Path) -> float:
    """Run a tool that nobody kills; the seconds for which it writes."""
    part.start(folder)
    process = _started(part.command(folder))
    assert _first_change(process, folder), 'nothing was written'
    begin = time.time()
    assert process.wait() == 0, f'{part.command(folder)} failed'
    return max(0., max(_times(folder).values()) / 1e9 - begin)


def _left_by(folder: Path) -> tuple[dict[str, torch.Tensor], Any, list[str]]:
    """Weights, best score and checkpoints of a run."""
    path = newest_checkpoint(str(folder))
    assert path is not None, f'no checkpoint in {folder}'
    checkpoint = torch.load(path, weights_only=False)
    return (checkpoint['state_dict'],
            checkpoint['message_hub']['runtime_info'].get('best_score'),
            sorted(path.name for path in folder.glob('*.pth')))


def compare_runs(one: Path, other: Path, tolerance: float = 0.) -> None:
    """Require the same weights, best score and names of checkpoints."""
    first, second = _left_by(one), _left_by(other)
    assert first[2] == second[2], f'{first[2]} became {second[2]}'
    assert first[1] is not None
    assert abs(first[1] - second[1]) <= tolerance, (first[1], second[1])
    assert list(first[0]) == list(second[0])
    for name, value in first[0].items():
        torch.testing.assert_close(second[0][name], value, rtol=tolerance,
                                   atol=tolerance)


def compare_indexes(one: Path, other: Path) -> None:
    """Require the same items with the same vectors."""
    first, second = (IndexStore(path).contents() for path in (one, other))
    assert first[1] == second[1]
    assert np.array_equal(first[0], second[0])


def compare_files(one: Path, other: Path) -> None:
    """Require the same files with the same bytes, hidden ones too."""
    first, second = ({str(path.relative_to(folder)): path.read_bytes()
                      for path in folder.rglob('*') if path.is_file()}
                     for folder in (one, other))
    assert sorted(first) == sorted(second), set(first) ^ set(second)
    for name, content in first.items():
        assert second[name] == content, f'{name} differs'


def part_of(name: str, work: Path) -> Part:
    """Lay out what a tool reads, and say how it is called.

    Args:
        name: ``'train'``, ``'train2'`` (two ranks), ``'index'``,
            ``'make_manifest'`` or ``'prepare'``.
        work: A folder of its own.
    """
    def python(tool: str, *arguments: Any) -> list[str]:
        return [sys.executable, str(TOOLS / tool), *map(str, arguments)]

    def nothing(folder: Path) -> None:
        """The tool makes its folder itself."""

    if name in ('train', 'train2'):
        config = write_config(
            work, "default_hooks['checkpoint'].update("
            "save_best='retrieval/mean_mAP', rule='greater')\n")
        if name == 'train':
            return Part(nothing, lambda out: python(
                'train.py', config, '--work-dir', out, '--resume'),
                compare_runs)
        return Part(nothing, lambda out: [
            'bash', str(TOOLS / 'dist_train.sh'), str(config), '2',
            '--work-dir', str(out), '--resume'],
            lambda one, other: compare_runs(one, other, 1e-5))
    if name == 'index':
        run = write_run(work)
        return Part(nothing, lambda out: python(
            'index.py', 'build', run, work / 'data/pairs.tsv', '--out', out),
            compare_indexes)
    source = work / 'source'
    make_folder(source)
    if name == 'make_manifest':
        def copy(folder: Path) -> None:
            shutil.copytree(source, folder)
        return Part(copy, lambda out: python(
            'make_manifest.py', out, '--no-config'), compare_files)
    finish(python('make_manifest.py', source, '--no-config'))
    return Part(nothing, lambda out: python(
        'prepare_dataset.py', 'pairs', '--source', source, '--manifest',
        'manifest.tsv', '--out', out), compare_files)


def kill_part(name: str, kills: int, rng: random.Random) -> str:
    """Kill a tool so often, and compare after each run.

    Args:
        name: As for :func:`part_of`.
        kills: How often.
        rng: Draws the moments.

    Returns:
        A line of the result.

    Raises:
        AssertionError: Something was lost.
    """
    with tempfile.TemporaryDirectory() as folder:
        part = part_of(name, Path(folder))
        whole = Path(folder) / 'whole'
        seconds = run_whole(part, whole)
        done = rounds = 0
        # A tool that always ends before its moment ends this too.
        while done < kills and rounds < 10 + 3 * kills:
            rounds += 1
            out = Path(folder) / f'out{rounds}'
            part.start(out)
            command = part.command(out)
            for _ in range(min(_IN_A_ROW, kills - done)):
                if not kill_at_random(command, out, seconds, rng):
                    break
                done += 1
            finish(command)
            part.compare(whole, out)
            left = list(out.rglob(f'*{TEMPORARY}*'))
            assert not left, f'left behind: {left}'
            shutil.rmtree(out)
            print(f'{name}: {done} of {kills} kills, nothing lost',
                  file=sys.stderr, flush=True)
        return (f'{name}: {done} kills in {rounds} runs, nothing lost; a '
                f'whole run writes for {seconds:.2f} s')


def main() -> None:
    """Run the parts and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    known = ['train', 'train2', 'index', 'make_manifest', 'prepare']
    parser.add_argument('--parts', nargs='+', choices=known, default=known)
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    for name in args.parts:
        rng = random.Random(f'{args.seed} {name}')
        print(kill_part(name, args.kills, rng), flush=True)


if __name__ == '__main__':
    main()
