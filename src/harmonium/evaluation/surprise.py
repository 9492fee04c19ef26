"""How surprising each cell of a row is given the rest of the row, and what cells tell of each other: exact."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import cast

import torch
from torch import Tensor

from ..arguments import checked
from ..errors import InputError
from ..machines import Bipartite, BoltzmannMachine, Machine
from ..units import Concat, Rows, Units
from .cells import Cells, Listed, cells_of

BATCH = 500  # rows at a time, so that their fields stay in the cache


@checked
@torch.no_grad()
def surprise(machine: Machine, v: Rows, cells: Cells = None) -> Tensor:
    """Return the surprise of every cell, −log p(cell | rest of the row), in nats: (rows, visible) → (rows, cells).

    log p(cell | rest) = −F(v) − log Σ exp(−F(v with another value there)), the sum being over all values of the cell.
    Of a Gaussian unit it is the log of a density, and the sum an integral by the trapezoidal rule: the density is a
    mixture of Gaussians of the unit's own deviation, for which the rule converges exponentially (Trefethen & Weideman,
    2014).

    Args:
        machine: an `RBM`, or a `BoltzmannMachine` without hidden units.
        v: whole rows, (rows, visible).
        cells: the columns of a state that make up each cell, slices or lists of whole sites; each site by itself
            unless given.

    Raises:
        InputError: for machines with latent rows, whose rows have only a bound, and for a continuous cell of an RBM
            unless it is Gaussian and the hidden units are of finite kinds.

    Example:
        >>> import harmonium as hm
        >>> rbm, v = hm.RBM(9, 4).independent(), hm.data.bars_and_stripes(3)
        >>> [round(nats, 4) for nats in hm.evaluation.surprise(rbm, v)[0, :3].tolist()]  # log 2: each is a fair coin
        [0.6931, 0.6931, 0.6931]
    """
    v = machine.as_rows(v, whole=True)
    found = cells_of(machine, cells)
    return torch.cat([-torch.stack(list(log_conditionals(machine, part, found)), -1) for part in v.split(BATCH)])


@checked
@torch.no_grad()
def mutual_information(machine: Bipartite, v: Rows, cells: Cells = None) -> Tensor:
    """Return what two cells tell of each other given the rest of a row, in nats: (rows, visible) → (cells, cells).

    I(a; b | rest) = Σ p(a, b | rest) log p(a, b | rest) / (p(a | rest) p(b | rest)), exact for each row, in which all
    but the two cells are clamped, and averaged over rows (Cover & Thomas, 2006, §2.5).  The diagonal holds the
    entropy of each cell given the rest, of continuous cells the differential entropy.

    Args and errors are those of `surprise`; the machine is one of two rows.

    Example:
        >>> import harmonium as hm
        >>> rbm, v = hm.RBM(9, 4).independent(), hm.data.bars_and_stripes(3)
        >>> round(abs(float(hm.evaluation.mutual_information(rbm, v)[0, 1])), 4)  # nothing without weights
        0.0
    """
    v = machine.as_rows(v, whole=True)
    known = [Listed.of(machine, columns) for columns in cells_of(machine, cells)]
    total = v.new_zeros(len(known), len(known), dtype=torch.float64)
    for part in v.split(BATCH):
        fields, sent = machine.up(part), [cell.sent(part) for cell in known]
        for i, cell in enumerate(known):
            total[i, i] += _entropy(cell.scores(machine, fields - sent[i]), cell.weight)
        for i, j in combinations(range(len(known)), 2):
            rest = fields - sent[i] - sent[j]
            joint = torch.stack([known[j].scores(machine, rest + push) for push in known[i].push])
            total[i, j] = total[j, i] = total[i, j] + _shared(joint + (known[i].own + known[i].weight)[:, None, None])
    return total / len(v)


def log_conditionals(machine: Machine, v: Tensor, cells: Sequence[Tensor]) -> Iterator[Tensor]:
    """Give log p(one cell | the rest) for each row, (rows,), cell by cell."""
    if not isinstance(machine, Bipartite):
        yield from (_coupled(cast(BoltzmannMachine, machine), v, columns) for columns in cells)
        return
    fields = machine.up(v)
    now = machine.odd.cgf(fields)
    for columns in cells:
        cell = Listed.of(machine, columns)
        scores = cell.scores(machine, fields - cell.sent(v))
        yield now - cell.row.energy(v[:, columns]) - scores.logsumexp(0)


def _coupled(machine: BoltzmannMachine, v: Tensor, columns: Tensor) -> Tensor:
    """Return log p(cell | rest) of one row that talks to itself; what is continuous in a cell is summed in closed form.

    With t the values of finite kinds, the field that they feel is that of the rest and that of each other.
    """
    row, inner = machine.visible.select(columns), machine.beta * machine.couplings[columns][:, columns]
    here = v[:, columns]
    field = machine.fields(v)[0][:, columns] - here @ inner
    parts = row.components()
    listed = torch.cat([torch.full((part.width,), part.count < math.inf) for part in parts])
    if bool(inner[~listed][:, ~listed].any()):
        raise InputError("a cell holds continuous units that are coupled: give each a cell of its own")
    now = (field * here).sum(-1) + 0.5 * (here @ inner * here).sum(-1) - row.energy(here)
    finite, open_ = (_joined([part for part in parts if (part.count < math.inf) == kind]) for kind in (True, False))
    t = finite.states().to(v) if finite else v.new_zeros(1, 0)
    scores = field[:, listed] @ t.mT + 0.5 * (t @ inner[listed][:, listed] * t).sum(-1)
    scores = scores - finite.energy(t) if finite else scores
    if open_:
        scores = scores + open_.cgf(field[:, None, ~listed] + t @ inner[listed][:, ~listed])
    return now - scores.logsumexp(-1)


def _joined(parts: list[Units]) -> Units | None:
    return Concat(*parts) if parts else None


def _entropy(scores: Tensor, weight: Tensor) -> Tensor:
    """Return the sum over rows of the entropies of weighed values, (values, rows), continuous ones as a density."""
    log_p = scores.double().log_softmax(0)
    return -(log_p.exp() * (log_p - weight[:, None])).sum()


def _shared(joint: Tensor) -> Tensor:
    """Return the sum over rows of the mutual information of the first two axes, (values, values, rows)."""
    log_p = joint.double().flatten(0, 1).log_softmax(0).view(joint.shape)
    apart = log_p.logsumexp(0, keepdim=True) + log_p.logsumexp(1, keepdim=True)
    return (log_p.exp() * (log_p - apart)).sum()
