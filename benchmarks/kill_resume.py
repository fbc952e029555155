"""Kill -9 at random moments, start again, and compare with a whole run.

    python benchmarks/kill_resume.py [--kills 15] [--parts train index ...]

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
import json
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
from chtn_plugin.storage.row_store import FeatureStore, stores_in
from chtn_plugin.studies.record_store import RecordStore

import numpy as np
import torch
from mmengine.config import Config
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / 'tools'
sys.path.insert(0, str(ROOT / 'tests'))

from short_run import environment, write_config  # noqa: E402
from small_set import write_small_set  # noqa: E402
from tiny_run import write_run  # noqa: E402

#: What is killed: training on one rank, on two, with a feature cache; and
#: tools that write other things.
PARTS = ('train', 'train2', 'cache', 'index', 'make_manifest', 'prepare',
         'benchmark')
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


def compare_cached_runs(one: Path, other: Path) -> None:
    """Require the same weights, and the same rows in the cache."""
    compare_runs(one, other)
    first, second = map(_cached, (one, other))
    assert sorted(first) == sorted(second), set(first) ^ set(second)
    for name, row in first.items():
        assert np.array_equal(second[name], row), f'{name} differs'


def _cached(folder: Path) -> dict[str, np.ndarray]:
    rows = {}
    for place in stores_in(folder / 'cache'):
        key = json.loads((place / 'meta.json').read_text())['key']
        store = FeatureStore(folder / 'cache', key)
        rows |= {f'{key} {name}': store[name] for name in store._rows}
    assert rows, f'nothing is cached in {folder}'
    return rows


def compare_benchmarks(one: Path, other: Path) -> None:
    """Require the same records and reports, but for the time they took."""
    first, second = map(_measured, (one, other))
    assert sorted(first) == sorted(second), set(first) ^ set(second)
    for name, value in first.items():
        assert second[name] == value, f'{name} differs'
    assert sorted(path.name for path in one.iterdir()) == sorted(
        path.name for path in other.iterdir())


def _measured(folder: Path) -> dict[str, Any]:
    """Records by key and the tables of a benchmark, without times."""
    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: timeless(item) for key, item in value.items()
                    if key != 'seconds'}
        return [timeless(item) for item in value] if isinstance(
            value, list) else value
    records = RecordStore(folder / 'records.jsonl').records
    tables = json.loads((folder / 'benchmark.json').read_text())['tables']
    assert records
    return timeless(dict(records, tables=tables))


def _write_frozen_config(work: Path) -> Path:
    """Pairs of pictures and texts whose trunk is frozen, and cached."""
    make_folder(work / 'data', 240)
    rows = ['id\tsplit\tclass\timage\ttext']
    rows += [f'{k}\t{"val" if k % 5 == 4 else "train"}\t{"ab"[k // 3 % 2]}\t'
             f'images/{k}.png\tword{k // 3 % 2}' for k in range(240)]
    (work / 'data/pairs.tsv').write_text('\n'.join(rows))
    return write_config(work, FROZEN.format(data=str(work / 'data')))


#: What differs from tests/short_run.py's configuration.
FROZEN = """
custom_hooks = _base_.custom_hooks + [
    dict(type='FeatureCacheHook', folder='none', batch_size=4)]
model.update(
    backbone=dict(type='SmallConvNet', in_channels=3, channels=(8, )),
    trunk_mode='frozen', input_shape=(3, 16, 16), source_pathway=None,
    num_classes=2, mmd=None)
frozen = dict(type='CrossModalDataset', data_root={data!r},
              ann_file='pairs.tsv',
              text=dict(type='BagOfWords', num_terms=5), pipeline=[
                  dict(type='LoadImageFromFile', imdecode_backend='cv2')])
train_dataloader.update(dataset=dict(split='train', **frozen))
val_dataloader.update(dataset=dict(split='val', **frozen))
test_dataloader = test_cfg = test_evaluator = None
train_cfg.update(max_iters=4, val_interval=4)
param_scheduler.update(T_max=4)
default_hooks['checkpoint'].update(
    save_best='retrieval/mean_mAP', rule='greater')
"""


def part_of(name: str, work: Path) -> Part:
    """Lay out what a tool reads, and say how it is called.

    Args:
        name: One of :data:`PARTS`.
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
    if name == 'cache':
        config = _write_frozen_config(work)
        last = len(Config.fromfile(config).custom_hooks) - 1
        return Part(nothing, lambda out: python(
            'train.py', config, '--work-dir', out, '--resume',
            '--cfg-options', f'custom_hooks.{last}.folder={out}/cache'),
            compare_cached_runs)
    if name == 'benchmark':
        data = write_small_set(work / 'small.npz')
        return Part(nothing, lambda out: python(
            'benchmark.py', data, '--methods', 'closed', '--labels',
            '4/class', '100%', '--draws', 4, '--budget', 3, '--out', out),
            compare_benchmarks)
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
    parser.add_argument('--parts', nargs='+', choices=PARTS,
                        default=list(PARTS))
    parser.add_argument('--kills', type=int, default=15,
                        help='of each part (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    for name in args.parts:
        rng = random.Random(f'{args.seed} {name}')
        print(kill_part(name, args.kills, rng), flush=True)


if __name__ == '__main__':
    main()
