"""What every recipe needs to go step by step: random streams, one thread, checkpoints, counted steps."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from ... import data
from ...machines import Machine
from ...progress import Progress
from ...sampling import CD
from ...training import L2, Step, schedule, train

Settings = Mapping[str, Any]
T = TypeVar("T")


def stream(seed: int, number: int) -> Generator:
    """Return one of the separate random streams of a run, so that its parts can share all but one of them."""
    return torch.Generator().manual_seed(1000 * seed + number)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: products this small are slower on two, and timings less even."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def checkpoints(updates: int, points: int) -> list[int]:
    """Return ``points`` numbers of updates or fewer, evenly spread in their logarithm, ending with the last."""
    first = min(10, updates)
    spread = torch.logspace(0, 1, points, base=updates / first, dtype=torch.float64) * first
    return sorted({*spread.round().long().clamp(1, updates).tolist(), updates})


def by_cd(
    machine: Machine, v: Tensor, settings: Settings, optimizer: Optimizer, draw: Generator, cost: float = 0.0
) -> Iterator[Step]:
    """Return endless updates of a machine by CD-1 on batches of rows ``v``, with a weight cost if any."""
    penalties = [L2(cost)] if cost else []
    feed = data.batches(v, settings["batch"], generator=draw)
    return train(machine, feed, CD(), optimizer, penalties=penalties, generator=draw)


def falling(
    steps: Iterator[Any], optimizer: Optimizer, count: int, progress: Progress, label: str, how: str = "linear"
) -> Iterator[tuple[int, Any]]:
    """Yield so many steps of an endless training, numbered from 1, while the optimizer's rate falls."""
    fall = schedule(optimizer, how, count)
    for update, step in counted(steps, count, progress, label):
        fall.step()
        yield update, step


def counted(steps: Iterator[T], count: int, progress: Progress, label: str) -> Iterator[tuple[int, T]]:
    """Yield so many steps of an endless training, numbered from 1, under a watch."""
    yield from zip(progress(range(1, count + 1), label), islice(steps, count), strict=True)
