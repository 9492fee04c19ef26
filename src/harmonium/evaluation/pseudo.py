"""Pseudo-likelihood: each unit's probability given all others (Besag, 1975)."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..arguments import checked
from ..errors import InputError
from ..machines import Bipartite, Machine
from ..units import Rows


@checked
@torch.no_grad()
def pseudo_likelihood(machine: Machine, v: Rows) -> float:
    """Return the mean over rows ``v``, (rows, visible), of Σᵢ log p(vᵢ | the others), in nats a row (Besag, 1975).

    Cheap and blind to the mass of far modes: it compares a row with its neighbors alone.

    Raises:
        InputError: for machines with continuous visible units or with latent rows.

    Example:
        >>> import harmonium as hm
        >>> round(hm.evaluation.pseudo_likelihood(hm.RBM(9, 4).independent(), hm.data.bars_and_stripes(3)), 4)
        -6.2383
    """
    sites = _sites(machine)
    given_the_rest = _conditional(machine, v)
    return sum(float(given_the_rest(*site).mean()) for site in sites)  # small kept tensors split the heap


def _sites(machine: Machine) -> list[tuple[slice, Tensor]]:
    """Return, for every site of the visible row, its columns and the values that it can take."""
    if machine.latent:
        raise InputError(
            f"pseudo-likelihood needs the density of a visible row, and a {type(machine).__name__} with latent rows "
            "has only a bound on it: use log_likelihood"
        )
    sites, first = [], 0
    for leaf in machine.visible.components():
        values = leaf.values()
        if values is None:
            raise InputError(
                f"pseudo-likelihood needs visible units of finite kinds, and {type(leaf).__name__} is continuous: "
                "use the free-energy gap or a likelihood"
            )
        size = values.shape[1]
        sites += [(slice(at, at + size), values) for at in range(first, first + leaf.width, size)]
        first += leaf.width
    return sites


def _conditional(machine: Machine, v: Rows) -> Callable[[slice, Tensor], Tensor]:
    """Return what gives log p(one site | the rest) of each row of ``v``."""
    v = machine.as_rows(v, whole=True)
    if not isinstance(machine, Bipartite):
        return lambda columns, values: _from_free_energies(machine, v, columns, values)
    fields, rows = machine.up(v), machine.up(torch.eye(machine.width).to(v))  # the maps are linear
    return lambda columns, values: _from_fields(machine, v, fields, columns, values, rows)


def _from_free_energies(machine: Machine, v: Tensor, columns: slice, values: Tensor) -> Tensor:
    """Return log p(one site | the rest) for each row, from the free energy of every value of the site."""
    scores = [-machine.free_energy(_changed(v, columns, value)) for value in values]
    return -machine.free_energy(v) - torch.logsumexp(torch.stack(scores), 0)


def _from_fields(machine: Bipartite, v: Tensor, fields: Tensor, columns: slice, values: Tensor, rows: Tensor) -> Tensor:
    """Return log p(one site | the rest) for each row, by moving the fields instead of summing them anew."""
    scores = []
    for value in values:
        moved = torch.addmm(fields, value - v[:, columns], rows[columns])
        scores.append(machine.odd.cgf(moved) - machine.even.energy(_changed(v, columns, value)))
    now = machine.odd.cgf(fields) - machine.even.energy(v)
    return now - torch.logsumexp(torch.stack(scores), 0)


def _changed(v: Tensor, columns: slice, value: Tensor) -> Tensor:
    other = v.clone()
    other[:, columns] = value
    return other
