"""Every chain of Gibbs steps: running on, drawing rows with or without a label, filling in, and taking out noise."""

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
from ..units import Rows, as_tensor
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
    moves = _moves(machine, x, clamped, progress(range(gibbs_steps), "sampling"), told, generator)
    rows = visible_rows(model, moves, generator)
    return rows if told is kept else (pair for step, pair in enumerate(rows, 1) if step in (kept or ()))


def _independent(machine: Machine, count: int, *, generator: Generator | None) -> Tensor:
    return machine.sample_independent(count, generator=generator)


@checked
@torch.no_grad()
def impute(
    model: Machine | DBN,
    v: Rows,
    known: Tensor | None = None,
    *,
    chains: Count = 16,
    gibbs_steps: Count = 200,
    progress: Progress = silent,
    generator: Seed = None,
) -> Tensor:
    """Return rows, (rows, visible), with missing values imputed: their posterior mean given the known ones.

    ``chains`` chains a row start from independent units, with what is known clamped, and run ``gibbs_steps`` Gibbs
    steps; the second half of these is averaged, each by its conditional mean.

    Args:
        v: the rows, (rows, visible).
        known: boolean, broadcast against ``v``: which values are given; where it is left out, NaN are missing.

    Example:
        >>> import harmonium as hm, torch
        >>> v = torch.tensor([[1.0, float("nan"), 0.0, 1.0]])
        >>> bool(hm.impute(hm.RBM(4, 3), v, gibbs_steps=10).isnan().any())
        False
    """
    v, known = _with_holes(model, v, known)
    return _posterior_mean(model, v, known, None, chains, gibbs_steps, progress, generator)


@checked
@torch.no_grad()
def complete(
    model: Machine | DBN,
    v: Rows,
    known: Tensor | None = None,
    *,
    draws: Count = 5,
    gibbs_steps: Count = 200,
    progress: Progress = silent,
    generator: Seed = None,
) -> Tensor:
    """Return rows, (draws, rows, visible), whose missing values are drawn given the known ones: multiple imputation.

    Each draw ends a chain of its own, in which what is known is clamped: how far draws lie apart says how sure the
    model is (Rubin, 1987).  Arguments are those of `impute`.

    Example:
        >>> import harmonium as hm, torch
        >>> v = torch.tensor([[1.0, float("nan"), 0.0, 1.0]])
        >>> hm.sampling.complete(hm.RBM(4, 3), v, draws=3, gibbs_steps=10, generator=0)[:, 0, 0].tolist()
        [1.0, 1.0, 1.0]
    """
    v, known = _with_holes(model, v, known)
    settings: Any = {"chains": draws, "gibbs_steps": gibbs_steps, "progress": progress, "generator": generator}
    *_, (x, _) = posterior(model, v, known, **settings)
    return x


def _with_holes(model: Machine | DBN, v: Rows, known: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return rows as a tensor, any values where some are missing, and which are known."""
    v = v if isinstance(v, Tensor) else as_tensor(v, "v", model.weights[0])
    if _fits(model, v):
        known = ~v.isnan() if known is None else known
        v = torch.where(known, v, model.sample_independent(1, generator=0)[0, : v.shape[-1]].to(v))
    v = model.as_rows(v)
    assert known is not None
    return v, known.expand(v.shape)


@checked
@torch.no_grad()
def denoise(
    model: Machine | DBN,
    v: Rows,
    probability: float,
    low: float = 0.0,
    *,
    chains: Count = 16,
    gibbs_steps: Count = 200,
    progress: Progress = silent,
    generator: Seed = None,
) -> Tensor:
    """Return the posterior mean of rows whose bits, ``low`` or 1, were seen through flips of the given probability.

    What was seen is an external field on the visible units, the log-odds ±log((1 − p)/p): see `flip_field`; ``chains``
    and ``gibbs_steps`` are as in `impute`.

    Args:
        v: the rows as they were seen, (rows, visible).
        probability: that of a flip, between 0 and 0.5.
        low: the lower value of a bit, 0 or −1.

    Example:
        >>> import harmonium as hm, torch
        >>> hm.denoise(hm.RBM(4, 3), torch.tensor([[1.0, 1.0, 0.0, 1.0]]), 0.1, gibbs_steps=10).shape
        torch.Size([1, 4])
    """
    v = model.as_rows(v)
    field, free = flip_field(v, probability, low), torch.zeros_like(v, dtype=torch.bool)
    return _posterior_mean(model, v, free, field, chains, gibbs_steps, progress, generator)


@checked
def flip_field(v: Tensor, probability: float, low: float = 0.0) -> Tensor:
    """Return the field that says: these bits, ``low`` or 1, were seen through flips of the given probability."""
    odds = torch.logit(torch.tensor(1 - probability, dtype=v.dtype, device=v.device))
    sign = torch.where(v > (1 + low) / 2, 1.0, -1.0).to(v.dtype)
    return sign * odds / (1 - low)


@torch.no_grad()
def posterior(
    model: Machine | DBN,
    v: Tensor,
    known: Tensor,
    field: Tensor | None = None,
    *,
    chains: int = 16,
    gibbs_steps: int = 200,
    progress: Progress = silent,
    generator: Seed = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield draws of what is not known of rows, and the means that they were drawn from, (chains, rows, visible) each.

    Chains start from independent units, with what is ``known`` of ``v``, (rows, visible), clamped; the second half of
    their Gibbs steps is given.
    """
    generator = stream(generator, v.device)
    beyond, width = (0, model.width - v.shape[-1]), v.shape[-1]
    start = model.sample_independent(chains * len(v), generator=generator).view(chains, len(v), -1)
    clamped = pad(known, beyond)
    x, burn = torch.where(clamped, pad(v, beyond), start), gibbs_steps // 2
    for step in progress(range(gibbs_steps), "recovering"):
        x, mean = model.gibbs_with_means(x, clamped, field, generator=generator)
        if step >= burn:
            yield x[..., :width], mean[..., :width]


def _posterior_mean(
    model: Machine | DBN,
    v: Tensor,
    known: Tensor,
    field: Tensor | None,
    chains: int,
    gibbs_steps: int,
    progress: Progress,
    generator: Seed,
) -> Tensor:
    settings: Any = {"chains": chains, "gibbs_steps": gibbs_steps, "progress": progress, "generator": generator}
    total = torch.zeros_like(v)
    for _, mean in posterior(model, v, known, field, **settings):
        total += mean.mean(0)
    return torch.where(known, v, total / (gibbs_steps - gibbs_steps // 2))


def _fits(model: Machine | DBN, v: Tensor) -> bool:
    """Say whether rows may be the model's but for values that are missing."""
    width = model.width if isinstance(model, DBN) else model.visible.width
    dense = isinstance(v, Tensor) and v.layout == torch.strided and v.device == model.weights[0].device
    return dense and v.ndim > 1 and v.shape[-1] in {width, width - model.labels}


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
