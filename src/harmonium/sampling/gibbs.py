"""Chains of Gibbs steps: running on, and drawing rows with or without a label."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot, pad

from ..arguments import Count, Natural, checked
from ..errors import InputError
from ..machines import DBN, Machine
from ..numerics import Seed, stream
from ..progress import Progress, silent
from ..units import Rows
from .exact import exact_sample, few


@checked
@torch.no_grad()
def gibbs_sample(
    machine: Machine,
    x: Rows,
    gibbs_steps: Natural,
    clamped: Tensor | None = None,
    *,
    generator: Seed = None,
) -> Tensor:
    """Return the states of chains, (..., width), after some Gibbs steps.

    Args:
        machine: the machine whose distribution the steps leave alone.
        x: where the chains start, (..., width), visible units first.
        gibbs_steps: how many steps each takes.
        clamped: boolean, broadcast against ``x``: units that keep their value where it is true.
        generator: a `torch.Generator` or a seed.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(6, 4)
        >>> hm.gibbs_sample(rbm, rbm.sample_independent(5), 10, generator=0).shape
        torch.Size([5, 6])
    """
    x = x if isinstance(x, Tensor) else machine.as_states(x)
    return machine.gibbs_steps(x, gibbs_steps, clamped, generator=stream(generator, x.device))


@checked
def sample(
    model: Machine | DBN,
    count: Count,
    gibbs_steps: Count = 1000,
    *,
    label: int | Tensor | None = None,
    means: bool = False,
    progress: Progress = silent,
    generator: Seed = None,
) -> Tensor:
    """Return ``count`` visible rows, (count, columns without labels), by Gibbs sampling from independent units.

    With a ``label``, a class number or one for each row, it stays clamped.  ``means`` returns the means of the last
    draw.  In a `DBN` the chain runs in the top RBM and a pass down follows.

    Raises `InputError` for a label that the model has not.

    Example:
        >>> import harmonium as hm
        >>> hm.sample(hm.RBM(4, 3), 5, 10).shape
        torch.Size([5, 4])
    """
    how: dict[str, Any] = {"label": label, "progress": progress, "generator": generator}
    *_, (x, mean) = sample_chain(model, count, gibbs_steps, kept=(gibbs_steps,), **how)
    return mean if means else x


@checked
def sample_chain(
    model: Machine | DBN,
    count: Count,
    gibbs_steps: Count = 1000,
    *,
    label: int | Tensor | None = None,
    kept: Collection[int] | None = None,
    progress: Progress = silent,
    generator: Seed = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield after each Gibbs step the rows that `sample` would return, drawn and as means, labels left out.

    With ``kept`` that is after those steps alone, counted from 1: steps between make no means.

    Chains start from independent units, or where the states are few enough to list (2¹⁰) from exact draws.
    In a `DBN` a pass down ends each step (Hinton, Osindero & Teh, 2006, §7).
    """
    machine = model.top if isinstance(model, DBN) else model
    generator = stream(generator, machine.weights[0].device)
    if label is None:
        x, clamped = (exact_sample if few(machine) else _independent)(machine, count, generator=generator), None
    else:
        x, clamped = _labeled(machine, torch.as_tensor(label), count, generator)
    told = kept if machine is model else None  # a network draws from its top at every step
    moves = _moves(machine.rounded(), x, clamped, progress(range(gibbs_steps), "sampling"), told, generator)
    rows = visible_rows(model, moves, generator)
    return rows if told is kept else (pair for step, pair in enumerate(rows, 1) if step in (kept or ()))


def _independent(machine: Machine, count: int, *, generator: Generator | None) -> Tensor:
    return machine.sample_independent(count, generator=generator)


def _labeled(machine: Machine, label: Tensor, count: int, generator: Generator | None) -> tuple[Tensor, Tensor]:
    """Return states of independent units but for their labels, and the mask that clamps these."""
    labels, first = machine.labels, machine.visible.width - machine.labels
    if not labels:
        raise InputError("the machine has no label units to clamp: train it with labels, or draw without a label")
    if (
        label.is_floating_point()
        or label.shape not in {(), (count,)}
        or not bool(((label >= 0) & (label < labels)).all())
    ):
        raise InputError(
            f"the label is {label.tolist()} where a class number from 0 to {labels - 1}, or one for each of {count} "
            "rows, was expected: number the classes"
        )
    mark = one_hot(label.long().expand(count), labels).to(machine.weights[0])
    clamped = torch.zeros(machine.width, dtype=torch.bool, device=mark.device)
    clamped[first : first + labels] = True
    x = machine.sample_independent(count, generator=generator)
    return torch.where(clamped, pad(mark, (first, machine.width - first - labels)), x), clamped


def _moves(
    machine: Machine,
    x: Tensor,
    clamped: Tensor | None,
    steps: Iterable[int],
    kept: Collection[int] | None,
    generator: Generator | None,
) -> Iterator[tuple[Tensor, Tensor]]:
    for step, _ in enumerate(steps, 1):
        if kept is None or step in kept:
            x, mean = machine.gibbs_with_means(x, clamped, generator=generator)
            yield x, mean
        else:
            x = machine.gibbs(x, clamped, generator=generator)


@torch.no_grad()
def visible_rows(
    model: Machine | DBN, moves: Iterable[tuple[Tensor, Tensor]], generator: Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the visible rows, labels left out, of states and means of the machine, or of the top of a network."""
    machine = model.top if isinstance(model, DBN) else model
    first = machine.visible.width - machine.labels
    for x, mean in moves:
        if isinstance(model, DBN) and len(model.layers):
            yield model.draw_below(x[..., :first], generator=generator)
        else:
            yield x[..., :first], mean[..., :first]
