"""A race: one machine, one order of data and one learning rate, under every source of negative states."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any

from torch import Generator, Tensor
from torch.optim import SGD, Optimizer

from ... import data, evaluation
from ...machines import RBM
from ...progress import Progress, silent
from ...sampling import CD, PCD, ExactSampler, NaiveMCMC, Sampler
from ...training import CenterGradient, schedule, train
from ...units import Bernoulli
from ..common.small_machines import log_z
from ..common.steps import checkpoints, counted, stream

Climb = Callable[[RBM, Iterable[Tensor], Optimizer, Generator], Iterator[Any]]


@dataclass(frozen=True)
class Course:
    """What all runners share: the rows to learn from and to measure on, and the settings of the ascent."""

    train: Tensor
    test: Tensor
    hidden: int
    batch: int
    rate: float
    updates: int
    points: int


@dataclass
class Run:
    """One runner's exact log-likelihood, in nats a row, after so many updates."""

    updates: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def start(course: Course, seed: int) -> RBM:
    """Return the machine that every runner of one seed starts from: small weights, biases from the pixel means."""
    visible, hidden = Bernoulli(course.train.shape[1]), Bernoulli(course.hidden)
    return RBM(visible, hidden, generator=stream(seed, 1)).init_from_data(course.train)


def samplers(naive: Iterable[int], contrastive: Iterable[int], states: int) -> dict[str, Sampler]:
    """Return the samplers that need no history, by name: Algorithms 18.1 and 18.2."""
    made: dict[str, Sampler] = {f"naive MCMC, k = {k}": NaiveMCMC(states, k) for k in naive}
    return made | {f"CD-{k}": CD(k) for k in contrastive}


def runners(
    naive: Iterable[int], contrastive: Iterable[int], batch: int, *, more: int = 0, exact: bool = False
) -> dict[str, Climb]:
    """Return the runners by name: naive MCMC, CD and PCD, all with ``batch`` negative states.

    ``more`` adds PCD with so many times as many chains, ``exact`` draws and gradient by enumeration.
    """
    made = {name: sampled(sampler) for name, sampler in samplers(naive, contrastive, batch).items()}
    made["PCD-1"] = followed(batch)
    if more:
        made[f"PCD-1 with {more * batch:,} chains"] = followed(more * batch)
    return made | ({"exact draws": sampled(ExactSampler(batch)), "exact gradient": enumerated} if exact else {})


def sampled(sampler: Sampler) -> Climb:
    """Return the ascent whose negative states come from a sampler without history."""
    return lambda machine, feed, optimizer, rng: train(
        machine, feed, sampler, optimizer, transforms=[CenterGradient()], generator=rng
    )


def followed(chains: int) -> Climb:
    """Return the ascent of Algorithm 18.3, whose chains go on from update to update."""

    def climb(machine: RBM, feed: Iterable[Tensor], optimizer: Optimizer, rng: Generator) -> Iterator[Any]:
        return sampled(PCD(machine.sample_independent(chains, generator=rng)))(machine, feed, optimizer, rng)

    return climb


def enumerated(machine: RBM, feed: Iterable[Tensor], optimizer: Optimizer, rng: Generator) -> Iterator[Any]:
    """Climb the gradient of mean log p(v) itself, log Z being summed over every hidden state; nothing is drawn."""
    center = CenterGradient()
    for index, v in enumerate(feed):
        optimizer.zero_grad()
        (machine.free_energy(v).mean() + log_z(machine)).backward()
        center(machine, v, v)
        optimizer.step()
        yield index


def ascent(course: Course, climb: Climb, seed: int) -> tuple[RBM, Iterator[Any]]:
    """Return a new machine and the endless updates that take it up, the step falling linearly to zero."""
    machine = start(course, seed)
    optimizer = SGD(machine.parameters(), lr=course.rate)
    slower = schedule(optimizer, "linear", course.updates)
    feed = data.batches(course.train, course.batch, generator=stream(seed, 2))

    def updates() -> Iterator[Any]:
        for update in climb(machine, feed, optimizer, stream(seed, 3)):
            slower.step()
            yield update

    return machine, updates()


def race(course: Course, climb: Climb, seed: int, progress: Progress = silent, label: str = "") -> Run:
    """Run one runner to the end of the course."""
    machine, steps = ascent(course, climb, seed)
    run, due = Run([0], [log_likelihood(machine, course)]), set(checkpoints(course.updates, course.points))
    for done, _ in counted(steps, course.updates, progress, label):
        if done in due:
            run.updates.append(done)
            run.values.append(log_likelihood(machine, course))
    return run


def log_likelihood(machine: RBM, course: Course) -> float:
    """Return the exact mean log-likelihood of the rows to measure on."""
    return evaluation.log_likelihood(machine, course.test, evaluation.log_partition(machine)).value


def paces(course: Course, made: Mapping[str, Climb], seed: int, rounds: int, block: int) -> dict[str, float]:
    """Return the seconds of one update of each runner: the quickest of ``rounds`` blocks, the runners taking turns.

    Other work on the machine slows some blocks and not others, so the quickest are the ones to compare.
    """
    running = {name: ascent(course, climb, seed)[1] for name, climb in made.items()}
    taken: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(rounds):
        for name, steps in running.items():
            began = perf_counter()
            for _ in islice(steps, block):
                pass
            taken[name].append((perf_counter() - began) / block)
    return {name: min(times) for name, times in taken.items()}


def updates_until(run: Run, level: float) -> int | None:
    """Return the first checkpoint at or above a level, or nothing."""
    return next((at for at, value in zip(run.updates, run.values, strict=True) if value >= level), None)
