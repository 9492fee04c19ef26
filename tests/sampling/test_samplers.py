import pytest
import torch

from harmonium import CD, PCD, ExactSampler, NaiveMCMC
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
from marks import slow_but

SAMPLERS = {
    "cd": lambda m: CD(2),
    "pcd": lambda m: PCD(m.sample_independent(DRAWS, generator=rng(3)), 2),
    "naive-mcmc": lambda m: NaiveMCMC(k=2),
    "exact": lambda m: ExactSampler(),
    "pt": lambda m: exact_ladder(m, DRAWS),
}
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS)


@every_sampler
@pytest.mark.parametrize("name", slow_but(LISTED, ("bernoulli", "three layers")))
def test_samplers_reach_the_model_from_where_they_start(name, sampler):
    """From exact starts (or from a machine without couplings, where any start is exact) every sampler is exact."""
    m = machine(name)
    m = m.independent() if sampler in ("pcd", "naive-mcmc") else m
    s = row_of(m).states()
    x = SAMPLERS[sampler](m)(m, exact_states(m, DRAWS), generator=rng(1))
    same_distribution(x, s, probabilities(m, s))


@pytest.mark.parametrize("name", [name for name in MACHINES if name not in LISTED])
def test_exact_draws_of_continuous_rows_have_the_right_moments(name):
    m = machine(name)
    x = ExactSampler(DRAWS)(m, torch.empty(0, m.width), generator=rng())
    y, p = odd_probabilities(m)
    truth = (p @ m.even.mean(m.down(y))).detach()
    assert ((x.mean(0) - truth).abs() < 5 * x.std(0) / DRAWS**0.5).all()


@pytest.mark.slow
def test_new_and_persistent_chains_mix_towards_the_model():
    m = machine("bernoulli")
    s = m.even.states()
    new = NaiveMCMC(DRAWS, k=50)(m, s, generator=rng())
    same_distribution(new, s, probabilities(m, s))
    persistent = SAMPLERS["pcd"](m)
    for _ in range(25):
        x = persistent(m, s, generator=rng(2 + _))
    same_distribution(x, s, probabilities(m, s))


def test_persistent_chains_go_on_and_are_saved():
    m = machine("bernoulli")
    sampler = PCD(torch.zeros(7, 4, dtype=torch.float64))
    first = sampler(m, torch.empty(0), generator=rng())
    assert torch.equal(sampler.state_dict()["chains"], first)
    again = PCD(torch.zeros(7, 4, dtype=torch.float64))
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
    assert len(CD()(m, v)) == 5
    assert len(NaiveMCMC(k=1)(m, v)) == 5
    assert len(NaiveMCMC(9, k=1)(m, v)) == 9
    assert len(ExactSampler()(m, v)) == 5
    assert len(ExactSampler(9)(m, v)) == 9


def test_no_gibbs_steps_are_refused():
    with pytest.raises(ValueError, match="1 or more"):
        CD(0)
