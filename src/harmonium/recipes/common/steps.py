"""Counting the steps of an endless training."""

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

from ...progress import Progress

Step = TypeVar("Step")


def counted(steps: Iterator[Step], count: int, progress: Progress, label: str) -> Iterator[tuple[int, Step]]:
    """Yield so many steps, numbered from 1, under a watch."""
    yield from zip(progress(range(1, count + 1), label), islice(steps, count), strict=True)
