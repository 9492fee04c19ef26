"""Running chains."""

import torch
from torch import Tensor

from ..machines import Machine
from ..numerics import Seed, stream


@torch.no_grad()
def gibbs_sample(
    machine: Machine,
    x: Tensor,
    gibbs_steps: int,
    clamped: Tensor | None = None,
    *,
    generator: Seed = None,
) -> Tensor:
    """Return the states of chains started at ``x``, (..., width), after ``gibbs_steps`` Gibbs steps.

    Units where the boolean mask ``clamped`` is true keep their value: recovery of a picture, imputation of missing
    values and drawing a digit of a given label are all Gibbs steps with some units held.
    """
    generator = stream(generator, x.device)
    machine = machine.rounded()
    for _ in range(gibbs_steps):
        x = machine.gibbs(x, clamped, generator=generator)
    return x
