"""What is missing from rows, or was spoiled, given the rest: chains in which what is known is clamped."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..arguments import Count, checked
from ..machines import DBN, Machine
from ..numerics import Seed, stream
from ..progress import Progress, silent
from ..units import Rows, as_tensor


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
    generator, model = stream(generator, v.device), model if isinstance(model, DBN) else model.rounded()
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
