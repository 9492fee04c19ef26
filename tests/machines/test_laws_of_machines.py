import copy
import itertools
import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from harmonium import (
    RBM,
    Bernoulli,
    Binomial,
    InputError,
    InterpolationPath,
    ReLU,
    ZeroInflated,
    evaluation,
    gibbs_sample,
)
from harmonium.machines import Bipartite, at_temperature
from harmonium.numerics import categorical
from laws import (
    BIPARTITE,
    DEEP,
    DRAWS,
    LIMIT,
    LISTED,
    MACHINES,
    TWO_FINITE_ROWS,
    chi_square,
    counts,
    exact_states,
    log_marginal,
    machine,
    odd_probabilities,
    probabilities,
    rng,
    row_of,
    same_distribution,
    variances,
)
from marks import slow_but

every_machine = pytest.mark.parametrize("name", MACHINES)
listed = pytest.mark.parametrize("name", LISTED)
bipartite = pytest.mark.parametrize("name", BIPARTITE)
two_finite_rows = pytest.mark.parametrize("name", TWO_FINITE_ROWS)  # a continuous odd row is integrated among the units
deep = pytest.mark.parametrize("name", DEEP)


def some_states(m: Bipartite, count: int = 6, seed: int = 2):
    return m.sample_independent(count, generator=rng(seed))


@two_finite_rows
def test_free_energy_sums_the_joint_energy_over_the_odd_row(name):
    m = machine(name)
    x = some_states(m)
    y = m.odd.states()
    total = torch.logsumexp(torch.stack([-m.energy(x, state.expand(len(x), -1)) for state in y]), 0)
    assert torch.allclose(m.free_energy(x), -total, rtol=1e-12)


@bipartite
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
    if name in TWO_FINITE_ROWS and name in LISTED:
        x, y = m.even.states(), m.odd.states()
        pairs = [-m.energy(x, state.expand(len(x), -1)) for state in y]
        total = torch.logsumexp(torch.stack(pairs).flatten(), 0)
    elif name in LISTED:
        total = torch.logsumexp(-m.free_energy(row_of(m).states()), 0)
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
    if name in LISTED:
        x = row_of(m).states()
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
    """Return E[free_energy] over a partly continuous even row: a sum over the odd row, a quadrature in each site."""
    total = torch.zeros((), dtype=torch.float64)
    for state, odds in zip(y, odd_probabilities(m)[1], strict=True):
        points, weights = torch.zeros(1, 0, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
        field = m.down(state).detach()
        for columns in m.even.sites():
            values, share = _site(m.even.select(columns), field[columns])
            points = torch.cat([points.repeat_interleave(len(values), 0), values.repeat(len(points), 1)], -1)
            weights = weights.repeat_interleave(len(values)) * share.repeat(len(weights))
        total = total + odds * (weights * m.free_energy(points)).sum()
    return total


def _site(site, field):
    """Return values of one site and their probabilities given the field; Gauss–Legendre nodes on a line."""
    (leaf,) = site.components()
    if leaf.count < math.inf:
        values, log_share = leaf.states(), torch.zeros(int(leaf.count), dtype=torch.float64)
    else:
        low, high = (0.0 if isinstance(leaf, ReLU) else -25.0), 25.0
        nodes, shares = (torch.tensor(a) for a in np.polynomial.legendre.leggauss(100))
        values, log_share = low + (nodes[:, None] + 1) * (high - low) / 2, (shares * (high - low) / 2).log()
        if isinstance(leaf, ZeroInflated):  # and the point
            on = torch.cat([torch.ones_like(values), values], -1)
            values, log_share = torch.cat([on, on[:1] * 0]), torch.cat([log_share, log_share[:1] * 0])
    return values, torch.softmax((values @ field - leaf.energy(values) + log_share).detach(), 0)


@pytest.mark.parametrize("name", slow_but(MACHINES))
@pytest.mark.parametrize("gibbs_steps", [1, 4])
def test_chains_that_start_exact_stay_exact(name, gibbs_steps):
    m = machine(name)
    x = gibbs_sample(m, exact_states(m, DRAWS), gibbs_steps, generator=rng(gibbs_steps))
    if name in LISTED:
        s = row_of(m).states()
        same_distribution(x, s, probabilities(m, s))
    else:  # a continuous state is seen through the odd row that it draws
        y, p = odd_probabilities(m)
        same_distribution(m.odd.sample(m.up(x), generator=rng(9)), y, p)
        _means_agree(m, x, y, p)


def _means_agree(m, x, y, p):
    """The first two moments of the even row agree with enumeration of the odd one within 5 standard errors."""
    means = m.even.mean(m.down(y)).detach()
    squares = variances(m.even, m.down(y)) + means**2
    for power, truth in ((1, p @ means), (2, p @ squares)):
        error = (x**power).std(0) / len(x) ** 0.5
        assert (((x**power).mean(0) - truth).abs() < 5 * error).all()


@pytest.mark.parametrize("name", slow_but(LISTED))
def test_clamped_units_keep_their_value_and_the_rest_is_conditional(name):
    m = machine(name)
    s = row_of(m).states()
    first = len(m.visible.sites()[0])  # clamp one whole site
    clamped = torch.zeros(m.width, dtype=torch.bool)
    clamped[:first] = True
    agree = (s[:, :first] == s[0, :first]).all(-1)
    allowed = s[agree]
    p = torch.softmax(-m.free_energy(allowed), 0).detach()
    start = allowed[torch.multinomial(p, DRAWS, True, generator=rng())]
    x = gibbs_sample(m, start, 3, clamped, generator=rng(1))
    assert torch.equal(x[:, :first], start[:, :first])
    assert chi_square(counts(x, allowed), p) > LIMIT


@every_machine
def test_independent_machines_are_exact(name):
    m = machine(name).independent()
    assert all((weight == 0).all() for weight in m.weights)
    assert float(m.log_partition_independent().detach()) == pytest.approx(evaluation.log_partition(m).value, rel=1e-12)
    x = m.sample_independent(DRAWS, generator=rng())
    if name in LISTED:
        same_distribution(x, row_of(m).states(), probabilities(m, row_of(m).states()))


@every_machine
@pytest.mark.parametrize("coupled", [False, True])
def test_a_path_runs_from_one_machine_to_the_other(name, coupled):
    m = machine(name)
    start, x = machine(name, seed=8) if coupled else m.independent(), some_states(m)
    path = InterpolationPath(start, m)
    assert torch.allclose(path.at(0.0).free_energy(x), start.free_energy(x))
    assert torch.allclose(path.at(1.0).free_energy(x), m.free_energy(x))
    before = [p.clone() for p in m.parameters()]
    for beta in (0.5, 1.25):  # the line goes on beyond its end
        there = copy.deepcopy(m).requires_grad_(False)
        for p, a in zip(there.parameters(), start.parameters(), strict=True):
            p.lerp_(a.detach(), 1 - beta)
        here = path.at(beta)
        assert torch.allclose(here.free_energy(x), there.free_energy(x))
        assert torch.allclose(here.gibbs(x, generator=rng(1)), there.gibbs(x, generator=rng(1)))
        assert all(torch.allclose(a, b) for a, b in zip(here.weights, there.weights, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, m.parameters(), strict=True))


@every_machine
def test_a_ladder_is_many_machines_in_one(name):
    m = machine(name)
    betas = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    x = torch.stack([some_states(m, 5, seed) for seed in range(3)])
    path = InterpolationPath(m.independent(), m)
    stacked = path.at(betas[:, None, None]).free_energy(x)
    for k, beta in enumerate(betas):
        assert torch.allclose(stacked[k], path.at(beta).free_energy(x[k]))
    assert path.at(betas[:, None, None]).gibbs(x, generator=rng()).shape == x.shape


@every_machine
def test_a_seed_repeats_and_the_global_stream_is_left_alone(name):
    m = machine(name)
    x, before = some_states(m, 8), torch.get_rng_state()
    runs = [gibbs_sample(m, x, 3, generator=rng(1)) for _ in range(2)]
    assert torch.equal(*runs)
    assert not torch.equal(runs[0], gibbs_sample(m, x, 3, generator=rng(2)))
    assert torch.equal(torch.get_rng_state(), before)


@every_machine
def test_init_from_data_sets_visible_biases_alone(name):
    m = machine(name)
    own = {id(parameter) for parameter in m.visible.parameters()}
    others = [(p, p.clone()) for p in m.parameters() if id(p) not in own]
    data = exact_states(m, 500)[:, : m.visible.width]
    m.init_from_data(data)
    assert torch.allclose(m.visible.mean(m.visible.zero_field()), data.mean(0), atol=0.02)
    assert all(torch.equal(now, before) for now, before in others)


@listed
def test_the_bound_is_below_the_sum_over_the_rest_and_exact_without_any(name):
    m = machine(name)
    v = m.visible.states()
    truth = log_marginal(m, v)
    total = torch.logsumexp(truth, 0)
    assert float(total.detach()) == pytest.approx(evaluation.log_partition(m).value, rel=1e-12)
    assert (m.elbo(v) <= truth + 1e-12).all()
    if not m.latent:
        assert torch.equal(m.elbo(v), truth)
    else:
        assert (m.elbo(v) < truth - 1e-9).any()


@deep
def test_the_bound_is_the_expected_energy_and_entropy_of_its_means(name):
    """E_q[−energy] + entropy by brute force over every state of the factorized q, latent and summed-out rows alike."""
    m = machine(name)
    v = exact_states(m, 4)[:, : m.visible.width]
    x = torch.cat([v, m.mean_field(v).state[:, v.shape[1] :]], -1)
    q = [*zip(m.latent, m.mean_field(v).field.split([row.width for row in m.latent], -1), strict=True)]
    if name in BIPARTITE:
        q.append((m.odd, m.up(x)))
    for i in range(len(v)):
        total = torch.zeros((), dtype=torch.float64)
        listed = [(row.states(), field[i], row) for row, field in q]
        chosen = [(s, (s @ field - row.energy(s)).log_softmax(0)) for s, field, row in listed]
        for picked in itertools.product(*(range(len(states)) for states, _ in chosen)):
            states = [states[k] for (states, _), k in zip(chosen, picked, strict=True)]
            log_q = sum(score[k] for (_, score), k in zip(chosen, picked, strict=True))
            if name in BIPARTITE:
                minus_energy = -m.energy(torch.cat([v[i], *states[:-1]]), states[-1])
            else:
                minus_energy = -m.free_energy(torch.cat([v[i], *states]))
            total = total + log_q.exp() * (minus_energy - log_q)
        assert float(m.elbo(v)[i].detach()) == pytest.approx(float(total.detach()), abs=1e-9)


@deep
def test_the_bound_climbs_with_the_mean_field_steps_and_converges(name):
    m = machine(name)
    v = exact_states(m, 20)[:, : m.visible.width]
    reached = []
    for steps in (1, 2, 4, 8, 500):
        m.infer_steps = steps
        reached.append(m.elbo(v))
    assert all((later >= earlier - 1e-8).all() for earlier, later in pairwise(reached))
    q = m.mean_field(v)
    assert q.change < 1e-4
    assert q.steps < 500


@pytest.mark.parametrize("name", [name for name in DEEP if name in BIPARTITE])
def test_the_loss_of_a_deep_machine_has_the_gradient_of_its_bound(name):
    m = machine(name)
    v = exact_states(m, 6)[:, : m.visible.width]
    ours = torch.autograd.grad(m.free_energy(m.infer(v)).mean(), list(m.parameters()))
    exact = torch.autograd.grad(-m.elbo(v).mean(), list(m.parameters()))
    for a, b in zip(ours, exact, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", slow_but(LISTED))
def test_an_external_field_is_a_field_on_the_visible_units(name):
    """Gibbs steps under an external field leave exp(−free energy + field·v) alone."""
    m = machine(name)
    s = row_of(m).states()
    external_field = torch.linspace(-1, 1, m.visible.width, dtype=torch.float64)
    p = torch.softmax(s[:, : m.visible.width] @ external_field - m.free_energy(s), 0).detach()
    g = rng()
    x = s[categorical(p, DRAWS, generator=g)]
    for _ in range(2):
        x, mean = m.gibbs_with_means(x, external_field=external_field, generator=g)
    same_distribution(x, s, p)
    assert torch.allclose(mean.mean(0), p @ s, atol=0.02)


def test_reconstruction_is_one_pass_of_means():
    m = machine("bernoulli")
    x = some_states(m)
    h = torch.sigmoid(x @ m.weight + m.hidden.bias)
    assert torch.allclose(m.reconstruct(x), torch.sigmoid(h @ m.weight.T + m.visible.bias))


def test_the_free_energy_of_the_binary_machine_is_the_textbook_one():
    m = machine("bernoulli")
    x = row_of(m).states()
    visible, hidden, weight = (p.detach() for p in (m.visible.bias, m.hidden.bias, m.weight))
    by_hand = [-float(v @ visible) - sum(math.log1p(math.exp(f)) for f in (v @ weight + hidden).tolist()) for v in x]
    assert torch.allclose(m.free_energy(x).detach(), torch.tensor(by_hand, dtype=torch.float64))


def test_weights_start_small_and_follow_the_generator():
    a, b = (RBM(Bernoulli(50), Bernoulli(40), generator=rng(3)) for _ in range(2))
    assert torch.equal(a.weight, b.weight)
    assert float(a.weight.detach().std()) == pytest.approx(0.01, rel=0.05)


@every_machine
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_a_temperature_divides_the_energy(name, temperature):
    """Between any two joint states; the number of ways to reach a count of trials is no energy, and stays."""
    m = machine(name)
    hot = at_temperature(m, temperature)
    x, y = some_states(m), m.odd.sample(m.odd.zero_field(6), generator=rng()) if isinstance(m, Bipartite) else None

    def energy(one):
        return one.free_energy(x) if y is None else one.energy(x, y)

    ways = torch.zeros(6).double()
    for row, state in zip(m.rows, [x] if y is None else [x, y], strict=True):
        parts = row.components()
        for part, piece in zip(parts, state.split([part.width for part in parts], -1), strict=True):
            ways += part.energy(piece) + (part.bias * piece).sum(-1) if isinstance(part, Binomial) else 0
    assert torch.allclose(energy(hot) - ways, (energy(m) - ways) / temperature, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(InputError, match="above 0"):
        at_temperature(machine("bernoulli"), temperature)
