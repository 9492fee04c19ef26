"""How long each trains until its exact test log-likelihood passes a goal: what a user waits for."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from peers import DEFAULTS, PEERS, Asked, Learner, available, ours, ours_by_default
from setting import Size, bits
from torch import Tensor

import harmonium as hm
from harmonium import RBM, evaluation


@dataclass
class Runner:
    """One in a race: what it took so far, and the best that it has reached."""

    learner: Learner
    seconds: float = 0.0
    updates: int = 0
    best: float = -float("inf")

    def run(self, test: Tensor) -> None:
        """Train a tenth longer, and look at the exact log-likelihood, which is off the clock."""
        rate = self.updates / self.seconds if self.seconds else 0.0
        count = max(1, int(rate * max(0.1, self.seconds / 10)))
        since = time.perf_counter()
        self.learner.work(count)
        self.seconds += time.perf_counter() - since
        self.updates += count
        machine = self.learner.machine()
        self.best = max(self.best, evaluation.log_likelihood(machine, test, evaluation.log_partition(machine)).value)


def compete(runners: list[Runner], test: Tensor, goal: float, longest: float) -> None:
    """Let all train in turns until they pass; who took twice as long as the first to pass, or too long, is out."""
    until, going = longest, runners
    while going:
        for one in going:
            one.run(test)
        until = min([until, *(2 * one.seconds for one in going if one.best >= goal)])
        going = [one for one in going if one.best < goal and one.seconds < until]


def entrants(v: Tensor, hidden: int, threads: int) -> dict[tuple[str, str], Learner]:
    """Return who takes part, by name and settings: their own defaults, and batches and rates alike."""
    start, alike = RBM(v.shape[1], hidden, generator=0).init_from_data(v), Asked()
    peers = {name: PEERS[name] for name in PEERS if available(name)}
    return {
        ("harmonium, PCD", "defaults"): ours_by_default(v, start, threads),
        **{(name, "defaults"): peer(v, start, DEFAULTS[name]) for name, peer in peers.items()},
        ("harmonium, PCD", "alike"): ours(v, start, alike),
        **{(name, "alike"): peer(v, start, alike) for name, peer in peers.items()},
    }


def race(size: Size, threads: int) -> Iterator[dict[str, Any]]:
    """Time how long each trains until it passes each goal."""
    torch.set_num_threads(threads)
    for data, hidden, goal, longest in size.races:
        try:
            v, test = bits(data, "train"), bits(data, "test")
        except hm.InputError as error:
            print(f"the race on {data} is left out: {error}", flush=True)
            continue
        runners = {who: Runner(learner) for who, learner in entrants(v, hidden, threads).items()}
        compete(list(runners.values()), test, goal, longest)
        for (name, settings), one in runners.items():
            yield {
                "data": data, "hidden": hidden, "goal": goal, "work": name, "settings": settings,
                "products": one.learner.form, "precision": one.learner.precision, "threads": threads,
                "passed": "yes" if one.best >= goal else "no",
                "seconds": one.seconds, "updates": one.updates, "best": one.best,
            }  # fmt: skip
