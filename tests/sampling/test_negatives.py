import pytest
import torch

from harmonium import Contrastive, Exact, Fresh, Persistent
from laws import (
    DRAWS,
    LISTED,
    MACHINES,
    exact_ladder,
    exact_states,
    machine,
    odd_probabilities,
    probabilities,
    rng,
    row_of,
    same_distribution,
)

SAMPLERS = {
    "contrastive": lambda m: Contrastive(2),
    "persistent": lambda m: Persistent(m.fields_sample(DRAWS, generator=rng(3)), 2),
    "fresh": lambda m: Fresh(sweeps=2),
    "exact": lambda m: Exact(),
    "tempered": lambda m: exact_ladder(m, DRAWS),
}
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS)


@every_sampler
@pytest.mark.parametrize("name", LISTED)
def test_samplers_reach_the_model_from_where_they_start(name, sampler):
    """From exact starts (or from a machine without couplings, where any start is exact) every sampler is exact."""
    m = machine(name)
    m = m.decoupled() if sampler in ("persistent", "fresh") else m
    s = row_of(m).states()
    x = SAMPLERS[sampler](m)(m, exact_states(m, DRAWS), generator=rng(1))
    same_distribution(x, s, probabilities(m, s))


@pytest.mark.parametrize("name", [name for name in MACHINES if name not in LISTED])
def test_exact_draws_of_continuous_rows_have_the_right_moments(name):
    m = machine(name)
    x = Exact(DRAWS)(m, torch.empty(0, m.width), generator=rng())
    y, p = odd_probabilities(m)
    truth = (p @ m.even.mean(m.down(y))).detach()
    assert ((x.mean(0) - truth).abs() < 5 * x.std(0) / DRAWS**0.5).all()


def test_fresh_and_persistent_chains_mix_towards_the_model():
    m = machine("bernoulli")
    s = m.even.states()
    fresh = Fresh(DRAWS, sweeps=50)(m, s, generator=rng())
    same_distribution(fresh, s, probabilities(m, s))
    persistent = SAMPLERS["persistent"](m)
    for _ in range(25):
        x = persistent(m, s, generator=rng(2 + _))
    same_distribution(x, s, probabilities(m, s))


def test_persistent_chains_go_on_and_are_saved():
    m = machine("bernoulli")
    sampler = Persistent(torch.zeros(7, 4, dtype=torch.float64))
    first = sampler(m, torch.empty(0), generator=rng())
    assert torch.equal(sampler.state_dict()["chains"], first)
    again = Persistent(torch.zeros(7, 4, dtype=torch.float64))
    again.load_state_dict(sampler.state_dict())
    assert torch.equal(again(m, torch.empty(0), generator=rng(1)), sampler(m, torch.empty(0), generator=rng(1)))


@every_sampler
def test_no_gradient_flows_through_the_chains(sampler):
    m = machine("bernoulli")
    x = SAMPLERS[sampler](m)(m, m.even.states(), generator=rng())
    assert not x.requires_grad


def test_the_number_of_chains_is_as_told():
    m = machine("bernoulli")
    v = m.even.states()[:5]
    assert len(Contrastive()(m, v)) == 5
    assert len(Fresh(sweeps=1)(m, v)) == 5
    assert len(Fresh(9, sweeps=1)(m, v)) == 9
    assert len(Exact()(m, v)) == 5
    assert len(Exact(9)(m, v)) == 9


def test_no_sweeps_are_refused():
    with pytest.raises(ValueError, match="1 or more"):
        Contrastive(0)
