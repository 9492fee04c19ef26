"""Rows become float tensors here, and nowhere else: uint8 stays uint8 until the batch that needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from harmonium.data.weights import shares_of
from harmonium.errors import InputError, suggest

if TYPE_CHECKING:
    import torch

    from harmonium.data.dataset import Dataset

WAYS = ("none", "threshold", "sample")


def to_float(
    rows: np.ndarray | torch.Tensor, levels: int, binarize: str, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Return rows (..., width) as float32 between 0 and 1, or as they are where ``levels`` is 0.

    ``"none"``: rows / levels. ``"threshold"``: 1 where rows > levels / 2. ``"sample"``: 1 with probability
    rows / levels, drawn afresh on each call from ``generator``. Rows without levels can only be left as they
    are: any other way raises ``InputError``.
    """
    import torch

    _refuse(levels, binarize)
    x = rows if isinstance(rows, torch.Tensor) else _as_tensor(rows)
    if binarize == "threshold":
        return (x > levels / 2).to(torch.float32)
    if binarize == "sample":
        from harmonium.numerics import uniforms

        return (uniforms(x.shape, generator=generator).to(x.device) * levels < x).to(torch.float32)
    return x.to(torch.float32) / max(levels, 1)


def batches(
    dataset: Dataset | torch.Tensor,
    size: int,
    *,
    binarize: str = "none",
    labels: int = 0,
    generator: torch.Generator | int | None = None,
    device: torch.device | str | None = None,
) -> Iterator[torch.Tensor]:
    """Return an endless stream of shuffled batches, each of shape (size, width).

    With ``labels`` classes the label of each row of a ``Dataset`` stands behind it, one-hot: (size, width + labels).

    Every epoch draws a new `one_pass` from ``generator``, or from a new one of that seed, and gives
    ``steps_per_epoch`` batches; the rows left over differ from epoch to epoch. A size beyond the data gives all rows
    each time. A ``Dataset`` gives float32, see ``to_float``; a floating-point tensor (N, width) gives its own type and
    takes no ``binarize``.
    """
    import torch

    from harmonium.numerics import stream

    generator = stream(generator)
    if isinstance(dataset, torch.Tensor):
        _refuse(0, binarize)
        rows = _table(dataset, device)
        return (rows.index_select(0, order.to(rows.device)) for order in shuffled(len(rows), size, generator))
    return (x for _, x in numbered_batches(dataset, size, binarize, labels, generator, device))


def numbered_batches(
    dataset: Dataset,
    size: int,
    binarize: str = "none",
    labels: int = 0,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Return the stream of `batches` of a data set, each with the numbers of its rows, (size,), before it."""
    _refuse(dataset.levels, binarize)
    marks, fetch = one_hot(dataset, labels).to(device or "cpu"), _fetcher(dataset, device)
    return (
        (order, _batch(fetch(order), _marks(marks, order, labels), dataset.levels, binarize, generator))
        for order in shuffled(len(dataset), size, generator, dataset.weights)
    )


def _table(rows: torch.Tensor, device: torch.device | str | None) -> torch.Tensor:
    if rows.ndim != 2 or len(rows) == 0 or not rows.is_floating_point():
        raise InputError(
            f"a {rows.dtype} tensor of shape {tuple(rows.shape)} was given where floats of shape (rows, "
            "width) were expected: convert it with .float() and flatten each row"
        )
    return rows if device is None else rows.to(device)


def _fetcher(dataset: Dataset, device: torch.device | str | None) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what takes numbers of rows to the rows as they are stored; only other devices hold a copy of all."""
    import torch

    if len(dataset) == 0:
        raise InputError(f"{dataset.source} has no rows in its {dataset.split} split: give at least one")
    place = torch.device("cpu" if device is None else device)
    if place.type == "cpu":
        return lambda order: torch.from_numpy(dataset.gather(order.cpu().numpy()))
    held = _as_tensor(dataset.rows).to(place)
    return lambda order: held.index_select(0, order.to(place))


def one_hot(dataset: Dataset, labels: int) -> torch.Tensor:
    """Return the labels of a data set as float32 marks, (rows, labels); without ``labels`` of no width.

    Raises ``InputError`` where the rows have none, or one is out of range.
    """
    import torch

    if not labels:
        return torch.zeros(len(dataset), 0)
    if dataset.labels is None:
        raise InputError(f"{dataset.source} holds no labels: give data that have them, or leave --labels out")
    given = torch.from_numpy(dataset.labels)
    if int(given.min()) < 0 or int(given.max()) >= labels:
        raise InputError(
            f"{dataset.source} holds labels {int(given.min())} to {int(given.max())} where 0 to {labels - 1} was "
            "expected: number the classes from 0, the same in every split"
        )
    return torch.nn.functional.one_hot(given, labels).float()


def steps_per_epoch(count: int, size: int) -> int:
    """Return how many batches of ``size`` an epoch over ``count`` rows has: count // size, at least 1."""
    return max(1, count // size)


def shuffled(
    count: int, size: int, generator: torch.Generator | None, weights: np.ndarray | None = None
) -> Iterator[torch.Tensor]:
    """Return an endless stream of the numbers of the rows of every batch, (size,), `one_pass` an epoch."""
    if size < 1:
        raise InputError(f"batch size {size} was given where at least 1 was expected: pass a positive size")
    return _passes(count, size, generator, weights)


def one_pass(
    count: int, weights: np.ndarray | None = None, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Return the numbers of the rows of one pass, (count,), in random order: each once, or by its share of weight."""
    from harmonium.numerics import permutation, uniforms

    order = permutation(count, generator=generator)
    if weights is None:
        return order
    drawn = shares_of(weights, float(uniforms((1,), generator=generator)))
    return _as_tensor(drawn).to(order.device)[order]


def _passes(
    count: int, size: int, generator: torch.Generator | None, weights: np.ndarray | None
) -> Iterator[torch.Tensor]:
    while True:
        order = one_pass(count, weights, generator=generator)
        for step in range(steps_per_epoch(count, size)):
            yield order[step * size : (step + 1) * size]


def _marks(marks: torch.Tensor, order: torch.Tensor, labels: int) -> torch.Tensor:
    return marks.index_select(0, order.to(marks.device)) if labels else marks


def _batch(
    rows: torch.Tensor,
    marks: torch.Tensor,
    levels: int,
    binarize: str,
    generator: torch.Generator | None,
) -> torch.Tensor:
    import torch

    x = to_float(rows, levels, binarize, generator=generator)
    return torch.cat([x, marks], -1) if marks.shape[1] else x


def _refuse(levels: int, binarize: str) -> None:
    if binarize not in WAYS:
        raise InputError(
            f"binarize {binarize!r} was given where {', '.join(WAYS)} was expected" + suggest(binarize, WAYS)
        )
    if levels == 0 and binarize != "none":
        raise InputError(
            f"binarize {binarize!r} was given for real values, which have no level that means fully on: pass "
            "'none', or load the data with levels"
        )


def _as_tensor(rows: np.ndarray) -> torch.Tensor:
    import torch

    # torch warns about arrays that it could write to although numpy may not
    return torch.from_numpy(np.ascontiguousarray(rows) if rows.flags.writeable else rows.copy())
