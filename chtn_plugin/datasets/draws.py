"""Sample indices that carry their pass and seed, for repeatable loading."""
from __future__ import annotations

import random
from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from itertools import chain
from typing import Optional, Union, overload

import numpy as np
import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

# Places of an order that become Python numbers together.
_TOGETHER = 4096


class Draw(int):
    """An index into a data set, and when it is drawn.

    It is an ``int`` to every data set that does not care. One that does can
    make everything random about an item depend on (seed, pass, index) alone,
    and so be the same for any number of workers and ranks, and after a
    resume.

    Attributes:
        pass_index: How many passes over the data came before.
        seed: The sampler's seed.
        place: How many draws of all ranks came before, since the first pass.
    """
    pass_index: int
    seed: int
    place: int

    def __new__(cls, index: int, pass_index: int, seed: int,
                place: int) -> Draw:
        draw = super().__new__(cls, index)
        draw.pass_index = pass_index
        draw.seed = seed
        draw.place = place
        return draw

    def __getnewargs__(  # type: ignore[override]  # of int, by design
            self) -> tuple[int, int, int, int]:
        return int(self), self.pass_index, self.seed, self.place


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Put Python's, numpy's and torch's randomness back afterwards.

    It takes some 80 µs, four times what :func:`seed_randomness` does, so a
    batch of items shares one.
    """
    # torch.manual_seed would queue a call for every GPU, each time.
    torch_cpu = torch.default_generator
    python, numpy = random.getstate(), np.random.get_state()
    torch_state = torch_cpu.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch_cpu.set_state(torch_state)


def seed_randomness(draw: Draw) -> None:
    """Make Python's, numpy's and torch's randomness depend on a draw alone.

    Args:
        draw: The draw being served.
    """
    entropy = np.random.SeedSequence((draw.seed, draw.pass_index, int(draw)))
    seed = int(entropy.generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)


@contextmanager
def seeded(draw: int) -> Iterator[None]:
    """Seed one item of a data set of your own, and undo it afterwards.

    With a plain index nothing changes: what follows is as random as the
    worker is.

    Args:
        draw: The draw being served.
    """
    if not isinstance(draw, Draw):
        yield
        return
    with kept_randomness():
        seed_randomness(draw)
        yield


@DATA_SAMPLERS.register_module()
class PassSampler(Sampler):
    """Yields :class:`Draw`s; in everything else MMEngine's own samplers.

    Every pass covers the data set once, spread over the ranks without
    overlap. One sampler serves both kinds of training loop.

    Args:
        dataset: What is sampled.
        shuffle: Whether each pass has its own order (the same on all ranks).
            The CHTN release takes its pairs in list order.
        infinite: False: one pass an epoch, for epoch-based loops. True: pass
            after pass without end, for iteration-based loops.
        round_up: Whether a finite pass is filled up from its own beginning
            to a multiple of the number of ranks.
        seed: Seed of the order and of the draws. None: agreed on by all
            ranks. MMEngine passes the run's.
    """

    def __init__(self,
                 dataset: Sized,
                 shuffle: bool = True,
                 infinite: bool = False,
                 round_up: bool = True,
                 seed: Optional[int] = None) -> None:
        self.dataset = dataset
        self.shuffle = shuffle
        self.infinite = infinite
        self.round_up = round_up
        self.seed = sync_random_seed() if seed is None else seed
        self.rank, self.world_size = get_dist_info()
        self.epoch = 0
        self._served = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; epoch-based loops call this before each pass."""
        self.epoch = epoch

    def start_after(self, served: int) -> None:
        """Let the next iteration begin where a resumed run left off.

        Args:
            served: Draws of all ranks together that came before: since the
                first pass if ``infinite``, in this pass otherwise.
        """
        self._served = served

    def __iter__(self) -> Iterator[Draw]:
        served, self._served = self._served, 0
        if self.infinite:
            first, place = divmod(served, len(self.dataset))
            return self._endless(first, place + self.rank)
        draws = self._pass(self.epoch)
        total = (len(self) * self.world_size if self.round_up
                 else len(draws))
        # What fills a pass up is of its own beginning.
        first = served + self.rank
        return chain(draws.every(self.world_size, first), (
            draws[place % len(draws)] for place in range(
                self._beyond(first), total, self.world_size)))

    def _endless(self, pass_index: int, place: int) -> Iterator[Draw]:
        """Every so many-th draw of all passes, from one on."""
        while True:
            draws = self._pass(pass_index)
            yield from draws.every(self.world_size, place)
            place = self._beyond(place) - len(draws)
            pass_index += 1

    def _beyond(self, place: int) -> int:
        """This rank's first place behind the pass, from one of its own."""
        left = len(self.dataset) - place
        return place + max(0, -(-left // self.world_size)) * self.world_size

    def __len__(self) -> int:
        """Draws of this rank in one pass."""
        size = len(self.dataset)
        if self.round_up or self.infinite:
            return -(-size // self.world_size)
        return len(range(self.rank, size, self.world_size))

    def _pass(self, pass_index: int) -> _Pass:
        size = len(self.dataset)
        if not self.shuffle:
            return _Pass(range(size), pass_index, self.seed)
        generator = torch.Generator().manual_seed(self.seed + pass_index)
        return _Pass(torch.randperm(size, generator=generator).numpy(),
                     pass_index, self.seed)


class _Pass(Sequence[Draw]):
    """The draws of a pass, each made when it is served.

    A million of them at once would take 300 MB and a second.
    """

    def __init__(self, order: Union[range, np.ndarray], pass_index: int,
                 seed: int) -> None:
        self.order = order
        self.pass_index = pass_index
        self.seed = seed

    def every(self, step: int, first: int) -> Iterator[Draw]:
        """Yield every so many-th draw, from one on."""
        before = self.pass_index * len(self)
        for start in range(first, len(self), step * _TOGETHER):
            places = range(start, min(start + step * _TOGETHER, len(self)),
                           step)
            indices = self.order[places.start:places.stop:step]
            for place, index in zip(places, np.asarray(indices).tolist(),
                                    strict=True):
                yield Draw(index, self.pass_index, self.seed, before + place)

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, index: int) -> Draw: ...

    @overload
    def __getitem__(self, index: slice) -> list[Draw]: ...

    def __getitem__(self, index: Union[int, slice]
                    ) -> Union[Draw, list[Draw]]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return Draw(int(self.order[place]), self.pass_index, self.seed,
                    self.pass_index * len(self) + place)
