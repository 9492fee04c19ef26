"""Exact draws where the states are few enough to list."""

import torch
from torch import Generator, Tensor

from .. import numerics
from ..machines import Bipartite, Machine
from ..units import Concat

FEW = 2**10  # states that chains need not find: they begin at exact draws


def few(machine: Machine) -> bool:
    """Say whether the states of the smaller row, or of all units, are so few that listing them costs nothing."""
    rows = [machine.even, machine.odd] if isinstance(machine, Bipartite) else [Concat(machine.visible, *machine.latent)]
    return min(row.count for row in rows) <= FEW


@torch.no_grad()
def exact_sample(machine: Machine, count: int, *, generator: Generator | None = None) -> Tensor:
    """Return exact draws, (count, width), by listing the states of the smaller row, or of all units."""
    if isinstance(machine, Bipartite) and machine.odd.count < machine.even.count:
        y = machine.odd.states()
        odds = torch.softmax(machine.even.cgf(machine.down(y)) - machine.odd.energy(y), 0)
        y = y[numerics.categorical(odds, count, generator=generator)]
        return machine.even.sample(machine.down(y), generator=generator)
    x = Concat(machine.visible, *machine.latent).states()
    odds = torch.softmax(-machine.free_energy(x), 0)
    return x[numerics.categorical(odds, count, generator=generator)]
