"""Machines whose density has no normalizer: continuous units that couple too strongly."""

import torch
from torch import Generator, Tensor

from ..errors import InputError
from ..numerics import normal
from ..units import Concat, ReLU
from .base import Machine
from .bipartite import Bipartite

STARTS, STEPS = 64, 200  # of the search for a direction in which the energy falls without end


@torch.no_grad()
def check_normalizable(machine: Machine) -> None:
    """Raise `InputError` for a machine whose parameters are not finite, or whose density has no normalizer.

    The energy of the continuous units is ½xᵀPx − ½xᵀJx with the diagonal precisions P.  With S = P^−½ J P^−½, xᵀSx
    must stay below xᵀx: for `Gaussian` units the largest eigenvalue of S, the largest singular value of the scaled
    weights between two rows, must be below 1; where `ReLU` units are among them, only directions in which these are 0
    or more count.
    """
    for name, parameter in machine.named_parameters():
        if not bool(parameter.isfinite().all()):
            raise InputError(f"the parameter {name} of the {_make(machine)} is not finite: train it again")
    found = steepest(machine)
    if found >= 1:
        raise InputError(
            f"the {_make(machine)} has no normalizer: the largest singular value of the couplings between its "
            f"continuous units, in units of their deviations, is {found:.3g} where less than 1 was expected: "
            "train it with a smaller learning rate or with a weight decay"
        )


@torch.no_grad()
def steepest(machine: Machine) -> float:
    """Return the largest xᵀSx of unit vectors x over the continuous units, those of ReLU units at 0 or more."""
    rows = Concat(*machine.rows)
    parts = rows.components()
    precision = rows.curvature().double()
    curved = precision > 0
    if isinstance(machine, Bipartite) and not (curved[: machine.width].any() and curved[machine.width :].any()):
        return 0.0
    if not curved.any():
        return 0.0
    cut = torch.cat([torch.full((part.width,), isinstance(part, ReLU)) for part in parts]).to(curved.device)[curved]
    scale = precision[curved] ** -0.5
    scaled = scale[:, None] * coupling_matrix(machine)[curved][:, curved].double() * scale
    values, vectors = torch.linalg.eigh(scaled)
    return _within(scaled, cut, values, vectors) if cut.any() else float(values[-1])


def coupling_matrix(machine: Machine) -> Tensor:
    """Return the symmetric couplings between all units of the ``rows``, (units, units)."""
    if not isinstance(machine, Bipartite):
        return machine.fields(torch.eye(machine.width).to(machine.rows[0].bias))[0]
    weight = machine.up(torch.eye(machine.width).to(machine.even.bias))
    here, there = weight.new_zeros(len(weight), len(weight)), weight.new_zeros(weight.shape[1], weight.shape[1])
    return torch.cat([torch.cat([here, weight], 1), torch.cat([weight.mT, there], 1)])


def _within(scaled: Tensor, cut: Tensor, values: Tensor, vectors: Tensor) -> float:
    """Return the largest quadratic form that was found by rising in the cone: what is found is there."""
    n = len(scaled)
    lifted = scaled - float(values[0]) * torch.eye(n).to(scaled)  # convex, so that every step rises
    drawn = normal(scaled.new_empty(STARTS, n), generator=Generator(scaled.device).manual_seed(0))
    x = torch.cat([vectors.mT[-8:], -vectors.mT[-8:], drawn])
    for _ in range(STEPS):
        x = torch.where(cut & (x < 0), torch.zeros_like(x), x)
        x = x / x.norm(dim=1, keepdim=True).clamp_min(1e-300)
        form = ((x @ scaled) * x).sum(1)
        x = x @ lifted
    return float(form.max())


def _make(machine: Machine) -> str:
    kinds = " and ".join("-".join(type(leaf).__name__ for leaf in row.components()) for row in machine.rows)
    return f"{type(machine).__name__} of {kinds} units"
