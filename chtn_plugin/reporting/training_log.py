"""Read training and validation curves from the logs of a run."""
from __future__ import annotations

import json
import math
from pathlib import Path

Curves = dict[str, tuple[list[float], list[float]]]


def read_training_log(work_dir: str | Path) -> tuple[Curves, Curves]:
    """Read the curves of MMEngine's ``vis_data/scalars.json`` files.

    A resumed run has several files; where they overlap, the later counts.

    Args:
        work_dir: The run's folder.

    Returns:
        Training curves (losses, accuracies) and validation curves (map), by
        name: iterations and values. Empty where there are none.
    """
    training: dict[str, dict[int, float]] = {}
    validation: dict[str, dict[int, float]] = {}
    for path in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        step = 0
        for line in path.read_text(encoding='utf-8').splitlines():
            try:
                values = json.loads(line)
            except ValueError:
                continue  # the last line of a run that was killed
            if not isinstance(values, dict):
                continue
            trains = 'loss' in values
            if trains:
                step = int(values.get('iter', values.get('step')) or step)
            kept = training if trains else validation
            # A validation's own step is the epoch, 0 where there is none.
            at = step or int(values.get('step', 0))
            for name, value in values.items():
                if _is_curve(name, value, trains):
                    kept.setdefault(name, {})[at] = float(value)
    return _curves(training), _curves(validation)


def _is_curve(name: str, value: object, trains: bool) -> bool:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return False
    if trains:
        return 'loss' in name or 'accuracy' in name
    return 'mAP' in name and name.count('/') < 2


def _curves(points: dict[str, dict[int, float]]) -> Curves:
    return {name: (sorted(values), [values[s] for s in sorted(values)])
            for name, values in points.items()}
