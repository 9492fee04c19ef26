"""The general Boltzmann machine: energies, coloring, clamped Gibbs steps, gradients."""

import copy
import math

import pytest
import torch

from harmonium import Bernoulli, Binomial, BoltzmannMachine, Concat, Potts, Spin
from harmonium.machines import InterpolationPath
from laws import MACHINES, along, exact_states, machine, randomized, ring, rng, row_of, same_distribution, slope
from marks import slow_but

GENERAL = [name for name in MACHINES if name.startswith("general")]
WITH_HIDDEN = [name for name in GENERAL if MACHINES[name]().latent]
every_general = pytest.mark.parametrize("name", GENERAL)
with_hidden = pytest.mark.parametrize("name", slow_but(WITH_HIDDEN, ["general"]))


def sites_by_hand(m):
    """Return the site of every column, counted row by row."""
    found = []
    for leaf in row_of(m).components():
        for size in leaf.sizes if isinstance(leaf, Potts) else [1] * leaf.width:
            found += [found[-1] + 1 if found else 0] * size
    return found


def random_mask(n, share, seed):
    return torch.rand(n, n, generator=rng(seed)) < share


@every_general
def test_the_energy_is_the_literal_double_sum(name):
    m = machine(name).requires_grad_(False)
    x = exact_states(m, 5)
    site, leaves = sites_by_hand(m), row_of(m).components()
    trials = [leaf.trials if isinstance(leaf, Binomial) else 1 for leaf in leaves for _ in range(leaf.width)]
    bias = torch.cat([leaf.bias for leaf in leaves])
    given = ring(m.width) if name == "general, sparse" else torch.ones(m.width, m.width)
    for row in x:
        total = 0.0
        for i in range(m.width):
            total -= float(bias[i] * row[i])
            if trials[i] > 1:
                total -= math.log(math.comb(trials[i], int(row[i])))
            for j in range(i + 1, m.width):
                if site[i] != site[j] and (given[i, j] or given[j, i]):
                    total -= float(m.weight[i, j] * row[i] * row[j])
        assert float(m.free_energy(row)) == pytest.approx(total, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_no_two_coupled_sites_share_a_class(seed):
    n = 4 + 6 + 2
    m = BoltzmannMachine(Bernoulli(4), Concat(Potts(2, 3), Spin(2)), mask=random_mask(n, 0.3, seed))
    site = torch.tensor(sites_by_hand(m))
    assert torch.equal(torch.cat(m.classes).sort().values, torch.arange(n))
    for columns in m.classes:
        assert not m.couplings[columns][:, columns].any()
        assert all((site == s).sum() == (site[columns] == s).sum() for s in site[columns])  # whole sites
        assert torch.equal(columns, columns.sort().values)


def test_a_sparse_machine_moves_in_few_classes_and_a_dense_one_site_by_site():
    assert len(BoltzmannMachine(Bernoulli(8), mask=ring(8)).classes) == 2
    assert len(BoltzmannMachine(Bernoulli(7), mask=ring(7)).classes) == 3
    assert len(BoltzmannMachine(Bernoulli(5), Spin(3)).classes) == 8
    assert len(BoltzmannMachine(Concat(Bernoulli(2), Potts(2, 3))).classes) == 4
    assert len(BoltzmannMachine(Bernoulli(5), mask=torch.zeros(5, 5)).classes) == 1
    two_rows = torch.zeros(5, 5)
    two_rows[:3, 3:] = 1
    assert [list(c) for c in BoltzmannMachine(Bernoulli(3), Bernoulli(2), mask=two_rows).classes] in (
        [[0, 1, 2], [3, 4]],
        [[3, 4], [0, 1, 2]],
    )


def grid(side):
    """Return the mask of a square lattice with closed ends."""
    place = torch.arange(side**2).view(side, side)
    mask = torch.zeros(side**2, side**2, dtype=torch.bool)
    for shift, axis in ((1, 0), (1, 1)):
        mask[place.flatten(), place.roll(-shift, axis).flatten()] = True
    return mask


@pytest.mark.parametrize(
    ("make", "classes"),
    [(lambda: BoltzmannMachine(Potts(53, 21)), 53), (lambda: BoltzmannMachine(Spin(64 * 64), mask=grid(64)), 2)],
    ids=["53 sites of 21 states", "a lattice of 64 by 64"],
)
def test_large_machines_are_colored_site_by_site_and_not_pair_by_pair(make, classes):
    m = make()
    assert len(m.classes) == classes
    for columns in m.classes:
        assert not m.mask[columns][:, columns].any()


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 3\): 4 columns need \(4, 4\)"):
        BoltzmannMachine(Bernoulli(4), mask=torch.ones(3, 3))


@with_hidden
def test_the_blocks_are_weights_within_and_between_the_rows(name):
    """−energy = visible + hidden + ½vᵀRv + vᵀWh + ½hᵀTh, and a hidden unit sees Wᵀv + Th."""
    m = machine(name)
    x, first = exact_states(m, 6), m.visible.width
    v, h = x[:, :first], x[:, first:]
    r, w, t = m.couplings[:first, :first], m.couplings[:first, first:], m.couplings[first:, first:]
    quadratic = 0.5 * ((v @ r) * v).sum(-1) + ((v @ w) * h).sum(-1) + 0.5 * ((h @ t) * h).sum(-1)
    assert torch.allclose(m.free_energy(x), m.visible.energy(v) + m.hidden.energy(h) - quadratic, rtol=1e-12)
    assert torch.equal(m.couplings, m.couplings.T)
    still = torch.arange(m.width) != first  # the first hidden unit alone moves
    mean = m.gibbs_with_means(x, still)[1][:, first]
    assert torch.allclose(mean, m.hidden.mean(v @ w + h @ t)[:, 0], rtol=1e-12)


@with_hidden
def test_infer_draws_the_hidden_units_from_their_distribution_given_the_visible_ones(name):
    m = machine(name).requires_grad_(False)
    h = m.hidden.states()
    for v in exact_states(m, 2, seed=3)[:, : m.visible.width]:
        p = torch.softmax(-m.free_energy(torch.cat([v.expand(len(h), -1), h], -1)), 0)
        x = m.infer(v.expand(50_000, -1), generator=rng(1))
        assert (x[:, : len(v)] == v).all()
        same_distribution(x[:, len(v) :], h, p)


def test_without_hidden_units_a_row_is_a_whole_state():
    m = machine("general, all visible")
    v = exact_states(m, 3)
    assert m.infer(v) is v
    assert m.mean_field(v).steps == 0
    assert torch.equal(m.elbo(v), -m.free_energy(v))
    assert m.hidden_means(v) == []


@every_general
def test_exact_positives_give_the_gradient_of_the_marginal_likelihood(name):
    m = machine(name)
    s, parameters = row_of(m).states(), list(m.parameters())
    data = exact_states(m, 5, seed=8)[:, : m.visible.width]
    energy = m.free_energy(s)
    log_z = torch.logsumexp(-energy, 0)
    alike = (s[None, :, : m.visible.width] == data[:, None]).all(-1)
    scores = torch.where(alike, -energy, -math.inf)
    exact = torch.autograd.grad(log_z - torch.logsumexp(scores, 1).mean(), parameters, retain_graph=True)
    positive = (torch.softmax(scores.detach(), 1) @ energy).mean()
    negative = torch.softmax(-energy.detach(), 0) @ energy
    ours = torch.autograd.grad(positive - negative, parameters)
    for a, b in zip(ours, exact, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-9)


@with_hidden
def test_the_gradient_of_the_bound_needs_no_derivative_of_its_means(name, monkeypatch):
    """At the fixed point the total derivative, inference and all, is that with the means as they are."""
    monkeypatch.setattr("harmonium.machines.base.CLOSE", 1e-14)
    m = machine(name)
    m.infer_steps = 10_000
    v = exact_states(m, 4)[:, : m.visible.width]
    direction, total, error = slope(m, lambda: m.elbo(v).mean())
    assert along(m, m.elbo(v).mean(), direction) == pytest.approx(total, abs=error)


@pytest.mark.parametrize("mask", [None, ring(6)])
def test_a_visible_machine_recovers_the_weights_that_made_the_data(mask):
    """The likelihood is concave in the couplings: with the exact gradient there is one place to end."""
    teacher = randomized(BoltzmannMachine(Spin(6), mask=mask), 0.4).requires_grad_(False)
    student = BoltzmannMachine(Spin(6), mask=mask).double()
    s = row_of(teacher).states()
    p = torch.softmax(-teacher.free_energy(s), 0)
    optimizer = torch.optim.LBFGS(student.parameters(), max_iter=500, tolerance_grad=1e-10, tolerance_change=1e-16)

    def loss():
        optimizer.zero_grad()
        energy = student.free_energy(s)
        value = p @ energy + torch.logsumexp(-energy, 0)
        value.backward()
        return value

    optimizer.step(loss)
    assert torch.allclose(student.couplings, teacher.couplings, atol=1e-6)
    assert torch.allclose(student.visible.bias, teacher.visible.bias, atol=1e-6)


def test_what_is_kept_for_many_gibbs_steps_changes_nothing():
    m = BoltzmannMachine(Concat(Bernoulli(3), Potts(2, 3)), Bernoulli(2), generator=0).requires_grad_(False)
    x = m.sample_independent(50, generator=1)
    ready = m.rounded()
    assert torch.equal(ready.gibbs(x, generator=rng(2)), m.gibbs(x, generator=rng(2)))
    assert torch.equal(ready.free_energy(x), m.free_energy(x))
    m.weight += m.mask  # what is kept is the twin's alone
    assert not torch.equal(ready.free_energy(x), m.free_energy(x))


def test_a_path_from_no_couplings_scales_them():
    m = BoltzmannMachine(Bernoulli(4), Spin(2), generator=0).double().requires_grad_(False)
    m.weight += m.mask
    x = m.sample_independent(20, generator=1)
    partway, scaled = InterpolationPath(m.independent(), m).at(0.3), copy.deepcopy(m)
    scaled.weight *= 0.3
    assert torch.allclose(partway.free_energy(x), scaled.free_energy(x))
    assert torch.allclose(partway.fields(x)[0], scaled.fields(x)[0])
    assert torch.equal(partway.gibbs(x, generator=rng(2)), scaled.gibbs(x, generator=rng(2)))
