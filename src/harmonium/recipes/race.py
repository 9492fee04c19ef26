"""A race: one machine, one order of data and one learning rate, under every source of negative states."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import SGD, Optimizer

from .. import data, evaluation
from ..machines import RBM
from ..sampling import Contrastive, Exact, Fresh, Persistent, Sampler
from ..training import Centre, schedule, train
from ..units import Bernoulli
from . import Watch, passing
from .exactly import log_z, stream

Climb = Callable[[RBM, Iterable[Tensor], Optimizer, Generator], Iterator[Any]]


@dataclass(frozen=True)
class Course:
    """What all runners share: the rows to learn and to judge by, and the settings of the ascent."""

    train: Tensor
    judge: Tensor
    hidden: int
    batch: int
    rate: float
    updates: int
    points: int


@dataclass
class Run:
    """One runner's exact log-likelihood, in nats a row, after so many updates and seconds of training."""

    updates: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    weights: Tensor | None = None

    @property
    def milliseconds(self) -> float:
        """The mean time of one update."""
        return 1000 * self.seconds[-1] / self.updates[-1]


def start(course: Course, seed: int) -> RBM:
    """Return the machine that every runner of one seed starts from: small weights, biases from the pixel means."""
    visible, hidden = Bernoulli(course.train.shape[1]), Bernoulli(course.hidden)
    return RBM(visible, hidden, generator=stream(seed, 1)).match(course.train)


def runners(
    naive: Iterable[int], contrastive: Iterable[int], batch: int, *, exact: bool
) -> dict[str, Climb]:
    """Return the runners by name: naive MCMC, CD and PCD, and with ``exact`` also draws and gradient by enumeration."""
    made: dict[str, Climb] = {f"naive MCMC, k = {k}": sampled(fresh(k, batch)) for k in naive}
    made |= {f"CD-{k}": sampled(near(k)) for k in contrastive}
    made["PCD-1"] = sampled(lambda machine, rng: Persistent(machine.fields_sample(batch, generator=rng)))
    if exact:
        made["exact draws"] = sampled(lambda machine, rng: Exact(batch))
        made["exact gradient"] = enumerated
    return made


def fresh(k: int, batch: int) -> Callable[[RBM, Generator], Sampler]:
    """Return the maker of Algorithm 18.1."""
    return lambda machine, rng: Fresh(batch, sweeps=k)


def near(k: int) -> Callable[[RBM, Generator], Sampler]:
    """Return the maker of Algorithm 18.2."""
    return lambda machine, rng: Contrastive(k)


def sampled(make: Callable[[RBM, Generator], Sampler]) -> Climb:
    """Return the ascent whose negative states come from a sampler."""

    def climb(machine: RBM, feed: Iterable[Tensor], optimizer: Optimizer, rng: Generator) -> Iterator[Any]:
        return train(machine, feed, make(machine, rng), optimizer, edits=[Centre()], generator=rng)

    return climb


def enumerated(machine: RBM, feed: Iterable[Tensor], optimizer: Optimizer, rng: Generator) -> Iterator[Any]:
    """Climb the gradient of mean log p(v) itself, log Z being summed over every hidden state; nothing is drawn."""
    centre = Centre()
    for index, v in enumerate(feed):
        optimizer.zero_grad()
        (machine.free_energy(v).mean() + log_z(machine)).backward()
        centre(machine, v, v)
        optimizer.step()
        yield index


def race(course: Course, climb: Climb, seed: int, watch: Watch = passing, label: str = "") -> Run:
    """Run one runner; the seconds leave out the time spent on evaluating."""
    machine, run, spent = start(course, seed), Run(), 0.0
    optimizer = SGD(machine.parameters(), lr=course.rate)
    slower = schedule(optimizer, "linear", course.updates)
    feed = data.batches(course.train, course.batch, generator=stream(seed, 2))
    steps = climb(machine, feed, optimizer, stream(seed, 3))
    due = set(checkpoints(course.updates, course.points))
    note(run, machine, course, 0, 0.0)
    began = perf_counter()
    for done in watch(range(1, course.updates + 1), label):
        next(steps)
        slower.step()
        if done in due:
            spent += perf_counter() - began
            note(run, machine, course, done, spent)
            began = perf_counter()
    run.weights = machine.weight.detach().mT.clone()
    return run


def note(run: Run, machine: RBM, course: Course, updates: int, seconds: float) -> None:
    """Add the exact log-likelihood to a run."""
    log_partition = evaluation.log_partition(machine)
    run.updates.append(updates)
    run.seconds.append(seconds)
    run.values.append(evaluation.log_likelihood(machine, course.judge, log_partition).value)


def checkpoints(updates: int, points: int) -> list[int]:
    """Return ``points`` numbers of updates or fewer, evenly spread in their logarithm, ending with the last."""
    first = min(10, updates)
    spread = torch.logspace(0, 1, points, base=updates / first, dtype=torch.float64) * first
    return sorted({*spread.round().long().clamp(1, updates).tolist(), updates})


def seconds_until(run: Run, level: float) -> float | None:
    """Return the seconds at the first checkpoint at or above a level, or nothing."""
    return next((s for s, value in zip(run.seconds, run.values, strict=True) if value >= level), None)


def seconds_a_step(course: Course, updates: int, seed: int) -> float:
    """Return the mean seconds of one update with exact draws, over a few updates."""
    machine = start(course, seed)
    feed = data.batches(course.train, course.batch, generator=stream(seed, 2))
    optimizer = SGD(machine.parameters(), lr=course.rate)
    steps = sampled(lambda m, rng: Exact(course.batch))(machine, feed, optimizer, stream(seed, 3))
    began = perf_counter()
    for _ in islice(steps, updates):
        pass
    return (perf_counter() - began) / updates
