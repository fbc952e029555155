"""Run a benchmark: many methods on one set under one budget."""
from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
import torch
from mmengine.registry import MODELS
from tqdm import tqdm

from ..models.closed_form import ClosedFormModel
from ..version import __version__
from .fitting import (
    BASELINES,
    baseline_vectors,
    encoded,
    measured,
    size_of,
    timed_fit,
)
from .label_budgets import LabelBudget, can_choose, folds, unseen_classes
from .pair_features import PairFeatures, hash_of
from .record_store import RecordStore, key_of
from .spaces import (
    Setting,
    method_of,
    needs_names,
    needs_source,
    settings_of,
)
from .untrained import UNTRAINED, untrained_vectors
from .worker_pool import given, worker_pool

#: Folds of the labelled rows on which settings are chosen.
FOLDS = 3


@dataclass(frozen=True)
class Plan:
    """What a benchmark compares.

    Attributes:
        methods: Registered names, variants, or those of ``BASELINES`` and
            ``UNTRAINED``.
        labels: Label budgets.
        budget: Settings a method may try.
        draws: Draws of the labelled rows and seeds, the same for all.
        trained_budget: Settings of methods that are trained.
        trained_draws: Draws of methods that are trained.
        unseen: Share of the classes that training does without and that
            alone are tested. None: all classes are trained and tested.
        code: Hash of a user's file, by method; a change makes it another.
    """
    methods: Sequence[str]
    labels: Sequence[LabelBudget]
    budget: int = 8
    draws: int = 8
    trained_budget: int = 4
    trained_draws: int = 3
    unseen: Optional[float] = None
    code: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One method under one draw of one label budget.

    Attributes:
        method: Its name.
        labels: Label budget.
        draw: Number of the draw, and seed.
        settings: Those it may choose from, the default first.
        unseen: As in :class:`Plan`.
        code: As in :class:`Plan`.
    """
    method: str
    labels: LabelBudget
    draw: int
    settings: tuple[str, ...]
    unseen: Optional[float] = None
    code: str = ''

    def what(self, features: PairFeatures, kind: str,
             setting: str = '') -> dict[str, Any]:
        """Return the facts that identify a measurement of this job."""
        more: dict[str, Any] = {}
        if needs_source(self.method) and features.source is not None:
            more['source'] = features.source.fingerprint
        if features.prior is not None and (
                needs_names(self.method) or self.method == 'zero-shot'):
            more['prior'] = hash_of(features.prior.values())
        return dict(data=features.fingerprint, method=self.method,
                    labels=self.labels.name, draw=self.draw, kind=kind,
                    setting=setting, unseen=self.unseen, code=self.code,
                    folds=FOLDS, version=__version__, **more)


def _test_key(features: PairFeatures, job: Job) -> str:
    """Key of a job's test: one, whichever of its settings is chosen."""
    return key_of(job.what(features, 'test', '|'.join(job.settings)))


def is_closed_form(name: str) -> bool:
    """Whether a method is solved in one step, or is not trained at all."""
    return name in (*BASELINES, *UNTRAINED) or issubclass(
        MODELS.get(method_of(name)), ClosedFormModel)


def jobs_of(plan: Plan) -> list[Job]:
    """List a plan's jobs, draw after draw, so that early stops are fair."""
    jobs = []
    most = max(plan.draws, plan.trained_draws)
    for labels in plan.labels:
        for draw in range(most):
            for name in plan.methods:
                solved = is_closed_form(name)
                draws = plan.draws if solved else plan.trained_draws
                if (labels.whole and solved or name in UNTRAINED) and (
                        plan.unseen is None):
                    draws = 1  # nothing differs between draws
                if draw >= draws:
                    continue
                budget = plan.budget if solved else plan.trained_budget
                fixed = name in (*BASELINES, *UNTRAINED)
                settings = ([{}] if fixed else settings_of(
                    name, MODELS.get(method_of(name)), budget))
                jobs.append(Job(name, labels, draw, tuple(
                    json.dumps(s, sort_keys=True) for s in settings),
                    plan.unseen, plan.code.get(name, '')))
    return jobs


@dataclass(frozen=True)
class Rows:
    """The rows of a job.

    Attributes:
        train: Training rows, labelled or not.
        label: Their classes, counted from 0 among those trained; -1 where
            the label is withheld.
        labelled: Positions in ``train`` of those that keep it.
        test: Test rows.
        classes: Classes in training, as the set numbers them.
    """
    train: np.ndarray
    label: np.ndarray
    labelled: np.ndarray
    test: np.ndarray
    classes: np.ndarray

    @property
    def num_classes(self) -> int:
        """Number of classes in training."""
        return len(self.classes)


def rows_of(features: PairFeatures, job: Job) -> Rows:
    """Draw the rows of a job; equal for all methods."""
    train = features.train.copy()
    test = ~features.train
    kept = np.arange(features.num_classes)
    if job.unseen is not None:
        known = features.label[features.train]
        away = unseen_classes(np.unique(known[known >= 0]), job.unseen,
                              job.draw)
        kept = np.setdiff1d(kept, away)
        test &= np.isin(features.label, away)
        train &= np.isin(features.label, kept)
    labelled = np.intersect1d(job.labels.labelled(features, job.draw),
                              np.flatnonzero(train))
    rows = np.flatnonzero(train)
    label = np.full(len(rows), -1)
    places = np.searchsorted(rows, labelled)
    label[places] = np.searchsorted(kept, features.label[labelled])
    return Rows(rows, label, places, np.flatnonzero(test), kept)


def _beside(features: PairFeatures, rows: Rows) -> dict[str, Any]:
    """What some methods learn from beside the set's own rows."""
    prior = features.prior
    if prior is not None:
        prior = dict(prior, target_names=prior['target_names'][rows.classes])
    return dict(prior=prior, source=features.source)


def validate(features: PairFeatures, job: Job, settings: Sequence[str]
             ) -> list[dict[str, Any]]:
    """Compute mean MAP of settings on folds of the labelled rows.

    The settings differ in the similarity alone, so that one fit a fold
    serves them all. Rows of the fold are kept out of training altogether,
    their pairs too. A trained method is tried on one fold only.
    """
    rows = rows_of(features, job)
    label = rows.label[rows.labelled]
    fold = folds(label, FOLDS, job.draw)
    first = json.loads(settings[0])
    score: dict[str, list[float]] = {text: [] for text in settings}
    for number in range(FOLDS if is_closed_form(job.method) else 1):
        held = rows.labelled[fold == number]
        rest = np.setdiff1d(np.arange(len(rows.train)), held)
        train = rows.train[rest]
        model, _ = timed_fit(
            job.method, first, features.image[train], features.text[train],
            rows.label[rest], rows.num_classes, job.draw,
            **_beside(features, rows))
        where = rows.train[held]
        vectors = encoded(model, features.image[where], features.text[where])
        for text in settings:
            similarity = json.loads(text).get('similarity', model.similarity)
            score[text].append(measured(
                vectors, rows.label[held], similarity, pairs=False)['mean'])
    return [dict(job.what(features, 'validation', text),
                 score=float(np.mean(scores)))
            for text, scores in score.items()]


def test(features: PairFeatures, job: Job, setting: str,
         chosen: bool) -> dict[str, Any]:
    """Fit on all labelled rows and read the test split, once.

    Args:
        features: The set.
        job: The job.
        setting: The one to take.
        chosen: Whether it was chosen, not a default.
    """
    rows = rows_of(features, job)
    label = features.label[rows.test]
    seconds = numbers = 0.
    if job.method in BASELINES:
        vectors: dict[str, Any] = dict(zip(
            ('image', 'text'), baseline_vectors(
                job.method, label, features.num_classes, job.draw),
            strict=True))
        similarity = 'cosine'
    elif job.method in UNTRAINED:
        vectors, similarity = untrained_vectors(job.method, features,
                                                rows.test)
    else:
        model, seconds = timed_fit(
            job.method, json.loads(setting), features.image[rows.train],
            features.text[rows.train], rows.label, rows.num_classes,
            job.draw, **_beside(features, rows))
        vectors = encoded(model, features.image[rows.test],
                          features.text[rows.test])
        similarity, numbers = model.similarity, size_of(model)
        if job.unseen is not None:  # no class of these is known to it
            vectors['image_class'] = vectors['text_class'] = None
    figures = measured(vectors, label, similarity)
    return dict(job.what(features, 'test'), setting=setting, chosen=chosen,
                similarity=similarity, seconds=seconds, numbers=int(numbers),
                labelled=len(rows.labelled), unlabelled=int(
                    len(rows.train) - len(rows.labelled)),
                test=len(rows.test), set=features.name, **figures)


def _guarded(step: Any, features: PairFeatures, job: Job,
             *arguments: Any) -> list[dict[str, Any]]:
    """Run a step; an error of one method becomes its record."""
    torch.set_num_threads(1)
    try:
        done = step(features, job, *arguments)
    except Exception as error:
        trace = traceback.extract_tb(error.__traceback__)[-1]
        done = dict(job.what(features, 'error', json.dumps(
            arguments, sort_keys=True)), set=features.name,
            error=f'{type(error).__name__}: {error}',
            at=f'{trace.filename}:{trace.lineno}')
    done = done if isinstance(done, list) else [done]
    for record in done:
        record['key'] = (
            _test_key(features, job) if record['kind'] == 'test' else
            key_of({key: record[key] for key in job.what(features, '')}))
    return done


def _in_worker(step: Any, job: Job, *arguments: Any
               ) -> list[dict[str, Any]]:
    return _guarded(step, given(), job, *arguments)


def _ended_from_outside(progress: _Progress) -> dict[str, Any]:
    """Record of a job that ran when a worker was killed."""
    job, features = progress.job, progress.features
    return dict(
        job.what(features, 'error'), set=features.name, at='worker process',
        key=key_of(job.what(features, 'error')),
        error='RuntimeError: a worker process was ended from outside, as '
        'where memory runs out: fewer --jobs need less. What was measured is '
        'kept, the same command goes on')


class _Progress:
    """State of a job: what it still waits for."""

    def __init__(self, features: PairFeatures, job: Job,
                 store: RecordStore) -> None:
        self.features, self.job, self.store = features, job, store
        self.failed = False

    def done(self) -> bool:
        """Whether the test split was read, or cannot be."""
        return (self.failed
                or _test_key(self.features, self.job) in self.store)

    def chooses(self) -> bool:
        """Whether there is anything to choose, and labels to choose on."""
        rows = rows_of(self.features, self.job)
        return len(self.job.settings) > 1 and can_choose(
            rows.label[rows.labelled])

    def steps(self) -> list[tuple[Any, ...]]:
        """What to run next; [] while nothing is to be done."""
        if self.done():
            return []
        if not self.chooses():
            return [(test, self.job.settings[0], False)]
        missing = [text for text in self.job.settings
                   if self._key(text) not in self.store]
        if missing:
            return [(validate, group) for group in _alike(missing)]
        scores = [self.store[self._key(text)]['score']
                  for text in self.job.settings]
        best = self.job.settings[int(np.argmax(scores))]
        return [(test, best, True)]

    def _key(self, setting: str) -> str:
        return key_of(self.job.what(self.features, 'validation', setting))


def _alike(settings: Sequence[str]) -> list[tuple[str, ...]]:
    """Group settings that differ in nothing but the similarity."""
    groups: dict[str, list[str]] = {}
    for text in settings:
        setting: Setting = json.loads(text)
        setting.pop('similarity', None)
        groups.setdefault(json.dumps(setting, sort_keys=True), []).append(
            text)
    return [tuple(group) for group in groups.values()]


def run_benchmark(features: PairFeatures, plan: Plan, store: RecordStore,
                  workers: int = 1, progress: bool = True,
                  measure: bool = True) -> list[dict[str, Any]]:
    """Run what is missing; what the store has is not run again.

    Args:
        features: Prepared features of a set.
        plan: What to compare.
        store: Gets each measurement as soon as it is made. Errors stand in
            it, too; they are tried again by the next call.
        workers: Processes; 1: this one.
        progress: Whether to show a bar with the time left; where it goes to
            no terminal, a line a minute.
        measure: Whether to run what is missing. False: only what the store
            has is returned.

    Returns:
        The test records and errors of the plan's jobs.

    Raises:
        ValueError: ``workers`` is less than 1.
    """
    if workers < 1:
        raise ValueError(f'jobs must be at least 1, got {workers}')
    jobs = [_Progress(features, job, store) for job in jobs_of(plan)]
    errors: list[dict[str, Any]] = []
    if measure:
        errors = _measure(jobs, features, store, workers, progress)
    keys = (_test_key(features, job.job) for job in jobs)
    # Vectors are known by their hash: a set may have had another name.
    return [dict(store[key], set=features.name)
            for key in keys if key in store] + errors


def _measure(jobs: Sequence[_Progress], features: PairFeatures,
             store: RecordStore, workers: int, progress: bool
             ) -> list[dict[str, Any]]:
    errors: list[dict[str, Any]] = []
    bar = tqdm(total=len(jobs), desc=features.name, unit='fit and test',
               disable=not progress,
               mininterval=.5 if sys.stderr.isatty() else 60)
    bar.update(sum(job.done() for job in jobs))
    # All jobs are of one set, which goes to each worker once.
    with bar, (nullcontext() if workers == 1 else
               worker_pool(workers, features)) as pool:
        for job, records in (_one_by_one(jobs) if pool is None
                             else _side_by_side(jobs, pool, workers)):
            store.add(*records)
            wrong = [r for r in records if r['kind'] == 'error']
            job.failed |= bool(wrong)
            errors += wrong
            bar.update(job.done())
    return errors


Outcome = Iterator[tuple[_Progress, list[dict[str, Any]]]]


def _one_by_one(jobs: Sequence[_Progress]) -> Outcome:
    for job in jobs:
        while steps := job.steps():
            for step in steps:
                if not job.failed:
                    yield job, _guarded(step[0], job.features, job.job,
                                        *step[1:])


def _side_by_side(jobs: Sequence[_Progress], pool: Executor,
                  workers: int) -> Outcome:
    waiting = iter(jobs)
    running: dict[Future, _Progress] = {}
    pending: dict[int, int] = {}

    def start(job: _Progress) -> bool:
        steps = job.steps()
        for step in steps:
            running[pool.submit(_in_worker, step[0], job.job,
                                *step[1:])] = job
        pending[id(job)] = len(steps)
        return bool(steps)

    while True:
        while len(running) < 2 * workers:
            job = next(waiting, None)
            if job is None:
                break
            start(job)
        if not running:
            return
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            job = running.pop(future)
            try:
                records = future.result()
            except BrokenProcessPool:
                for lost in {id(one): one for one in (
                        job, *running.values())}.values():
                    yield lost, [_ended_from_outside(lost)]
                return
            yield job, records
            pending[id(job)] -= 1
            if not pending[id(job)]:
                start(job)
