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
    """Return a row of units of two values, or nothing for others."""
    low = LOW.get(type(units))
    return None if low is None or units.bias.ndim != 1 else Bits(units.bias, low)


def pair(rbm: "RBM", x: Tensor) -> Any:
    """Return the `numerics.bits.Pair` of a machine whose products with states, (..., width), are sums of rows, or None.

    The values of the states are not looked at: ask it whether they are sharp.
    """
    kernels = sparse_kernels(x, rbm.weight) if isinstance(rbm.weight, nn.Parameter) else None
    parts = rbm.visible.components()
    row = parts[0] if type(rbm.visible) is Concat and rbm.labels and len(parts) == 2 else rbm.visible  # a label behind
    visible, hidden = (bits(row), bits(rbm.hidden)) if kernels else (None, None)
    if not kernels or visible is None or hidden is None:
        return None
    return kernels.Pair(rbm.weight, visible, hidden)


def field(rbm: "RBM", states: Tensor, way: str) -> Tensor | None:
    """Return the field that sharp states, (..., units), send ``up`` or ``down``, or nothing for others."""
    found = pair(rbm, states)
    sent = getattr(found, way)(states.reshape(-1, states.shape[-1])) if found else None
    return None if sent is None else sent.unflatten(0, states.shape[:-1])


def walk(
    rbm: "RBM", x: Tensor, steps: int, clamped: Tensor | None, *, generator: Generator | None = None
) -> Tensor | None:
    """Return the state after some Gibbs steps, or nothing where products are not sums of rows."""
    found, flat = pair(rbm, x), x.reshape(-1, x.shape[-1])
    if found is None or not found.sharp(flat):
        return None
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
