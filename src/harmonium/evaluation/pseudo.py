"""Pseudo-likelihood: each unit's probability given all others (Besag, 1975)."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from ..errors import InputError
from ..machines import Bipartite
from .estimate import Estimate


@torch.no_grad()
def pseudo_likelihood(machine: Bipartite, v: Tensor) -> float:
    """Return the mean over rows of Σᵢ log p(vᵢ | the other units), in nats a row; finite visible kinds only.

    Cheap and blind to the weights of far modes: it compares a row with its neighbours alone.
    """
    fields, rows = machine.up(v), _rows(machine)
    sites = [_site(machine, v, fields, columns, letters, rows).mean() for columns, letters in _sites(machine)]
    return float(torch.stack(sites).sum())


@torch.no_grad()
def stochastic_pseudo_likelihood(machine: Bipartite, v: Tensor, *, generator: Generator | None = None) -> Estimate:
    """Return an unbiased estimate of the pseudo-likelihood, in nats a row, from one site drawn for each row."""
    sites, fields, rows = list(_sites(machine)), machine.up(v), _rows(machine)
    drawn = torch.randint(len(sites), (len(v),), generator=generator, device=v.device)
    terms = v.new_empty(len(v))
    for i in drawn.unique().tolist():
        chosen = drawn == i
        columns, letters = sites[i]
        terms[chosen] = _site(machine, v[chosen], fields[chosen], columns, letters, rows)
    terms = len(sites) * terms.double()
    return Estimate(float(terms.mean()), float(terms.std()) / len(v) ** 0.5, "stochastic pseudo-likelihood")


def _rows(machine: Bipartite) -> Tensor:
    """Return the field that each even column sends up when it is 1: the maps are linear."""
    return machine.up(torch.eye(machine.width).to(machine.even.bias))


def _sites(machine: Bipartite) -> Iterator[tuple[slice, Tensor]]:
    """Yield, for every site of the visible row, its columns and the values that it can take."""
    first = 0
    for leaf in machine.visible.leaves():
        letters = leaf.letters()
        if letters is None:
            raise InputError(
                f"pseudo-likelihood needs visible units of finite kinds, and {type(leaf).__name__} is continuous: "
                "use the free-energy gap or a likelihood"
            )
        size = letters.shape[1]
        for at in range(first, first + leaf.width, size):
            yield slice(at, at + size), letters
        first += leaf.width


def _site(machine: Bipartite, v: Tensor, fields: Tensor, columns: slice, letters: Tensor, rows: Tensor) -> Tensor:
    """Return log p(one site | the rest) for each row, by moving the fields instead of summing them anew."""
    scores = []
    for letter in letters:
        other = v.clone()
        other[:, columns] = letter
        moved = fields + (letter - v[:, columns]) @ rows[columns]
        scores.append(machine.odd.cgf(moved) - machine.even.energy(other))
    now = machine.odd.cgf(fields) - machine.even.energy(v)
    return now - torch.logsumexp(torch.stack(scores), 0)
