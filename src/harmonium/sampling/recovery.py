"""Filling in what is missing, and taking out noise: the posterior mean by held sweeps."""

from collections.abc import Callable, Iterable

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from ..machines import DBN, Machine

Watch = Callable[[range], Iterable[int]]


@torch.no_grad()
def recover(
    machine: Machine | DBN,
    v: Tensor,
    held: Tensor | None = None,
    channel: Tensor | None = None,
    *,
    chains: int = 16,
    sweeps: int = 200,
    watch: Watch = iter,
    generator: Generator | None = None,
) -> Tensor:
    """Return the posterior mean of rows ``v``, (rows, width), given the units in ``held`` and a noisy view of the rest.

    ``chains`` chains a row start from the units' biases where nothing is held and run ``sweeps`` sweeps; the second
    half of these is averaged, each sweep by its conditional mean.  ``channel`` is an extra field on the visible
    units: where a bit was seen flipped with probability p, the log-odds ±log((1 − p)/p) of what was seen.
    """
    rest = (0, machine.width - machine.admit(v).shape[-1])
    start = machine.fields_sample(chains * len(v), generator=generator).view(chains, len(v), -1)
    still = pad(torch.zeros_like(v, dtype=torch.bool) if held is None else held.expand(v.shape), rest)
    x = torch.where(still, pad(v, rest), start)
    total = torch.zeros_like(v)
    burn = sweeps // 2
    for sweep in watch(range(sweeps)):
        x, mean = machine.sweep(x, still, channel, generator=generator)
        if sweep >= burn:
            total += mean[..., : v.shape[-1]].mean(0)
    return torch.where(still[..., : v.shape[-1]], v, total / (sweeps - burn))


def flip_channel(v: Tensor, probability: float, low: float = 0.0) -> Tensor:
    """Return the field that says: these bits, ``low`` or 1, were seen through flips of the given probability."""
    odds = torch.logit(torch.tensor(1 - probability, dtype=v.dtype, device=v.device))
    sign = torch.where(v > (1 + low) / 2, 1.0, -1.0).to(v.dtype)
    return sign * odds / (1 - low)
