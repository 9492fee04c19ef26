import pytest
import torch

from harmonium import RBM, Bernoulli, ParallelTempering, evaluation
from harmonium.evaluation.mixing import _agreement
from harmonium.sampling import path_lengths
from laws import DEEP, bimodal, exact_states, machine, randomized, rng, three_clusters
from marks import slow_but


def ladder(m, chains=100):
    start = m.independent()
    return ParallelTempering.between(start, *path_lengths(start, m, generator=rng()), chains=chains, generator=rng(1))


@pytest.mark.slow
def test_stuck_chains_are_told_and_tempered_ones_pass():
    m, _ = bimodal()
    chains = exact_states(m, 100)
    plain = evaluation.mixing(m, chains, gibbs_steps=2000, generator=rng())
    assert plain.verdict == "stuck"
    assert plain.rhat > 2
    assert "tempered" in plain.reason
    sampler = ladder(m)
    sampler.advance(m, 200, generator=rng(2))
    before = sampler.chains.clone()
    tempered = evaluation.mixing(m, sampler.chains[-1], sampler, gibbs_steps=2000, generator=rng())
    assert tempered.verdict == "mixed"
    assert tempered.rhat < 1.05
    assert torch.equal(sampler.chains, before)


@pytest.mark.parametrize("name", slow_but(["bernoulli", "spin", "labeled", "gaussian visible", "relu visible", *DEEP]))
def test_chains_of_the_model_pass(name):
    m = machine(name).requires_grad_(False)
    found = evaluation.mixing(m, exact_states(m, 100), generator=rng())
    assert found.verdict == "mixed", found.reason
    assert found.ess > 1000
    assert found.gibbs_steps <= 10_000


def test_chains_that_lag_are_told():
    m = machine("bernoulli").requires_grad_(False)
    found = evaluation.mixing(m, torch.zeros(100, 4).double(), generator=rng())
    assert found.verdict == "lagging"
    assert "learning rate" in found.reason
    assert found.lag < 1e-4


def test_the_gibbs_steps_that_random_chains_need_grow_with_the_weights():
    needed = []
    for scale in (0.1, 1.5):
        m = randomized(RBM(Bernoulli(12), Bernoulli(8)), scale, seed=2).requires_grad_(False)
        x = evaluation.mixing(m, exact_states(m, 200), generator=rng())
        assert x.verdict == "mixed", x.reason
        needed.append(x.needed)
    assert needed[0] == 0 < needed[1]


@pytest.mark.slow
def test_false_alarms_are_rare():
    m = machine("spin").requires_grad_(False)
    log_z = evaluation.ais(m, chains=100, n_betas=200, generator=rng())
    for seed in range(20):
        assert evaluation.mixing(m, exact_states(m, 60, seed), log_z=log_z, generator=rng(seed)).verdict == "mixed"


def test_chains_that_met_one_basin_of_several_with_mass_are_never_called_mixed():
    m, blocks = three_clusters()
    chains = m.gibbs(blocks[:1].expand(100, -1), generator=rng(1))
    found = evaluation.mixing(m, chains, data=blocks, gibbs_steps=1000, generator=rng())
    assert found.verdict == "stuck"
    assert "100% of the chains are in a basin that holds 0." in found.reason
    assert found.covered < 0.01


@pytest.mark.slow
def test_an_estimate_that_is_there_is_used():
    m, blocks = three_clusters()
    log_z = evaluation.ais(m, blocks, generator=rng())
    told = []

    def progress(items, label):
        told.append(label)
        return items

    chains = m.gibbs(blocks[1:2].expand(100, -1), generator=rng(1))
    found = evaluation.mixing(m, chains, log_z=log_z, gibbs_steps=500, progress=progress, generator=rng())
    assert found.verdict == "stuck"
    assert found.covered == pytest.approx(log_z.shares[int(log_z.basins.of(blocks[1:2]))])
    assert told == ["chains"]


def test_the_error_of_rhat_is_how_much_it_varies():
    """Of 100 sets of correlated chains; the deviation of 100 numbers has a relative error of 1/√198."""
    x = torch.randn(64, 100, 200, 1, generator=rng()).double()
    for t in range(1, 64):
        x[t] = 0.6 * x[t - 1] + 0.8 * x[t]
    rhat, error, _ = torch.tensor([_agreement(x[:, k]) for k in range(100)]).double().T
    assert abs(float(rhat.std() / error.mean()) - 1) < 4 / 198**0.5


def test_chains_that_no_training_kept_cannot_lag_and_what_was_tested_is_said():
    m, rows = machine("bernoulli").requires_grad_(False), torch.zeros(100, 4).double()
    found = evaluation.mixing(m, rows, begun_at="training rows", generator=rng())
    assert found.verdict == "mixed"
    assert "lag" not in found.reason
    assert "training rows lie elsewhere than the model" in found.reason
