"""Kernels without statistics: the matrix of transition probabilities, from every outcome of every draw."""

from itertools import product

import pytest
import torch
from torch.nn.functional import logsigmoid

from harmonium import DBM, RBM, Bernoulli, BoltzmannMachine, Spin, numerics
from harmonium.sampling.trajectory import exchange
from laws import LISTED, machine, probabilities, randomized, ring, rng, row_of

MAKERS = {
    "bernoulli": lambda: RBM(Bernoulli(3), Bernoulli(3)),
    "spin": lambda: RBM(Spin(4), Spin(2)),
    "mixed": lambda: RBM(Spin(2), Bernoulli(3)),
    "three layers": lambda: DBM(Bernoulli(2), Bernoulli(2), Spin(2)),
    "general": lambda: BoltzmannMachine(Bernoulli(3), Spin(2)),
    "sparse": lambda: BoltzmannMachine(Spin(5), mask=ring(5)),
}
TWO_ROWS = ["bernoulli", "spin", "mixed", "three layers"]


class Tape:
    """Stands for the draws of Bernoulli units: gives what was prescribed, and adds up how likely it was."""

    def __init__(self, bits):
        self.bits, self.at, self.log_p = bits, 0, torch.zeros(len(bits), dtype=torch.float64)

    def __call__(self, field, bias=0.0, *, generator=None):
        logits = field + bias
        drawn = self.bits[:, self.at : self.at + logits.shape[-1]]
        self.at += logits.shape[-1]
        self.log_p = self.log_p + torch.where(drawn > 0, logsigmoid(logits), logsigmoid(-logits)).sum(-1)
        return drawn


def transitions(m, monkeypatch, kernel):
    """Return P, (states, states), of a kernel that draws Bernoulli units alone."""
    s = row_of(m).states()
    with monkeypatch.context() as patch:
        counter = Tape(torch.zeros(1, 99).double())
        patch.setattr(numerics, "bernoulli", counter)
        kernel(s[:1])
        outcomes = torch.tensor(list(product([0.0, 1.0], repeat=counter.at))).double()
        tape = Tape(outcomes.repeat(len(s), 1))
        patch.setattr(numerics, "bernoulli", tape)
        y = kernel(s.repeat_interleave(len(outcomes), 0))
    places = (y[:, None] == s).all(-1).double().argmax(-1)
    p = torch.zeros(len(s), len(s), dtype=torch.float64)
    start = torch.arange(len(s)).repeat_interleave(len(outcomes))
    return p.index_put((start, places), tape.log_p.exp(), accumulate=True)


def leaves_alone(name, seed, monkeypatch):
    m = randomized(MAKERS[name](), 1.0, seed).requires_grad_(False)
    p, pi = transitions(m, monkeypatch, m.gibbs), probabilities(m, row_of(m).states())
    assert torch.allclose(p.sum(1), torch.ones(len(p)).double(), atol=1e-12)
    assert float((pi @ p - pi).abs().max()) < 1e-12
    if name in TWO_ROWS:
        flow = pi[:, None] * p
        assert float((flow - flow.T).abs().max()) < 1e-14


@pytest.mark.parametrize("name", MAKERS)
def test_a_gibbs_step_leaves_the_density_alone(name, monkeypatch):
    for seed in range(5):
        leaves_alone(name, seed, monkeypatch)


@pytest.mark.whole
@pytest.mark.parametrize("name", MAKERS)
def test_a_gibbs_step_leaves_the_densities_of_many_machines_alone(name, monkeypatch):
    for seed in range(5, 45):
        leaves_alone(name, seed, monkeypatch)


@pytest.mark.parametrize("name", MAKERS)
def test_a_clamped_gibbs_step_leaves_the_conditional_density_alone(name, monkeypatch):
    m = randomized(MAKERS[name](), 1.0, 7).requires_grad_(False)
    s = row_of(m).states()
    clamped = torch.arange(m.width) == 0
    p, pi = transitions(m, monkeypatch, lambda x: m.gibbs(x, clamped)), probabilities(m, s)
    assert float((pi @ p - pi).abs().max()) < 1e-12
    assert float(p[(s[:, None, 0] != s[None, :, 0])].max()) == 0


@pytest.mark.parametrize("name", LISTED)
def test_swaps_are_taken_exactly_as_often_as_keeps_both_densities(name, monkeypatch):
    """π_a(x) π_b(y) A = π_a(y) π_b(x) A′ for every pair of states, A from both sides of the uniform that decides."""
    a, b = (machine(name, seed).requires_grad_(False) for seed in (1, 2))
    s = row_of(a).states()
    p, q = probabilities(a, s), probabilities(b, s)
    i, j = (index.flatten() for index in torch.meshgrid(*[torch.arange(len(s))] * 2, indexing="ij"))
    share = (p[j] * q[i] / (p[i] * q[j])).clamp_max(1)
    below, above = share * (1 - 1e-9), share * (1 + 1e-9)
    for uniform, expected in ((below, torch.ones_like(i, dtype=torch.bool)), (above, share == 1)):
        monkeypatch.setattr(numerics, "uniform", lambda odds, generator, u=uniform: u.clamp_max(1 - 1e-12))
        x, y, work = exchange(a, b, s[i], s[j], generator=rng())
        swapped = (x == s[j]).all(-1) & (y == s[i]).all(-1)
        assert torch.equal(swapped | (i == j), expected | (i == j))
    assert torch.allclose(work, (a.free_energy(s) - b.free_energy(s))[j])


@pytest.mark.whole
@pytest.mark.parametrize("name", LISTED)
def test_gradients_of_many_machines_are_those_of_the_exact_likelihood(name):
    """200 machines a kind: E_data[F] − E_model[F] has the gradient of −log-likelihood, to 1e-9 in float64."""
    for seed in range(200):
        m = machine(name, seed)
        x = row_of(m).states()
        rows = x[torch.randint(len(x), (5,), generator=rng(seed))]
        log_z = torch.logsumexp(-m.free_energy(x), 0)
        negative = (probabilities(m, x) * m.free_energy(x)).sum()
        exact = torch.autograd.grad(m.free_energy(rows).mean() + log_z, list(m.parameters()))
        ours = torch.autograd.grad(m.free_energy(rows).mean() - negative, list(m.parameters()))
        for a, b in zip(exact, ours, strict=True):
            assert torch.allclose(a, b, rtol=1e-9, atol=1e-9)
