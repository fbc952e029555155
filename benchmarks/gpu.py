"""The first minutes on a GPU: is everything right, and how fast is it?

    python benchmarks/gpu.py [--out gpu.json]     # at most six minutes
    python benchmarks/gpu.py --rehearse           # the same, tiny, on a CPU

Correctness comes first: losses, gradients and predictions of every kind of
model against the CPU, in float32, TF32, fp16 and bf16; waits for the device;
the evaluator's digits; runs that are resumed, on one rank of NCCL and of
FSDP, and on two ranks that share the GPU. Then speed: a training step of
configs/chtn_wiki.py against a loop written by hand and the chip's limit,
decoding, exact evaluation, search. One JSON says what passed, what failed and
why, and what there was no time for; the exit status is 1 if anything failed.
A part that takes over a third of the time is stopped, and failed; one that
does not stop ends the whole, with a JSON of the parts before it.

``pytest -m gpu`` runs the checks, one test each.
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

# Before torch is imported: deterministic matrix products need it on a GPU.
os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')

import torch  # noqa: E402

import gpu_checks  # noqa: E402
import gpu_runs  # noqa: E402
import gpu_speed  # noqa: E402

Figures = dict[str, Any]
# Six minutes, less what it takes to import torch and to end.
SECONDS = 335
# How long a part that was stopped may take to end.
GRACE = 15
# Takes over ten seconds on a CPU.
_HEAVY = ('AlexNet adapt', 'ResNet-18')


def checks(device: str, tiny: bool = False
           ) -> dict[str, Callable[[], Figures]]:
    """What is computed in this process, by name; see gpu_checks.py."""
    names = [name for name in (*gpu_checks.MODELS_CHECKED,
                               *gpu_checks.METHODS_CHECKED)
             if not (tiny and name in _HEAVY)]
    repeated = 'small convolutions' if tiny else 'ResNet-18'
    return {
        **{f'model {name}': partial(gpu_checks.check_model, device, name)
           for name in names},
        **{f'waits {name}': partial(gpu_checks.check_waits, device, name)
           for name in names},
        'tf32': partial(gpu_checks.check_tf32, device),
        'mmd': partial(gpu_checks.check_mmd, device),
        'evaluator': partial(gpu_checks.check_evaluator, device),
        'pinning': partial(gpu_checks.check_pinning, device),
        'repetition': partial(gpu_checks.check_repetition, device,
                              repeated)}


def runs(device: str) -> dict[str, Callable[[Path], Figures]]:
    """Whole runs in processes of their own, by name; see gpu_runs.py."""
    return {
        # Takes longest, so it begins first.
        'compile': partial(_in, gpu_runs.check_compile, device),
        'resume, deterministic': partial(
            _in, gpu_runs.check_resume, device, amp=False, exact=True),
        'resume, mixed precision, deterministic': partial(
            _in, gpu_runs.check_resume, device, amp=True, exact=True),
        'resume': partial(
            _in, gpu_runs.check_resume, device, amp=False, exact=False),
        'one rank': partial(_in, gpu_runs.check_one_rank, device),
        'fsdp on one rank': partial(_in, gpu_runs.check_fsdp, device),
        'two ranks on one device': partial(
            _in, gpu_runs.check_two_ranks, device)}


def _in(function: Callable[..., Figures], device: str, folder: Path,
        **options: Any) -> Figures:
    return function(device, folder, **options)


class Report:
    """What was found, and how much time is left.

    Args:
        limit: Seconds for all parts; no part may take over a third of them.
        out: File to write. None: none.
        rehearsal: Whether it is one.
        device: ``'cuda'`` or ``'cpu'``.
    """

    def __init__(self, limit: float, out: Path | None = None,
                 rehearsal: bool = True, device: str = 'cpu') -> None:
        self.end = time.monotonic() + limit
        self.longest = limit / 3
        self.parts: dict[str, Figures] = {}
        self.out, self.rehearsal, self.device = out, rehearsal, device
        self._running: dict[str, float] = {}

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.end - time.monotonic()

    @property
    def failed(self) -> list[str]:
        """Names of the parts that failed."""
        return [name for name, part in self.parts.items()
                if part['outcome'] == 'failed']

    def part(self, name: str, action: Callable[[], Figures]) -> Figures:
        """Run a part and keep its outcome; an error is one, too."""
        if self.left < 5:
            self.parts[name] = dict(outcome='not run', why='no time left')
            return {}
        start = self._running[name] = time.monotonic()
        figures: Figures = {}
        try:
            with at_most(min(self.longest, self.left)):
                figures = action()
            outcome: Figures = dict(outcome='passed', **figures)
        except Exception as error:  # whatever it is, the rest is to be run
            outcome = dict(outcome='failed',
                           why=f'{type(error).__name__}: {error}'[:2000])
        outcome['seconds'] = round(time.monotonic() - start, 2)
        self.parts[name] = outcome
        del self._running[name]
        print(f'{outcome["outcome"]:>8} {name} ({outcome["seconds"]} s) '
              f'{outcome.get("why", "")[:300]}', flush=True)
        return figures

    def write(self) -> None:
        """Write the JSON."""
        assert self.out is not None
        self.out.write_text(json.dumps(dict(
            machine=machine(self.device), rehearsal=self.rehearsal,
            failed=self.failed, parts=self.parts), indent=1) + '\n')
        print(f'{len(self.parts)} parts, failed: {self.failed or "none"}; '
              f'{self.out}', flush=True)

    def give_up(self) -> None:
        """End the process: a part would not stop when it was told to."""
        for name, start in list(self._running.items()):
            self.parts[name] = dict(
                outcome='failed', why='it did not stop when its time was up',
                seconds=round(time.monotonic() - start, 2))
        gpu_runs.stop_all()
        self.write()
        os._exit(1)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop what takes longer, where an alarm can: in the main thread.

    Runs in other threads are processes, which have a limit of their own.

    Raises:
        TimeoutError: It took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise TimeoutError(f'took over {seconds:.1f} s')
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def machine(device: str) -> Figures:
    """The machine, in words."""
    found: Figures = dict(
        device=device, cpus=os.cpu_count(), python=platform.python_version(),
        torch=torch.__version__)
    if device == 'cuda':
        about = torch.cuda.get_device_properties(0)
        found.update(
            gpu=about.name, gpu_gib=round(about.total_memory / 2**30, 1),
            capability=f'{about.major}.{about.minor}',
            cuda=torch.version.cuda, cudnn=torch.backends.cudnn.version())
    return found


def measure(report: Report, device: str, tiny: bool) -> Iterator[tuple[
        str, Callable[[], Figures]]]:
    """The parts that measure speed; one uses what one before found."""
    yield 'chip', partial(gpu_speed.measure_chip, device, tiny)
    chip = report.parts['chip']
    yield 'step', partial(gpu_speed.measure_step, device, tiny, chip)
    step = report.parts['step']
    yield 'decoding', partial(gpu_speed.measure_decoding, device, tiny, step)
    yield 'search', partial(gpu_speed.measure_search, device, tiny)
    yield 'evaluation', partial(gpu_speed.measure_evaluation, device, tiny,
                                report.left - 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='gpu.json', help='file to write')
    parser.add_argument('--rehearse', action='store_true',
                        help='tiny, and on the CPU')
    parser.add_argument('--seconds', type=float, default=SECONDS,
                        help='after which it ends, whatever is under way')
    parser.add_argument('--only', nargs='+', default=['checks', 'runs',
                                                      'speed'],
                        choices=['checks', 'runs', 'speed'])
    args = parser.parse_args(arguments)
    device = 'cpu' if args.rehearse else 'cuda'
    if device == 'cuda' and not torch.cuda.is_available():
        sys.exit('gpu.py: needs a GPU that torch sees; --rehearse runs it '
                 'tiny on a CPU')
    # As torch has them from the start, so that TF32 is asked for by name.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    report = Report(args.seconds, Path(args.out), args.rehearse, device)
    gpu_runs.limit_to(args.seconds, report.longest)
    watchdog = threading.Timer(args.seconds + GRACE, report.give_up)
    watchdog.daemon = True
    watchdog.start()
    if 'checks' in args.only:
        for name, check in checks(device, args.rehearse).items():
            report.part(name, check)
    if 'runs' in args.only:
        at_once = min(4, os.cpu_count() or 1)
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(
                at_once) as pool:
            for number, (name, run) in enumerate(runs(device).items()):
                own = Path(folder, str(number))
                own.mkdir()
                pool.submit(report.part, name, partial(run, own))
    if 'speed' in args.only:
        for name, action in measure(report, device, args.rehearse):
            report.part(name, action)
    watchdog.cancel()
    report.write()
    return int(bool(report.failed))


if __name__ == '__main__':
    sys.exit(main())
