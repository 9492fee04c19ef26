import math

import numpy as np
import pytest
import torch

from harmonium import RBM, Bernoulli, Gaussian, Path, ReLU, evaluation, run
from harmonium.machines import Bipartite
from laws import (
    DRAWS,
    LIMIT,
    LISTED,
    MACHINES,
    chi_square,
    counts,
    exact_states,
    machine,
    odd_probabilities,
    probabilities,
    rng,
    same_distribution,
)

every_machine = pytest.mark.parametrize("name", MACHINES)
listed = pytest.mark.parametrize("name", LISTED)


def some_states(m: Bipartite, count: int = 6, seed: int = 2):
    return m.fields_sample(count, generator=rng(seed))


@every_machine
def test_free_energy_sums_the_joint_energy_over_the_odd_row(name):
    m = machine(name)
    x = some_states(m)
    if m.odd.count == math.inf:
        pytest.skip("the odd row is continuous: its cgf is checked by quadrature among the units")
    y = m.odd.states()
    total = torch.logsumexp(torch.stack([-m.energy(x, state.expand(len(x), -1)) for state in y]), 0)
    assert torch.allclose(m.free_energy(x), -total, rtol=1e-12)


@every_machine
def test_free_energy_is_the_negative_log_of_what_the_conditionals_imply(name):
    """F(x) − F(x′) = log [p(y|x) p(x′|y) / (p(x|y) p(y|x′))] for any y (Bayes), for every kind."""
    m = machine(name)
    x, other = some_states(m, 5), some_states(m, 5, seed=7)
    y = m.odd.sample(m.up(x), generator=rng(4))

    def log_conditional(units, state, field):
        return (field * state).sum(-1) - units.energy(state) - units.cgf(field)

    up = [log_conditional(m.odd, y, m.up(state)) for state in (x, other)]
    down = [log_conditional(m.even, state, m.down(y)) for state in (x, other)]
    assert torch.allclose(m.free_energy(x) - m.free_energy(other), up[0] - up[1] + down[1] - down[0], rtol=1e-9)


@every_machine
def test_exact_log_partition_is_the_sum_over_both_rows(name):
    m = machine(name)
    if m.even.count < math.inf and m.odd.count < math.inf:
        x, y = m.even.states(), m.odd.states()
        pairs = [-m.energy(x, state.expand(len(x), -1)) for state in y]
        total = torch.logsumexp(torch.stack(pairs).flatten(), 0)
    elif m.even.count < math.inf:
        total = torch.logsumexp(-m.free_energy(m.even.states()), 0)
    else:
        total = torch.logsumexp(m.even.cgf(m.down(m.odd.states())) - m.odd.energy(m.odd.states()), 0)
    for cells in (2**24, 40):  # in one chunk, and in many
        estimate = evaluation.log_partition(m, cells=cells)
        assert estimate.value == pytest.approx(float(total.detach()), rel=1e-12)
        assert (estimate.error, estimate.verdict) == (0.0, "exact")


@every_machine
def test_the_gradient_of_the_loss_is_that_of_the_exact_likelihood(name):
    """With the model's own expectation in the negative phase, to 1e-9 in float64."""
    m = machine(name)
    data = exact_states(m, 5, seed=8)
    parameters = list(m.parameters())
    if m.even.count < math.inf:
        x = m.even.states()
        log_z = torch.logsumexp(-m.free_energy(x), 0)
        negative = (probabilities(m, x) * m.free_energy(x)).sum()
    else:  # log Z through the odd row, whose gradient must equal the mean gradient of the free energy
        y = m.odd.states()
        log_z = torch.logsumexp(m.even.cgf(m.down(y)) - m.odd.energy(y), 0)
        negative = _average_free_energy(m, y)
    exact = torch.autograd.grad(m.free_energy(data).mean() + log_z, parameters)
    ours = torch.autograd.grad(m.free_energy(data).mean() - negative, parameters)
    for a, b in zip(exact, ours, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-9)


def _average_free_energy(m: Bipartite, y: torch.Tensor) -> torch.Tensor:
    """Return E[free_energy] over a partly continuous even row: a sum over the odd row, a quadrature in each column."""
    total = torch.zeros((), dtype=torch.float64)
    for state, odds in zip(y, odd_probabilities(m)[1], strict=True):
        points, weights = torch.zeros(1, 0, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
        fields = m.down(state).detach().split([leaf.width for leaf in m.even.leaves()])
        for leaf, field in zip(m.even.leaves(), fields, strict=True):
            for column in range(leaf.width):
                values, share = _column(leaf, field, column)
                points = torch.cat([points.repeat_interleave(len(values), 0), values.repeat(len(points))[:, None]], -1)
                weights = weights.repeat_interleave(len(values)) * share.repeat(len(weights))
        total = total + odds * (weights * m.free_energy(points)).sum()
    return total


def _column(leaf, field, column):
    """Return values of one column and their probabilities given the field; Gauss–Legendre nodes on a line."""
    low, high = {Gaussian: (-25.0, 25.0), ReLU: (0.0, 25.0), Bernoulli: (0.0, 1.0)}[type(leaf)]
    if isinstance(leaf, Bernoulli):
        values, log_share = (
            torch.tensor([low, high], dtype=torch.float64),
            torch.zeros(2, dtype=torch.float64),
        )
    else:
        nodes, shares = (torch.tensor(a) for a in np.polynomial.legendre.leggauss(100))
        values, log_share = low + (nodes + 1) * (high - low) / 2, shares.log()
    precision = leaf.log_precision.exp()[column] if hasattr(leaf, "log_precision") else 0.0
    score = (field[column] + leaf.bias[column]) * values - 0.5 * precision * values**2 + log_share
    return values, torch.softmax(score.detach(), 0)


@every_machine
@pytest.mark.parametrize("sweeps", [1, 4])
def test_chains_that_start_exact_stay_exact(name, sweeps):
    m = machine(name)
    x = run(m, exact_states(m, DRAWS), sweeps, generator=rng(sweeps))
    if name in LISTED:
        s = m.even.states()
        same_distribution(x, s, probabilities(m, s))
    else:  # a continuous state is seen through the odd row that it draws
        y, p = odd_probabilities(m)
        same_distribution(m.odd.sample(m.up(x), generator=rng(9)), y, p)
        _means_agree(m, x, y, p)


def _means_agree(m, x, y, p):
    """The first two moments of the even row agree with enumeration of the odd one within 5 standard errors."""
    means = m.even.mean(m.down(y)).detach()
    squares = m.even.var(m.down(y)).detach() + means**2
    for power, truth in ((1, p @ means), (2, p @ squares)):
        error = (x**power).std(0) / len(x) ** 0.5
        assert (((x**power).mean(0) - truth).abs() < 5 * error).all()


@listed
def test_held_units_keep_their_value_and_the_rest_is_conditional(name):
    m = machine(name)
    s = m.even.states()
    first = m.even.leaves()[0].letters().shape[1]  # hold one whole site
    held = torch.zeros(m.width, dtype=torch.bool)
    held[:first] = True
    agree = (s[:, :first] == s[0, :first]).all(-1)
    allowed = s[agree]
    p = torch.softmax(-m.free_energy(allowed), 0).detach()
    start = allowed[torch.multinomial(p, DRAWS, True, generator=rng())]
    x = run(m, start, 3, held, generator=rng(1))
    assert torch.equal(x[:, :first], start[:, :first])
    assert chi_square(counts(x, allowed), p) > LIMIT


@every_machine
def test_decoupled_machines_are_exact(name):
    m = machine(name).decoupled()
    assert all((weight == 0).all() for weight in m.couplings())
    assert float(m.fields_log_partition().detach()) == pytest.approx(evaluation.log_partition(m).value, rel=1e-12)
    x = m.fields_sample(DRAWS, generator=rng())
    if name in LISTED:
        same_distribution(x, m.even.states(), probabilities(m, m.even.states()))


@every_machine
def test_a_path_runs_from_one_machine_to_the_other(name):
    m = machine(name)
    start, x = m.decoupled(), some_states(m)
    path = Path(start, m)
    assert torch.allclose(path.at(0.0).free_energy(x), start.free_energy(x))
    assert torch.allclose(path.at(1.0).free_energy(x), m.free_energy(x))
    half = [torch.lerp(a, b, 0.5) for a, b in zip(start.parameters(), m.parameters(), strict=True)]
    assert all(torch.allclose(a, b) for a, b in zip(path.at(0.5).parameters(), half, strict=True))
    assert all(a is not b for a, b in zip(path.here.parameters(), m.parameters(), strict=True))


@every_machine
def test_a_ladder_is_many_machines_in_one(name):
    m = machine(name)
    betas = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    x = torch.stack([some_states(m, 5, seed) for seed in range(3)])
    path = Path(m.decoupled(), m)
    stacked = path.at(betas[:, None, None]).free_energy(x)
    for k, beta in enumerate(betas):
        assert torch.allclose(stacked[k], path.at(beta).free_energy(x[k]))
    assert path.at(betas[:, None, None]).gibbs(x, generator=rng()).shape == x.shape


@every_machine
def test_a_seed_repeats_and_the_global_stream_is_left_alone(name):
    m = machine(name)
    x, before = some_states(m, 8), torch.get_rng_state()
    runs = [run(m, x, 3, generator=rng(1)) for _ in range(2)]
    assert torch.equal(*runs)
    assert not torch.equal(runs[0], run(m, x, 3, generator=rng(2)))
    assert torch.equal(torch.get_rng_state(), before)


@every_machine
def test_match_sets_visible_biases_alone(name):
    m = machine(name)
    weight, hidden = m.couplings()[0].detach().clone(), [p.clone() for p in m.odd.parameters()]
    data = exact_states(m, 500)
    m.match(data)
    assert torch.allclose(m.visible.mean(m.visible.rest()), data.mean(0), atol=0.02)
    assert torch.equal(m.couplings()[0], weight)
    assert all(torch.equal(a, b) for a, b in zip(m.odd.parameters(), hidden, strict=True))


def test_reconstruction_is_one_pass_of_means():
    m = machine("bernoulli")
    x = some_states(m)
    h = torch.sigmoid(x @ m.weight + m.hidden.bias)
    assert torch.allclose(m.reconstruct(x), torch.sigmoid(h @ m.weight.T + m.visible.bias))


def test_the_free_energy_of_the_binary_machine_is_the_textbook_one():
    m = machine("bernoulli")
    x = m.even.states()
    visible, hidden, weight = (p.detach() for p in (m.visible.bias, m.hidden.bias, m.weight))
    by_hand = [-float(v @ visible) - sum(math.log1p(math.exp(f)) for f in (v @ weight + hidden).tolist()) for v in x]
    assert torch.allclose(m.free_energy(x).detach(), torch.tensor(by_hand, dtype=torch.float64))


def test_weights_start_small_and_follow_the_generator():
    a, b = (RBM(Bernoulli(50), Bernoulli(40), generator=rng(3)) for _ in range(2))
    assert torch.equal(a.weight, b.weight)
    assert float(a.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
