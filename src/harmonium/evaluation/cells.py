"""The cells of a row: which columns of a state make up each, and the values that one can take."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from ..arguments import brief
from ..errors import InputError
from ..machines import Bipartite, BoltzmannMachine, Machine, sites
from ..units import Gaussian, Units, ZeroInflated

REACH = 9.0  # deviations beyond the farthest mean where an integral ends: 2e-19 of the mass lies there
STEP = 0.8  # deviations between the points of an integral: wrong by 2·exp(−2π²/0.64), 8e-14 of it
MOST = 2**14  # values of one cell
Cells = Sequence[Any] | None


def cells_of(machine: Machine, cells: Cells = None) -> list[Tensor]:
    """Return the columns of every cell, or of every site; raises `InputError` where they are no whole sites."""
    if not isinstance(machine, Bipartite | BoltzmannMachine) or machine.latent:
        raise InputError(
            "the surprise of a cell needs the density of a visible row, and a "
            f"{type(machine).__name__} with latent rows has only a bound on it: use log_likelihood, or train an RBM"
        )
    site = sites(machine.visible)
    places = torch.arange(len(site), device=site.device)
    if cells is None:
        return list(places.split(site.bincount().tolist()))
    if not len(cells):
        raise InputError("an empty list of cells was given where at least one was expected: leave it out for each site")
    found = [_columns(cell, places) for cell in cells]
    for columns in found:
        if not len(columns) or not torch.equal(torch.isin(site, site[columns]).nonzero()[:, 0], columns):
            raise InputError(
                f"a cell is the columns {columns.tolist()} where whole sites were expected: give all of it"
            )
    return found


def _columns(cell: Any, places: Tensor) -> Tensor:
    try:
        return places[cell if isinstance(cell, slice) else torch.as_tensor(cell).reshape(-1).sort().values]
    except (TypeError, ValueError, RuntimeError, IndexError):
        raise InputError(
            f"a cell is {brief(cell)} where a slice or a list of columns from 0 to {len(places) - 1} was expected"
        ) from None


class Listed(NamedTuple):
    """The values of one cell of a machine of two rows, those of finite kinds and the points of an integral alike.

    ``send`` (columns, odd) is what each column sends to the odd row, ``push`` (values, odd) what each value sends,
    ``own`` (values,) minus their energy, ``weight`` (values,) the log of what each stands for in a sum.
    """

    columns: Tensor
    row: Units
    send: Tensor
    push: Tensor
    own: Tensor
    weight: Tensor

    @classmethod
    def of(cls, machine: Bipartite, columns: Tensor) -> Self:
        """List the values of a cell."""
        row = machine.even.select(columns)
        one = row.bias.new_zeros(len(columns), machine.width).scatter_(1, columns[:, None], 1.0)
        send = machine.up(one)  # the maps are linear
        values, weight = _values(row, send, machine.odd)
        return cls(columns, row, send, values @ send, -row.energy(values), weight)

    def sent(self, v: Tensor) -> Tensor:
        """Return the field that the cell sends at rows ``v``, (rows, odd)."""
        return v[:, self.columns] @ self.send

    def scores(self, machine: Bipartite, rest: Tensor) -> Tensor:
        """Return log p̃ of each value beside the ``rest``, the field that other cells send: (rows, odd) → (values,
        rows).
        """
        return torch.stack([machine.odd.cgf(rest + push) for push in self.push]) + (self.own + self.weight)[:, None]


def _values(row: Units, send: Tensor, odd: Units) -> tuple[Tensor, Tensor]:
    """Return the values that a cell takes, (values, columns), and the log of what each stands for in a sum."""
    tables, weights, parts = [], [], row.components()
    for leaf, pieces in zip(parts, send.split([part.width for part in parts]), strict=True):
        if leaf.count < math.inf:
            tables.append(leaf.states().to(send))
            weights.append(send.new_zeros(len(tables[-1])))
        else:
            points = [_points(leaf.select(columns), pieces[columns], odd) for columns in leaf.sites()]
            tables += [table for table, _ in points]
            weights += [weight for _, weight in points]
    sizes = [len(table) for table in tables]
    if math.prod(sizes) > MOST:
        raise InputError(
            f"a cell of {row.width} columns has {math.prod(sizes)} values where {MOST} was expected at most"
        )
    grid = torch.cartesian_prod(*map(torch.arange, sizes)).view(-1, len(sizes)).unbind(-1)
    values = torch.cat([table[place] for table, place in zip(tables, grid, strict=True)], -1)
    return values, torch.stack([weight[place] for weight, place in zip(weights, grid, strict=True)]).sum(0)


def _points(leaf: Units, send: Tensor, odd: Units) -> tuple[Tensor, Tensor]:
    """Return the points of an integral over one Gaussian site, (points, columns), and the log of the step between them.

    Given the odd row the unit is Gaussian, and its mean lies between what the ends of the odd units' values send; of a
    zero-inflated one that holds where it is not zero, which is a point of its own.
    """
    parts = odd.components()
    if not isinstance(leaf, Gaussian | ZeroInflated) or any(part.count == math.inf for part in parts):
        kinds = " under ".join([type(leaf).__name__, ", ".join(dict.fromkeys(type(part).__name__ for part in parts))])
        raise InputError(
            f"a cell is of {kinds} units where Gaussian units under finite kinds were expected: leave it out"
        )
    found = [(part.width, part.select(part.sites()[0]).states()) for part in parts]
    ends = torch.cat([torch.stack([x.min(), x.max()]).expand(width, 2) for width, x in found])
    sent = (send[-1, :, None] * ends).sort(-1).values.sum(0)
    scale = leaf.curvature()[-1] ** -0.5
    first, last = ((leaf.bias[-1] + sent) * scale).tolist()
    z = torch.arange(first - REACH, last + REACH + STEP, STEP, dtype=send.dtype, device=send.device)
    values, weight = z[:, None] * scale, (STEP * scale).log().expand(len(z))
    if isinstance(leaf, Gaussian):
        return values, weight
    on = torch.cat([torch.ones_like(values), values], -1)
    return torch.cat([on, torch.zeros_like(on[:1])]), torch.cat([weight, torch.zeros_like(weight[:1])])
