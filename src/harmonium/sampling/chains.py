"""Running chains."""

import torch
from torch import Generator, Tensor

from ..machines import Machine


@torch.no_grad()
def run(
    machine: Machine,
    x: Tensor,
    sweeps: int,
    held: Tensor | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return the states of chains started at ``x``, (..., width), after ``sweeps`` Gibbs sweeps.

    Units where the boolean mask ``held`` is true keep their value: recovery of a picture, imputation of missing
    values and drawing a digit of a given label are all sweeps with some units held.
    """
    machine = machine.rounded()
    for _ in range(sweeps):
        x = machine.gibbs(x, held, generator=generator)
    return x
