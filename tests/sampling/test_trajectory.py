"""Trajectory tempering: chains stay exact, log Z is right all along, and a machine that is lost comes back."""

import math

import pytest
import torch

from harmonium import RBM, Bernoulli, DivergenceError, Rollback, TrajectoryTempering, data, evaluation, numerics, train
from harmonium.sampling.trajectory import LOST, between, exchange, overlap
from laws import (
    DRAWS,
    LISTED,
    bimodal,
    chi_square,
    counts,
    exact_states,
    exact_trajectory,
    machine,
    probabilities,
    rng,
    row_of,
)

ROWS = 60


def rows():
    """Return rows of two opposite patterns with noise, (rows, 8)."""
    g = rng(4)
    side = torch.rand(ROWS, 1, generator=g, dtype=torch.float64) < 0.4
    noise = torch.rand(ROWS, 8, generator=g, dtype=torch.float64) < 0.08
    return (side ^ noise).double()


def learner(seed, lr=0.1, momentum=0.0, gibbs_steps=1, chains=100):
    """Return a small machine, its trajectory and its optimizer."""
    v = rows()
    m = RBM(Bernoulli(8), Bernoulli(5), generator=rng(seed)).double().init_from_data(v)
    sampler = TrajectoryTempering(evaluation.ais_base(m, v), m, chains, gibbs_steps, generator=rng(seed + 100))
    return m, sampler, torch.optim.SGD(m.parameters(), lr=lr, momentum=momentum)


def learn(m, sampler, optimizer, updates, seed=0):
    g, transforms = rng(seed), [Rollback(sampler, optimizer)]
    for step in train(m, data.batches(rows(), 20, generator=g), sampler, optimizer, transforms=transforms, generator=g):
        if step.index + 1 == updates:
            return transforms[0]
    raise AssertionError


def exact(m):
    return evaluation.log_likelihood(m, rows(), evaluation.log_partition(m)).value


@pytest.mark.parametrize("name", LISTED)
def test_chains_and_reserve_stay_exact_and_independent(name):
    m = machine(name).requires_grad_(False)
    x = exact_states(m, DRAWS // 2)
    sampler = exact_trajectory(m, x)
    a = sampler.last
    y = sampler.reserve
    x, y, _ = exchange(m, a, x, y, generator=rng(8))
    s = row_of(m).states()
    pairs = torch.cat([s.repeat_interleave(len(s), 0), s.repeat(len(s), 1)], -1)
    found = counts(torch.cat([x, y], -1), pairs)
    assert chi_square(found, (probabilities(m, s)[:, None] * probabilities(a, s)).flatten()) > 1e-6


def test_the_reserve_stays_as_it_was_drawn():
    """Chains that lag the machine must not spoil the states that correct them."""
    m = machine("bernoulli").requires_grad_(False)
    sampler = exact_trajectory(m, torch.zeros(50, 4).double())
    sampler.k, before = 0, sampler.reserve.clone()
    chains = sampler(m, sampler.chains, generator=rng())
    assert not torch.equal(chains, torch.zeros(50, 4).double())
    assert torch.equal(sampler.reserve, before)


def test_bennett_is_right_within_its_error():
    """Between N(0, 1) and N(0.5, 0.8²) the difference is log 0.8; z-scores over seeds have unit variance."""
    scores = []
    for seed in range(200):
        g = rng(seed)
        x, y = (torch.randn(n, generator=g, dtype=torch.float64) for n in (300, 700))
        y = 0.5 + 0.8 * y
        forward, backward = (0.5 * ((z - 0.5) / 0.8) ** 2 - 0.5 * z**2 for z in (x, y))
        d, error = numerics.bennett(forward, -backward)
        scores.append((d - math.log(0.8)) / error)
    square = sum(z * z for z in scores)
    assert 200 - 5 * 20 < square < 200 + 5 * 20


def test_bennett_of_one_shift_is_that_shift():
    d, error = numerics.bennett(torch.full((10,), -3.0).double(), torch.full((4,), 3.0).double())
    assert d == pytest.approx(3.0, abs=1e-9)
    assert error == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_log_z_is_right_all_along():
    """Over 6 seeds at three moments each: no value is off by more than 5 errors, one at most by more than 3."""
    far, replicas = [], 0
    for seed in range(6):
        m, sampler, optimizer = learner(seed, lr=0.5)
        for part in range(3):
            learn(m, sampler, optimizer, 400, seed=10 * seed + part)
            (value, error), truth = sampler.log_partition(m), evaluation.log_partition(m).value
            far.append(abs(value - truth) / error)
        replicas += len(sampler.replicas)
    assert replicas > 15  # a ladder of two is the base and the machine
    assert max(far) < 5
    assert sum(z > 3 for z in far) <= 1


def test_the_ladder_passes_between_modes_that_plain_chains_do_not_leave():
    m, up = bimodal()
    sampler = TrajectoryTempering(m.independent(), m, 100, generator=rng())
    assert 3 <= len(sampler.replicas) < 40
    g, total, gibbs_steps = rng(1), 0.0, 400
    for _ in range(gibbs_steps):
        sampler.advance(m, 1, generator=g)
        total = total + (sampler.top.sum(-1) > 0).double() / gibbs_steps
    assert abs(float(total.mean()) - up) < 4 * float(total.std()) / 10
    assert float(total.std()) / 10 < 0.03
    z, error = sampler.log_partition(m)
    assert abs(z - evaluation.log_partition(m).value) < 4 * error


@pytest.mark.slow
def test_a_step_too_long_is_taken_back():
    m, sampler, optimizer = learner(0, lr=2.0, momentum=0.9)
    before = exact(m)
    transform = learn(m, sampler, optimizer, 200)
    assert int(transform.count) > 0
    assert optimizer.param_groups[0]["lr"] == 2.0 * 0.5 ** int(transform.count)
    assert exact(m) > before + 1


def test_what_rolls_back_forgets():
    m, sampler, optimizer = learner(0, momentum=0.9)
    transform = learn(m, sampler, optimizer, 30)
    sampler.rate = torch.tensor(LOST / 2).double()
    assert sampler.lost
    with torch.no_grad():
        m.weight += 5
    for p in m.parameters():
        p.grad = torch.ones_like(p)
    transform(m, rows(), rows())
    optimizer.step()
    for p, kept in zip(m.parameters(), sampler.last.parameters(), strict=True):
        assert torch.equal(p.detach(), kept)
    assert not sampler.lost
    assert optimizer.param_groups[0]["lr"] == 0.05
    assert torch.equal(sampler.chains, sampler.reserve[-len(sampler.chains) :])


def test_a_lost_machine_that_nobody_takes_back_is_told():
    m, sampler, _ = learner(0)
    with torch.no_grad():
        m.weight += 5
    sampler(m, rows(), generator=rng())
    assert sampler.lost
    with pytest.raises(DivergenceError, match="Rollback"):
        sampler(m, rows(), generator=rng())


def test_a_grown_ladder_is_saved_and_goes_on():
    m, _ = bimodal()
    sampler, other = (TrajectoryTempering(m.independent(), end, 20, generator=rng()) for end in (m, m.independent()))
    assert len(other.replicas) < len(sampler.replicas)
    other.load_state_dict(sampler.state_dict())
    assert torch.equal(
        other(m, m.sample_independent(1), generator=rng(2)), sampler(m, m.sample_independent(1), generator=rng(2))
    )
    assert other.log_partition(m) == sampler.log_partition(m)


def test_the_overlap_is_the_mean_share_of_swaps_taken():
    """Over all states of two machines, weighed by the first, it is what swapping draws of both would give."""
    a, b = (machine("bernoulli", seed).requires_grad_(False) for seed in (1, 2))
    s = row_of(a).states()
    p, q = probabilities(a, s), probabilities(b, s)
    exact = float((torch.minimum(p[:, None] * q, q[:, None] * p)).sum())
    x = exact_states(a, DRAWS)
    found = float(overlap(b.free_energy(x) - a.free_energy(x)))
    assert found == pytest.approx(exact, abs=0.01)
    assert float(overlap(torch.zeros(7))) == pytest.approx(1)
    assert float(overlap(torch.tensor([-1e4] + 99 * [0.0]))) == pytest.approx(0.01)


def test_between_two_machines():
    a, b = machine("bernoulli", 1), machine("bernoulli", 2)
    for p, q, r in zip(between(a, b, 0.25).parameters(), a.parameters(), b.parameters(), strict=True):
        assert torch.allclose(p, 0.75 * q + 0.25 * r)


@pytest.mark.slow
def test_more_is_learned_than_with_chains_that_stay():
    """Two patterns of unequal weight that plain chains hardly pass between: the weight of each is learned."""
    m, sampler, optimizer = learner(3, lr=0.05)
    learn(m, sampler, optimizer, 3000)
    s = m.visible.states()
    share = float(probabilities(m, s)[s.sum(-1) > 4].sum())
    assert abs(share - float((rows().sum(-1) > 4).double().mean())) < 0.1
