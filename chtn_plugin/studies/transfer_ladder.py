"""Climb a ladder of labels: what pairs, names and a source add at each."""
from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from mmengine.registry import MODELS
from scipy.special import softmax
from tqdm import tqdm

from ..evaluation.embeddings import Embeddings
from ..evaluation.protocols import get_protocol
from ..evaluation.scoring import score_embeddings
from ..models.pair_teaching import Teaching, taught_scores
from ..storage.arrays import ArrayFile
from ..storage.files import atomic_write
from ..version import __version__
from .config_rows import ConfigRows
from .fitting import encoded, fit_in_process, model_config
from .label_budgets import LabelBudget
from .pair_features import PairFeatures, hash_of
from .record_store import RecordStore, key_of
from .spaces import SPACES
from .transfer_network import VARIANTS, train_network
from .worker_pool import given, worker_pool

#: Methods that use all pairs and no label.
LABEL_FREE = ('CCA', 'ASIF')
_ARRAYS = ('source_weight', 'source_bias', 'source_names', 'target_names')


@dataclass(frozen=True)
class Step:
    """What a rung of the ladder is climbed with.

    Attributes:
        pairs: Whether unlabelled pairs teach.
        names: Whether texts are compared with names of target classes.
        source: Whether a source classifier speaks through its names.
        shuffled: Whether its names are shuffled, as a control.
    """
    pairs: bool = False
    names: bool = False
    source: bool = False
    shuffled: bool = False


#: In closed form; each is computed where the data allow it.
STEPS: dict[str, Step] = {
    'features': Step(),
    'features, names': Step(names=True),
    'features, names, source': Step(names=True, source=True),
    'pairs': Step(pairs=True),
    'pairs, names': Step(pairs=True, names=True),
    'pairs, names, source': Step(pairs=True, names=True, source=True),
    'pairs, names, shuffled source': Step(True, True, True, True),
}


@dataclass(frozen=True)
class Ladder:
    """What a report measures.

    Attributes:
        rungs: Numbers of labels; None stands for no label at all.
        draws: Draws of the labelled rows, the same for every step.
        trained_rungs: Where CHTN's own network is trained too.
        trained_draws: Draws of those.
        dimensions: Principal components of a modality, in closed form.
        released: Whether that network is trained with each of its released
            terms, too.
    """
    rungs: Sequence[Optional[LabelBudget]]
    draws: int = 8
    trained_rungs: Sequence[LabelBudget] = ()
    trained_draws: int = 8
    dimensions: int = 400
    released: bool = True


@dataclass(frozen=True)
class Setup:
    """The data of a report, prepared.

    Attributes:
        rows: As the configuration's towers encode them.
        prepared: The same for closed forms: centred, scaled, cut.
        classifier: Arrays of the class-name prior's file; None: no prior.
        folder: For files that a run needs for a moment.
    """
    rows: ConfigRows
    prepared: PairFeatures
    classifier: Optional[Mapping[str, np.ndarray]]

    @property
    def text_names(self) -> bool:
        """Whether texts and names are vectors of one encoder."""
        return bool((self.rows.prior or {}).get('text_weight'))


@dataclass(frozen=True)
class Work:
    """What a process does at a time.

    Attributes:
        kind: ``'closed'``, ``'free'`` (no label) or ``'network'``.
        rung: Labels; None: none.
        draw: Number of the draw, and seed.
        steps: Of ``STEPS``, ``LABEL_FREE`` or the network's variants.
    """
    kind: str
    rung: Optional[LabelBudget]
    draw: int
    steps: tuple[str, ...]

    def key(self, setup: Setup, step: str) -> str:
        """Hash of what is measured, so that it is measured once."""
        return key_of(dict(
            data=setup.rows.features.fingerprint, step=step, kind=self.kind,
            rung=rung_name(self.rung), draw=self.draw,
            prior=_prior_hash(setup), protocol=setup.rows.protocol,
            prepared=setup.prepared.fingerprint, source=hash_of(
                setup.rows.source or ()),
            model=str([setup.rows.config.get(part) for part in (
                'model', 'train_cfg', 'optim_wrapper', 'param_scheduler')])
            if self.kind == 'network' else '', version=__version__))


def rung_name(rung: Optional[LabelBudget]) -> str:
    """As it is written: ``0``, ``4/class``, ``10%``."""
    return '0' if rung is None else rung.name


def parse_rung(text: str) -> Optional[LabelBudget]:
    """Read ``0``, ``4/class`` or ``10%``.

    Raises:
        ValueError: It is none of them.
    """
    return None if text in ('0', '0/class', '0%') else LabelBudget.parse(text)


def read_classifier(prior: Optional[Mapping[str, Any]]
                    ) -> Optional[dict[str, np.ndarray]]:
    """Read the file of a class-name prior, which a control shuffles.

    Raises:
        FileNotFoundError, KeyError: There is no such file, or no such array.
        ValueError: The prior names no file.
    """
    if prior is None:
        return None
    if not prior.get('file'):
        raise ValueError('a class-name prior is fitted from a file: give '
                         "class_prior.file, got none")
    arrays = ArrayFile(prior['file'], 'class prior',
                       'tools/make_class_prior.py makes one')
    return {name: arrays.numbers(name) for name in _ARRAYS}


def possible_steps(setup: Setup, labelled: bool = True) -> tuple[str, ...]:
    """Name the steps that the data allow, each different from the others.

    Args:
        setup: The data.
        labelled: Whether any row has a label: without, all rests on names.
    """
    steps = []
    for name, step in STEPS.items():
        if step.source and setup.classifier is None:
            continue
        if step.names and not step.source and not setup.text_names:
            continue
        if not labelled and not (step.names or step.source):
            continue
        steps.append(name)
    return tuple(steps)


def works_of(ladder: Ladder, setup: Setup) -> list[Work]:
    """List what is to be done, draw after draw, the quick first."""
    works = [Work('free', None, 0, LABEL_FREE)]
    most = max(ladder.draws, ladder.trained_draws)
    for draw in range(ladder.draws):
        for rung in ladder.rungs:
            steps = possible_steps(setup, rung is not None)
            whole = rung is None or rung.whole
            if whole and draw:
                # Draws differ in what is shuffled alone.
                steps = tuple(s for s in steps if STEPS[s].shuffled)
            if steps:
                works.append(Work('closed', rung, draw, steps))
    for draw in range(min(most, ladder.trained_draws)):
        for budget in ladder.trained_rungs:
            works += [Work('network', budget, draw, (name, ))
                      for name in network_steps(setup, ladder.released)]
    return works


def network_steps(setup: Setup, released: bool = True) -> list[str]:
    """Name the variants of CHTN's network that the data allow.

    Args:
        setup: The data.
        released: Whether to name those with released terms.
    """
    return [name for name, variant in VARIANTS.items()
            if (not variant.source or setup.rows.source is not None)
            and (not variant.names or setup.classifier is not None)
            and (released or not (variant.pair_distance or variant.source))]


def labels_of(setup: Setup, rung: Optional[LabelBudget], draw: int
              ) -> np.ndarray:
    """Classes as a step sees them, (N,): -1 withheld, -2 a test row."""
    features = setup.rows.features
    label = np.where(features.train, -1, -2)
    if rung is not None:
        kept = rung.labelled(features, draw)
        label[kept] = features.label[kept]
    return label


def run_ladder(setup: Setup, ladder: Ladder, store: RecordStore,
               workers: int = 1, progress: bool = True
               ) -> list[dict[str, Any]]:
    """Measure what is missing; return all records.

    Args:
        setup: The data.
        ladder: What to measure.
        store: Gets each measurement as soon as it is made.
        workers: Processes; 1: this one.
        progress: Whether to show a bar with the time left; where it goes to
            no terminal, a line a minute.

    Raises:
        ValueError: ``workers`` is less than 1.
    """
    if workers < 1:
        raise ValueError(f'jobs must be at least 1, got {workers}')
    works = works_of(ladder, setup)
    missing = [work for work in works if any(
        work.key(setup, step) not in store for step in work.steps)]
    bar = tqdm(total=len(works), desc=setup.rows.features.name,
               unit='fit', disable=not progress,
               mininterval=.5 if sys.stderr.isatty() else 60)
    bar.update(len(works) - len(missing))
    with bar:
        for records in _outcomes(setup, missing, workers):
            store.add(*records)
            bar.update()
    return [store[work.key(setup, step)]
            for work in works for step in work.steps]


def _outcomes(setup: Setup, works: Sequence[Work], workers: int
              ) -> Iterator[list[dict[str, Any]]]:
    if workers == 1:
        yield from (measure(setup, work) for work in works)
        return
    with worker_pool(workers, setup) as pool:
        futures = [pool.submit(_measured, work) for work in works]
        for future in as_completed(futures):
            yield future.result()


def _measured(work: Work) -> list[dict[str, Any]]:
    return measure(given(), work)


def measure(setup: Setup, work: Work) -> list[dict[str, Any]]:
    """Measure the steps of a piece of work on the test rows."""
    torch.set_num_threads(1)
    features = setup.rows.features
    label = labels_of(setup, work.rung, work.draw)
    records = []
    for step in work.steps:
        vectors, similarity = _fitted(setup, work, step, label)
        records.append(dict(
            key=work.key(setup, step), kind=work.kind, step=step,
            rung=rung_name(work.rung), draw=work.draw, set=features.name,
            labelled=int((label >= 0).sum()),
            unlabelled=int((label == -1).sum()),
            similarity=similarity,
            **scored(setup, vectors, similarity)))
    return records


def _fitted(setup: Setup, work: Work, step: str, label: np.ndarray
            ) -> tuple[dict[str, Any], str]:
    rows, test = setup.rows, ~setup.rows.features.train
    if work.kind == 'network':
        variant = VARIANTS[step]
        with _prior_file(setup, False, work.draw) as file:
            model = train_network(rows, label, variant, work.draw, file)
        return encoded(model, rows.features.image[test],
                       rows.features.text[test]), 'dot'
    made = setup.prepared
    if work.kind == 'free':
        model = fit_in_process(
            model_config(step, SPACES[step][0], made.image.shape[1],
                         made.text.shape[1], made.num_classes),
            made.image[made.train], made.text[made.train],
            np.full(int(made.train.sum()), -1))
        return encoded(model, made.image[test], made.text[test]), 'cosine'
    offsets = name_offsets(setup, STEPS[step], label, work.draw)
    scores = taught_scores(made.image, made.text, label, made.num_classes,
                           offsets, STEPS[step].pairs, Teaching(),
                           work.draw)
    vectors: dict[str, Any] = {}
    for part, value in zip(('image', 'text'), scores, strict=True):
        vectors[part] = softmax(value[test], 1).astype(np.float32)
        vectors[f'{part}_class'] = value[test].argmax(1)
    return vectors, 'dot'


def name_offsets(setup: Setup, step: Step, label: np.ndarray, draw: int
                 ) -> tuple[np.ndarray | float, np.ndarray | float]:
    """Offsets of all rows' scores that names of classes give, (N, C) each.

    The weights are those that :class:`ClassNamePrior` finds on the labelled
    rows; without any label they are the largest.
    """
    if not (step.names or step.source):
        return 0., 0.
    features, options = setup.rows.features, dict(setup.rows.prior or {})
    if not step.source:
        options['weight'] = 0.
    if not step.names:
        options['text_weight'] = 0.
    options['learned'] = bool((label >= 0).any())
    with _prior_file(setup, step.shuffled, draw) as file:
        prior: Any = MODELS.build(dict(options, file=file))
        train = torch.from_numpy(features.train)
        image, text = (torch.from_numpy(value) for value in (
            features.image, features.text))
        prior.fit(image[train], text[train],
                  torch.from_numpy(label)[train], features.num_classes)
    parts = [prior.offset(part, value) if wanted else 0.
             for part, value, wanted in (('image', image, step.source),
                                         ('text', text, step.names))]
    return tuple(value.numpy().astype(np.float64)  # type: ignore[return-value]
                 if isinstance(value, torch.Tensor) else value
                 for value in parts)


class _prior_file:
    """The prior's arrays as a file for a moment, its names shuffled or not."""

    def __init__(self, setup: Setup, shuffled: bool, draw: int) -> None:
        self.arrays = setup.classifier
        self.shuffled, self.draw = shuffled, draw
        self._folder: Any = None

    def __enter__(self) -> Optional[str]:
        if self.arrays is None:
            return None
        arrays: dict[str, Any] = dict(self.arrays)
        if self.shuffled:
            order = np.random.default_rng((self.draw, 4000)).permutation(
                len(arrays['source_names']))
            arrays['source_names'] = arrays['source_names'][order]
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / 'prior.npz'
        with atomic_write(path) as file:
            np.savez(file, **arrays)
        return str(path)

    def __exit__(self, *_: Any) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def scored(setup: Setup, vectors: Mapping[str, Any], similarity: str
           ) -> dict[str, Any]:
    """Score test rows under the configuration's protocol.

    Rows that share a picture count it once, as the test of a run does.

    Returns:
        ``i2t``, ``t2i``, ``mean``, ``ap`` (value of each query by direction,
        NaN as None), ``accuracy_image`` and ``accuracy_text``.
    """
    label = setup.rows.features.label[~setup.rows.features.train]
    first = np.unique(setup.rows.test_image, return_index=True)[1]
    protocol = setup.rows.protocol
    if get_protocol(protocol).similarity is None or similarity == 'dot':
        head, slash, split = protocol.partition('/')
        words = [word for word in head.split(':')
                 if word not in ('cosine', 'dot', 'euclidean')]
        protocol = ':'.join([*words, similarity]) + slash + split
    scores = score_embeddings(Embeddings(
        image=vectors['image'][first], text=vectors['text'],
        image_label=label[first], text_label=label), [protocol], threads=1)
    figures: dict[str, Any] = {score.direction: score.value
                               for score in scores}
    figures['mean'] = (figures['i2t'] + figures['t2i']) / 2
    figures['ap'] = {score.direction: [
        None if np.isnan(v) else round(float(v), 4) for v in score.values]
        for score in scores}
    for part, rows in (('image', first), ('text', slice(None))):
        guess = vectors.get(f'{part}_class')
        figures[f'accuracy_{part}'] = (None if guess is None else float(
            (guess[rows] == label[rows]).mean()))
    return figures


def _prior_hash(setup: Setup) -> str:
    if setup.classifier is None:
        return ''
    digest = hashlib.sha256(json.dumps(
        {key: value for key, value in (setup.rows.prior or {}).items()
         if key != 'file'}, sort_keys=True, default=str).encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(
            setup.classifier[name], np.float32).tobytes())
    return digest.hexdigest()[:12]
