"""What an RBM of bits does by adding up rows of its weights, where `numerics.sparse_kernels` says so."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor, nn

from ..numerics import Bits, keys, sparse_kernels
from ..units import Bernoulli, Concat, Spin, Units

if TYPE_CHECKING:
    from .rbm import RBM

LOW: dict[type[Units], float] = {Bernoulli: 0.0, Spin: -1.0}


def bits(units: Units) -> Bits | None:
    """Return a row of units of two values, which may have a label behind them, or nothing for others."""
    if type(units) is Concat and units.labels and len(units.components()) == 2:
        units = units.components()[0]
    low = LOW.get(type(units))
    return None if low is None or units.bias.ndim != 1 else Bits(units.bias, low)


def pair(rbm: "RBM", *states: Tensor) -> Any:
    """Return the `numerics.bits.Pair` of a machine where products with states, (..., width), are sums of rows."""
    kernels = sparse_kernels(states[0], rbm.weight) if isinstance(rbm.weight, nn.Parameter) else None
    visible, hidden = (bits(rbm.visible), bits(rbm.hidden)) if kernels else (None, None)
    if not kernels or visible is None or hidden is None:
        return None
    made = kernels.Pair(rbm.weight, visible, hidden)
    return made if all(made.sharp(x.reshape(-1, x.shape[-1])) for x in states) else None


def walk(
    rbm: "RBM", x: Tensor, steps: int, clamped: Tensor | None, *, generator: Generator | None = None
) -> Tensor | None:
    """Return the state after some Gibbs steps, or nothing where products are not sums of rows."""
    found = pair(rbm, x)
    if found is None:
        return None
    flat = x.reshape(-1, x.shape[-1])
    if clamped is None:
        return moved(rbm, found, flat, steps, generator=generator).view_as(x)
    for _ in range(steps):
        flat = moved(rbm, found, flat, 1, generator=generator)
        flat = torch.where(clamped, x, flat.view_as(x)).reshape(flat.shape)
    return flat.view_as(x)


def moved(rbm: "RBM", rows: Any, x: Tensor, steps: int, *, generator: Generator | None) -> Tensor:
    """Return sharp states, (rows, width), after some Gibbs steps of a machine of which ``rows`` is the `pair`."""
    labels = rbm.labels
    if not labels:
        return rows.gibbs(x, keys(2 * steps, len(x), x.device, generator))  # type: ignore[no-any-return]
    for _ in range(steps):
        x = rows.gibbs(x, keys(2, len(x), x.device, generator))
        x[:, -labels:] = rbm.visible.components()[-1].sample(x[:, -labels:], generator=generator)
    return x
