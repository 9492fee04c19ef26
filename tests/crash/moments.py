"""Moments of a run in another process, told by what it has written and not by a clock."""

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(so: Callable[[], bool], seconds: float) -> bool:
    """Return whether something comes true in time."""
    until = time.monotonic() + seconds
    while not so():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def wait_for_step(out: Path, step: int, seconds: float = 300) -> None:
    """Wait until a run has kept the checkpoint of a step, or of a later one."""

    def reached() -> bool:
        return any(int(place.name) >= step for place in (out / "checkpoints").glob("[0-9]*"))

    assert wait_until(reached, seconds), f"{out} did not reach step {step}"
