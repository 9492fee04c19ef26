"""Works timed in turns, in one process: what slows one round down slows all of them."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PAUSE = 0.3  # seconds, for the threads of one library to fall asleep before those of the next are timed
PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Timing:
    """What one work took: median seconds of an update over the rounds, and the most memory that it added, in MB."""

    name: str
    seconds: float
    memory: float


def turns(works: dict[str, Callable[[int], None]], updates: int, rounds: int = 5) -> list[Timing]:
    """Return the timings of works, each a function of a number of updates, in rounds in which each has its turn."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    memory = dict.fromkeys(works, 0.0)
    for _ in range(rounds):
        for name, work in works.items():
            time.sleep(PAUSE)
            work(max(1, updates // 20))
            before = held("VmRSS")
            forget_peak()
            since = time.perf_counter()
            work(updates)
            seconds[name].append((time.perf_counter() - since) / updates)
            memory[name] = max(memory[name], held("VmHWM") - before)
    return [Timing(name, statistics.median(seconds[name]), memory[name]) for name in works]


def held(what: str) -> float:
    """Return a figure of this process's memory, in MB; 0 where the system does not tell."""
    lines = PEAK[0].read_text().splitlines() if PEAK[0].exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(what)), 0.0)


def forget_peak() -> None:
    """Let the peak of memory start anew."""
    if PEAK[1].exists():
        PEAK[1].write_text("5")
