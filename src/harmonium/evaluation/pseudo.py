"""Pseudo-likelihood: each unit's probability given all others (Besag, 1975)."""

import math
from statistics import fmean, stdev

import torch
from torch import Tensor

from ..arguments import checked
from ..errors import InputError
from ..machines import Bipartite, Machine
from ..numerics import Seed, permutation, stream
from ..units import Rows
from .cells import cells_of
from .surprise import log_conditionals


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
    return sampled_pseudo_likelihood(machine, v, None)[0]


@checked
@torch.no_grad()
def sampled_pseudo_likelihood(
    machine: Machine, v: Rows, sites: int | None, *, generator: Seed = None
) -> tuple[float, float]:
    """Return the pseudo-likelihood from at most so many ``sites``, drawn once for all rows, and its standard error.

    All sites where None, or where they cost nothing more: the error is then 0.  Else the sum over sites is as many
    times the mean over those drawn, and the error that of a sample without replacement (Cochran, 1977, §2.6).

    Example:
        >>> import harmonium as hm
        >>> rbm, v = hm.RBM(9, 4).independent(), hm.data.bars_and_stripes(3)
        >>> value, error = hm.evaluation.sampled_pseudo_likelihood(rbm, v, 5, generator=0)
        >>> round(value, 4), round(error, 4)  # all sites are alike
        (-6.2383, 0.0)
    """
    found = _sites(machine)
    v = machine.as_rows(v, whole=True)
    if not isinstance(machine, Bipartite):
        return _closed(machine, v), 0.0
    total = len(found)
    if sites is not None and sites < total:
        drawn = permutation(total, generator=stream(generator))[:sites].sort().values
        found = [found[i] for i in drawn.tolist()]
    means = [float(log_p.mean()) for log_p in log_conditionals(machine, v, found)]
    error = stdev(means) * math.sqrt((1 - len(means) / total) / len(means)) if 1 < len(means) < total else 0.0
    return total * fmean(means), total * error


def _sites(machine: Machine) -> list[Tensor]:
    """Return the columns of every site of the visible row."""
    open_ = [type(leaf).__name__ for leaf in machine.visible.components() if leaf.count == math.inf]
    if open_ and not machine.latent:
        raise InputError(
            f"pseudo-likelihood needs visible units of finite kinds, and {open_[0]} is continuous: use the free-energy "
            "gap or a likelihood"
        )
    return cells_of(machine)


def _closed(machine: Machine, v: Tensor) -> float:
    """Return the pseudo-likelihood of one row that talks to itself: no site feels its own value."""
    (field,), (row,) = machine.fields(v), machine.rows
    return float(((field * v).sum(-1) - row.energy(v) - row.cgf(field)).mean())
