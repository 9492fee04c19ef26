"""A lower bound on the likelihood: unbiased for a model that sums to one."""

from dataclasses import replace
from unittest import mock

import pytest
import torch

from harmonium import DBN, RBM, Bernoulli, Concat, InputError, Potts, SigmoidBeliefLayer, evaluation
from harmonium.evaluation.lower_bound import completed
from laws import MACHINES, bimodal, exact_states, machine, rng
from marks import slow_but

LISTED = [name for name in MACHINES if machine(name).visible.count < float("inf")]


@pytest.mark.parametrize("name", slow_but(LISTED, ("bernoulli", "three layers")))
@pytest.mark.parametrize("n_betas", [3, pytest.param(20, marks=pytest.mark.whole)])
def test_the_chains_led_up_are_a_model_that_sums_to_one(name, n_betas):
    """Σ over all visible rows of p̂, the average of exp(bound) over chains, averages to 1 whatever the temperatures."""
    m = machine(name).requires_grad_(False)
    log_z = evaluation.ais(m, n_betas=100, generator=rng())
    v = m.visible.states()
    v = v[:, : m.visible.width - m.labels].unique(dim=0) if m.labels else v
    total = []
    for seed in range(10):
        found = bounds(m, v, log_z, n_betas, seed)
        total.append(float(found.exp().sum()))
    mean, error = sum(total) / len(total), float(torch.tensor(total).std()) / len(total) ** 0.5
    assert abs(mean - 1) < 5 * error + 1e-6


@pytest.mark.slow
def test_the_basins_are_begun_in_by_their_shares():
    """Of two modes the chains led up have each as often as the machine; without the shares all sums to 2."""
    m, up = bimodal()
    log_z = evaluation.ais(m, n_betas=300, generator=rng())
    v = m.visible.states()
    found, v = bounds(m, v, log_z, 100, 1).exp(), v[torch.randperm(len(v), generator=rng(1))]  # as it draws its rows
    assert float(found.sum()) == pytest.approx(1, abs=0.1)
    assert float(found[v.sum(1) > 0].sum()) == pytest.approx(up, abs=0.1)


def bounds(m, v, log_z, n_betas, seed, chains=40):
    """Return the bound on each row."""
    with mock.patch("harmonium.evaluation.lower_bound._compare", lambda estimate, bound, log_z: bound):
        return evaluation.lower_bound(m, v, log_z, rows=len(v), chains=chains, n_betas=n_betas, generator=rng(seed))


@pytest.mark.parametrize("name", ["bernoulli", "labeled", "three layers", "general", "labeled three layers"])
def test_what_is_not_visible_is_drawn_and_weighed(name):
    """The average of exp(known) over draws is p(v) times Z."""
    m = machine(name).requires_grad_(False)
    v = exact_states(m, 6)[:, : m.visible.width - m.labels]
    many = v.repeat_interleave(20_000, 0)
    x, known = completed(m, many, rng(3))
    assert torch.equal(x[:, : v.shape[1]], many)
    held = known.exp().view(len(v), -1)
    states = (Concat(m.visible, *m.latent) if m.latent else m.visible).states()
    weights = (-m.free_energy(states)).exp()
    truth = torch.stack([weights[(states[:, : v.shape[1]] == row).all(1)].sum() for row in v])
    assert ((held.mean(1) - truth).abs() < 5 * held.std(1) / 20_000**0.5 + 1e-9 * truth).all()


@pytest.mark.slow
def test_where_bound_and_estimate_meet_the_number_is_certified():
    m = machine("spin").requires_grad_(False)
    v = exact_states(m, 200)
    log_z = evaluation.ais(m, v, generator=rng())
    found = evaluation.lower_bound(m, v, log_z, v, n_betas=1000, generator=rng(1))
    exact = evaluation.log_likelihood(m, v, evaluation.log_partition(m)).value
    assert found.verdict == "certified"
    assert found.bound - 0.05 < exact < found.estimate + 3 * log_z.error
    few = evaluation.lower_bound(m, v, log_z, v, n_betas=2, generator=rng(1))
    assert few.verdict == "consistent"
    assert few.bound < found.bound
    assert "below the estimate" in few.reason


def test_an_inconsistent_estimate_is_never_certified():
    m = machine("spin").requires_grad_(False)
    v = exact_states(m, 50)
    log_z = replace(evaluation.ais(m, v, generator=rng()), verdict="inconsistent", reason="so")
    assert evaluation.lower_bound(m, v, log_z, generator=rng()).verdict == "inconsistent"


def test_what_cannot_be_bounded_is_refused_in_one_line():
    top = RBM(Concat(Bernoulli(3), Potts(1, 3)), Bernoulli(4))
    dbn = DBN(SigmoidBeliefLayer(Bernoulli(4), Bernoulli(3)), top=top)
    exact = evaluation.log_partition(top)
    with pytest.raises(InputError, match="a network, whose likelihood is a bound already"):
        evaluation.lower_bound(dbn, torch.zeros(2, 4), exact)
    with pytest.raises(InputError, match="a sum over all states"):
        evaluation.lower_bound(machine("spin"), torch.ones(2, 4).double(), exact)
