import copy
import math

import pytest
import torch

from harmonium import RBM, ParallelTempering, Spin
from harmonium.machines import InterpolationPath
from harmonium.sampling import gibbs_sample, path_lengths, space_evenly, tempering
from harmonium.sampling.tempering import partners
from laws import (
    DRAWS,
    LISTED,
    MACHINES,
    bimodal,
    chi_square,
    counts,
    exact_ladder,
    machine,
    probabilities,
    rng,
    row_of,
)
from marks import slow_but


@pytest.mark.parametrize("name", slow_but(LISTED))
def test_neighbors_stay_exact_and_independent(name):
    """Of an exact ladder the two highest replicas hold their joint distribution: the product of the two machines'."""
    m = machine(name)
    sampler = exact_ladder(m, DRAWS // 2)
    sampler(m, sampler.chains[-1], generator=rng(8))
    s, path = row_of(m).states(), InterpolationPath(sampler.start, m)
    below, top = (probabilities(path.at(float(beta)), s) for beta in sampler.betas[-2:])
    pairs = torch.cat([s.repeat_interleave(len(s), 0), s.repeat(len(s), 1)], -1)
    found = counts(torch.cat([sampler.chains[-2], sampler.chains[-1]], -1), pairs)
    assert chi_square(found, (below[:, None] * top).flatten()) > 1e-6


@pytest.mark.parametrize("name", [name for name in MACHINES if name not in LISTED])
def test_continuous_rows_climb_the_ladder_too(name):
    m = machine(name).requires_grad_(False)
    start = m.independent()
    sampler = ParallelTempering.between(
        start, *path_lengths(start, m, generator=rng()), chains=4000, k=40, generator=rng(1)
    )
    x = sampler(m, torch.empty(0), generator=rng(2))
    y = gibbs_sample(m, m.sample_independent(4000, generator=rng(3)), 400, generator=rng(4))
    error = (x.var(0) / 4000 + y.var(0) / 4000).sqrt()
    assert ((x.mean(0) - y.mean(0)).abs() < 5 * error).all()


@pytest.mark.slow
def test_plain_chains_stay_stuck_where_tempered_ones_find_the_weight_of_every_mode():
    m, up = bimodal()
    x = torch.cat([torch.ones(100, 10), -torch.ones(100, 10)]).double()
    assert torch.equal(gibbs_sample(m, x, 200, generator=rng()).sum(-1) > 0, x.sum(-1) > 0)
    start = m.independent()
    spacing = path_lengths(start, m, generator=rng())
    for seed in range(2):
        found, error = share(m, ParallelTempering.between(start, *spacing, chains=100, generator=rng(seed)), seed)
        assert abs(found - up) < 4 * error
        assert error < 0.02


def share(m, sampler, seed, gibbs_steps=400):
    """Return the share of the upper mode over the second half of a run, and its standard error over ladders."""
    g, total = rng(1000 + seed), 0.0
    for step in range(gibbs_steps):
        x = sampler(m, sampler.chains[-1], generator=g)
        total = total + (x.sum(-1) > 0).double() * (step >= gibbs_steps // 2)
    each = total / (gibbs_steps - gibbs_steps // 2)
    return float(each.mean()), float(each.std()) / len(each) ** 0.5


def test_betas_share_the_length_evenly():
    betas, lengths = torch.linspace(0, 1, 5).double(), torch.tensor([1.0, 7.0, 1.0, 1.0]).double()
    found = space_evenly(betas, lengths, 11)
    assert found[0] == 0
    assert found[-1] == 1
    inside = ((found > 0.25) & (found < 0.5)).sum()
    assert inside in (6, 7)
    assert torch.allclose(space_evenly(betas, torch.zeros(4).double(), 5), betas)


@pytest.mark.slow
def test_the_betas_move_until_swaps_are_alike(monkeypatch):
    monkeypatch.setattr(tempering, "RESPACE", 100)
    m, _ = bimodal()
    sampler = ParallelTempering(m.independent(), torch.linspace(0, 1, 8).double(), chains=100, generator=rng())
    begun = None
    for _ in range(12 * tempering.RESPACE):
        sampler(m, torch.empty(0), generator=rng(int(sampler.count)))
        if int(sampler.count) == tempering.RESPACE - 1:
            begun = sampler.rates.clone()
    assert float(sampler.rates.min()) > float(begun.min()) + 0.1
    assert float(sampler.rates.std()) < 0.5 * float(begun.std())


def test_every_replica_has_one_partner_and_ends_take_turns():
    for n_replicas in (2, 3, 8):
        for odd in (0, 1):
            other = partners(n_replicas, odd)
            assert torch.equal(other[other], torch.arange(n_replicas))
            assert int((other == torch.arange(n_replicas)).sum()) == (odd * 2 + n_replicas) % 2 + 2 * odd * (
                1 - n_replicas % 2
            )


def test_a_ladder_is_saved_and_goes_on():
    m = machine("bernoulli")
    first = ParallelTempering(m.independent(), torch.tensor([0.0, 0.5, 1.0]), chains=5, generator=rng())
    first(m, torch.empty(0), generator=rng(1))
    again = ParallelTempering(machine("bernoulli", 4).independent(), torch.tensor([0.0, 0.7, 1.0]), chains=5)
    again.load_state_dict(copy.deepcopy(first.state_dict()))
    assert torch.equal(again(m, torch.empty(0), generator=rng(2)), first(m, torch.empty(0), generator=rng(2)))
    assert torch.equal(again.rates, first.rates)


def test_betas_that_do_not_rise_are_refused():
    m = machine("bernoulli")
    for betas in ([1.0], [0.0, 0.5], [0.0, 0.6, 0.5, 1.0], [0.1, 1.0]):
        with pytest.raises(ValueError, match="rise from 0 to 1"):
            ParallelTempering(m.independent(), torch.tensor(betas))


def test_swap_rates_are_those_of_two_machines_known():
    """Between one spin under fields 0 and f, the mean rate is 1 − ½·tanh(f)."""
    m = RBM(Spin(1), Spin(1)).double().requires_grad_(False)
    m.weight.zero_()
    start = m.independent()
    m.visible.bias.fill_(0.8)
    sampler = ParallelTempering(start, torch.tensor([0.0, 1.0]), chains=DRAWS, adapt=False, generator=rng())
    sampler.advance(m, 1, generator=rng(1))
    assert float(sampler.rates[0]) == pytest.approx(1 - 0.5 * math.tanh(0.8), abs=2.5 / DRAWS**0.5)
