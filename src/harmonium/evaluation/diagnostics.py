"""Cheap figures to watch while a machine learns; none of them is a likelihood."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from ..arguments import Natural, checked
from ..machines import DBN, Machine
from ..sampling import gibbs_sample
from ..units import Rows
from .estimate import log_evidence


@checked
@torch.no_grad()
def free_energy_gap(machine: Machine | DBN, train: Tensor, held_out: Tensor) -> float:
    """Return mean free_energy(held-out rows) − mean free_energy(training rows), in nats; of bounds where there are.

    Both are (rows, visible).  log Z cancels, so a gap that grows tells of over-fitting at no cost (Hinton, 2012, §6).
    """
    fixed = [Generator(train.device).manual_seed(0) for _ in range(2)]
    ours, theirs = (log_evidence(machine, v, generator=g) for v, g in zip((train, held_out), fixed, strict=True))
    return float(ours.mean() - theirs.mean())


@checked
@torch.no_grad()
def reconstruction_error(machine: Machine | DBN, v: Rows) -> float:
    """Return the mean squared difference per unit between rows ``v``, (rows, visible), and their pass up and down.

    Use it, but do not trust it (Hinton, 2012, §5): it falls as mixing dies.
    """
    v = machine.as_rows(v)
    fixed = Generator(v.device).manual_seed(0)
    return float((machine.reconstruct(machine.infer(v, generator=fixed))[..., : v.shape[-1]] - v).square().mean())


@checked
@torch.no_grad()
def free_energy_drift(machine: Machine, chains: Tensor, gibbs_steps: Natural = 100) -> float:
    """Return by how many standard errors the mean free energy of ``chains``, (chains, width), moves on.

    They take ``gibbs_steps`` more Gibbs steps; beyond 4 either way they lag the machine.  It is blind to modes that
    they do not reach.
    """
    later = gibbs_sample(machine, chains, gibbs_steps, generator=Generator(chains.device).manual_seed(0))
    moved = (machine.free_energy(later) - machine.free_energy(chains)).double()
    spread = float(moved.std()) if len(moved) > 1 else 0.0
    return float(moved.mean()) / spread * len(moved) ** 0.5 if spread else 0.0


@checked
@torch.no_grad()
def static_weight_fraction(before: Sequence[Tensor], after: Sequence[Tensor], limit: float = 0.001) -> float:
    """Return the share of weights that moved by less than ``limit`` between two moments: lists of weights (below,
    above).
    """
    still = sum(int(((a - b).abs() < limit).sum()) for a, b in zip(before, after, strict=True))
    return still / sum(a.numel() for a in before)


@checked
@torch.no_grad()
def weight_norm(weights: Sequence[Tensor]) -> float:
    """Return the root of the sum of all squares in some weights, each (below, above)."""
    return float(sum(weight.square().sum() for weight in weights)) ** 0.5


@torch.no_grad()
def mean_activation(machine: Machine | DBN, v: Tensor) -> Tensor:
    """Return the mean activity of each hidden unit over rows ``v``, (rows, visible), all hidden layers side by side."""
    return torch.cat([v.new_zeros(0), *(means.mean(0) for means in machine.hidden_means(v))])
