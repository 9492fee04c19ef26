"""Rows in several processes, each stood for here in turn: they draw what one process draws."""

import pytest
import torch

from harmonium.numerics import categorical, distributed
from laws import KINDS, MACHINES, field, kind, machine, rng

PARTS = 3


@pytest.fixture
def stand_for(monkeypatch):
    """Give what makes this process one of several; rows of the others are those that one process drew from before."""
    seen, draw = [], torch.binomial

    def kept(trials, p, *, generator):
        seen.append(p)
        return draw(trials, p, generator=generator)

    def one(index):
        others = iter(list(seen))

        def close(a, b):
            return a.shape == b.shape and torch.allclose(a, b, rtol=1e-12)

        def whole(x):
            return next(rows for rows in others if len(rows) == PARTS * len(x) and close(rows.chunk(PARTS)[index], x))

        monkeypatch.setattr(torch, "binomial", draw)
        monkeypatch.setattr(distributed, "count", lambda: PARTS)
        monkeypatch.setattr(distributed, "index", lambda: index)
        monkeypatch.setattr(distributed, "whole", whole)

    monkeypatch.setattr(torch, "binomial", kept)
    return one


def together(stand_for, draw):
    """Return the rows of all processes, each the result of ``draw`` given the number of the process."""
    rows = []
    for index in range(PARTS):
        stand_for(index)
        with distributed.split():
            rows.append(draw(index))
    return torch.cat(rows)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_draws_what_one_process_draws(name, stand_for):
    units, x = kind(name), field(kind(name), 12)
    whole = units.sample(x, generator=rng(4))
    assert torch.equal(together(stand_for, lambda i: units.sample(x.chunk(PARTS)[i], generator=rng(4))), whole)


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_is_sampled_as_in_one_process(name, stand_for):
    m = machine(name).requires_grad_(False)
    x = m.sample_independent(12, generator=rng(1))
    whole = m.gibbs(x, generator=rng(4))
    parted = together(stand_for, lambda i: m.gibbs(x.chunk(PARTS)[i], generator=rng(4)))
    assert torch.allclose(parted, whole, atol=1e-12)


def test_choices_are_those_of_one_process(stand_for):
    odds = torch.softmax(torch.randn(9, generator=rng(2)), 0)
    whole = categorical(odds, 30, generator=rng(3))
    assert torch.equal(together(stand_for, lambda i: categorical(odds, 10, generator=rng(3))), whole)


def test_outside_of_the_split_all_draw_alike(stand_for):
    units, x = kind("bernoulli"), field(kind("bernoulli"), 12)
    whole = units.sample(x, generator=rng(4))
    stand_for(2)
    assert torch.equal(units.sample(x, generator=rng(4)), whole)
    assert torch.equal(distributed.own(x), x[8:])
