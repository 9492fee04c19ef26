"""Works timed in turns, in one process: what slows one round down slows all of them."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from threadpoolctl import threadpool_limits

Work = Callable[[int], object]
"""Takes so many updates."""


@dataclass(frozen=True)
class Timing:
    """What one work took: the median over the rounds of the seconds of an update."""

    name: str
    threads: int
    seconds: float


def turns(works: dict[str, Work], updates: int, *, rounds: int = 5, threads: int = 1) -> list[Timing]:
    """Return the timings of works in rounds in which each has its turn, all of them on so many threads."""
    pause = 0.2 if threads > 1 else 0.0  # for the threads of one library to fall asleep before those of the next wake
    found: dict[str, list[float]] = {name: [] for name in works}
    with threadpool_limits(threads):
        torch.set_num_threads(threads)
        for _ in range(rounds):
            for name, work in works.items():
                time.sleep(pause)
                work(max(1, updates // 8))
                since = time.perf_counter()
                work(updates)
                found[name].append((time.perf_counter() - since) / updates)
    return [Timing(name, threads, statistics.median(seconds)) for name, seconds in found.items()]
