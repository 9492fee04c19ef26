"""Filling in what is missing, and taking out noise: the posterior mean by held Gibbs steps."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..machines import DBN, Machine
from ..numerics import Seed, stream

Progress = Callable[[range], Iterable[int]]


@torch.no_grad()
def recover(
    machine: Machine | DBN,
    v: Tensor,
    clamped: Tensor | None = None,
    external_field: Tensor | None = None,
    *,
    chains: int = 16,
    gibbs_steps: int = 200,
    progress: Progress = iter,
    generator: Seed = None,
) -> Tensor:
    """Return the posterior mean of rows ``v``, (rows, width), given the units in ``clamped`` and a noisy view of the rest.

    ``chains`` chains a row start from the units' biases where nothing is held and run ``gibbs_steps`` Gibbs steps; the second
    half of these is averaged, each Gibbs step by its conditional mean.  ``external_field`` is an extra field on the visible
    units: where a bit was seen flipped with probability p, the log-odds ±log((1 − p)/p) of what was seen.
    """
    generator = stream(generator, machine.weights[0].device)
    rest = (0, machine.width - machine.check_rows(v).shape[-1])
    start = machine.sample_independent(chains * len(v), generator=generator).view(chains, len(v), -1)
    still = pad(torch.zeros_like(v, dtype=torch.bool) if clamped is None else clamped.expand(v.shape), rest)
    x = torch.where(still, pad(v, rest), start)
    total = torch.zeros_like(v)
    burn = gibbs_steps // 2
    for step in progress(range(gibbs_steps)):
        x, mean = machine.gibbs_with_means(x, still, external_field, generator=generator)
        if step >= burn:
            total += mean[..., : v.shape[-1]].mean(0)
    return torch.where(still[..., : v.shape[-1]], v, total / (gibbs_steps - burn))


def flip_field(v: Tensor, probability: float, low: float = 0.0) -> Tensor:
    """Return the field that says: these bits, ``low`` or 1, were seen through flips of the given probability."""
    odds = torch.logit(torch.tensor(1 - probability, dtype=v.dtype, device=v.device))
    sign = torch.where(v > (1 + low) / 2, 1.0, -1.0).to(v.dtype)
    return sign * odds / (1 - low)
