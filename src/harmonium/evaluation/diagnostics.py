"""Cheap figures to watch while a machine learns; none of them is a likelihood."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..machines import Bipartite, Machine


@torch.no_grad()
def free_energy_gap(machine: Machine, train: Tensor, held_out: Tensor) -> float:
    """Return mean free_energy(held-out rows) − mean free_energy(training rows), in nats.

    log Z cancels, so a gap that grows tells of over-fitting at no cost (Hinton, 2012, §6).
    """
    return float(machine.free_energy(held_out).mean() - machine.free_energy(train).mean())


@torch.no_grad()
def reconstruction_error(machine: Bipartite, v: Tensor) -> float:
    """Return the mean squared difference per unit between rows ``v`` and their pass up and down.

    Use it, but do not trust it (Hinton, 2012, §5): it falls as mixing dies.
    """
    return float((machine.reconstruct(v) - v).square().mean())


@torch.no_grad()
def stability(before: Sequence[Tensor], after: Sequence[Tensor], limit: float = 0.001) -> float:
    """Return the share of weights that moved by less than ``limit`` between two moments, usually one step apart."""
    still = sum(int(((a - b).abs() < limit).sum()) for a, b in zip(before, after, strict=True))
    return still / sum(a.numel() for a in before)


@torch.no_grad()
def weight_norm(machine: Machine) -> float:
    """Return the root of the sum of all squared couplings."""
    return float(sum(weight.square().sum() for weight in machine.couplings())) ** 0.5


@torch.no_grad()
def usage(machine: Bipartite, v: Tensor) -> Tensor:
    """Return the mean activity of each hidden unit over the rows ``v``."""
    return machine.odd.mean(machine.up(v)).mean(0)
