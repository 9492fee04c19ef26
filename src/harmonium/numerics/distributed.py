"""Rows in several processes: each has an equal part, in order, of every batch and of every set of chains.

Draws and means come out as one process would make them.  All is as it was where there is one process.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as group
from torch import Tensor

from ..errors import WorkerLostError

_split = False


def count() -> int:
    """Return the number of processes."""
    return group.get_world_size() if group.is_available() and group.is_initialized() else 1


def index() -> int:
    """Return the number of this process; number 0 leads."""
    return group.get_rank() if count() > 1 else 0


@contextmanager
def split() -> Iterator[None]:
    """Within it, the rows of a tensor are this process's part of them."""
    global _split
    before, _split = _split, count() > 1
    try:
        yield
    finally:
        _split = before


def own(x: Tensor) -> Tensor:
    """Return this process's rows of all rows, (rows, …)."""
    return x.chunk(count())[index()] if count() > 1 else x


def whole(x: Tensor) -> Tensor:
    """Return the rows of all processes, given this one's."""
    if count() == 1:
        return x
    parts = [torch.empty_like(x) for _ in range(count())]
    _together(lambda: group.all_gather(parts, x.contiguous()))
    return torch.cat(parts)


def first_row(rows: int) -> int:
    """Return the number, among all rows, of the first of this process's ``rows``."""
    return index() * rows if _split else 0


def draw(shape: Sequence[int], fill: Callable[[Sequence[int]], Tensor]) -> Tensor:
    """Return what ``fill`` draws for a shape, (rows, …): this process's rows of what it draws for all."""
    return own(fill((count() * shape[0], *shape[1:]))) if _split else fill(shape)


def draw_given(x: Tensor, fill: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what ``fill`` draws given rows ``x``: for draws that take as many random numbers as the rows ask for."""
    return own(fill(whole(x))) if _split else fill(x)


def mean(x: Tensor) -> Tensor:
    """Return the mean over processes; its gradient is this process's own, which `average` makes that of all."""
    if not _split:
        return x
    total = x.detach().clone()
    _together(lambda: group.all_reduce(total))
    return x + (total / count() - x.detach())


def largest(*numbers: float) -> list[float]:
    """Return the largest that any process has of each number; a single process, the numbers."""
    if count() == 1:
        return list(numbers)
    found = torch.tensor(numbers, dtype=torch.float64)
    _together(lambda: group.all_reduce(found, group.ReduceOp.MAX))
    return found.tolist()


def furthest(x: Tensor) -> float:
    """Return the largest absolute value among the rows of all processes."""
    found = float(x.abs().max())
    return largest(found)[0] if _split else found


def average(value: Tensor, parameters: Iterable[Tensor]) -> None:
    """Replace a value, and the gradients of parameters of its type, by their means over processes."""
    if not _split:
        return
    held = [value, *(p.grad for p in parameters if p.grad is not None)]
    flat = torch.cat([x.reshape(-1) for x in held])
    _together(lambda: group.all_reduce(flat))
    for x, found in zip(held, (flat / count()).split([x.numel() for x in held]), strict=True):
        x.copy_(found.view_as(x))


def _together(act: Callable[[], object]) -> None:
    try:
        act()
    except RuntimeError as error:
        raise WorkerLostError(
            "another process of this run has ended; `--resume` goes on from its last checkpoint"
        ) from error
