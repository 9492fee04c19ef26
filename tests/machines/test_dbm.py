"""The deep Boltzmann machine: its energy, its shallow case, how it is stacked, the gradient of its bound."""

import itertools

import pytest
import torch

from harmonium import DBM, RBM, Bernoulli, DoubledRBM, Gaussian, HybridLoss, Potts, Spin, evaluation, gibbs_sample
from laws import BIPARTITE, DEEP, MACHINES, along, exact_states, machine, randomized, rng, row_of, slope

DEEP_DBMS = [name for name in DEEP if name in BIPARTITE]
TIMES = [(2, 1), (2, 2), (1, 2)]  # the lowest pair, one in the middle, the highest


def same_parameters(dbm: DBM) -> RBM:
    rbm = RBM(*(type(row)(row.width) for row in dbm.layers)).double()
    for mine, theirs in zip(rbm.layers, dbm.layers, strict=True):
        mine.load_state_dict(theirs.state_dict())
    rbm.weight.data.copy_(dbm.weights[0])
    return rbm


@pytest.mark.parametrize("rows", [(Bernoulli(4), Bernoulli(3)), (Spin(3), Gaussian(2)), (Gaussian(3), Bernoulli(2))])
def test_two_layers_are_an_rbm(rows):
    deep = randomized(DBM(*rows))
    shallow = same_parameters(deep)
    v = deep.sample_independent(7, generator=rng())
    clamped, external_field = v[0] > 0, torch.linspace(-1, 1, v.shape[1], dtype=torch.float64)
    assert deep.latent == shallow.latent == []
    for read in (
        lambda m: m.free_energy(v),
        lambda m: m.energy(v, m.odd.mean(m.up(v))),
        lambda m: m.elbo(v),
        lambda m: m.infer(v),
        lambda m: m.mean_field(v).state,
        lambda m: m.hidden_means(v)[0],
        lambda m: m.reconstruct(v),
        lambda m: gibbs_sample(m, v, 3, clamped, generator=rng(1)),
        lambda m: torch.stack(m.gibbs_with_means(v, clamped, external_field, generator=rng(1))),
        lambda m: m.sample_independent(5, generator=rng(1)),
        lambda m: m.log_partition_independent(),
        lambda m: m.independent().free_energy(v),
        lambda m: torch.tensor(evaluation.log_partition(m).value),
        lambda m: m.weights[0],
        lambda m: m.init_from_data(v).visible.bias,
    ):
        assert torch.equal(read(deep), read(shallow))


@pytest.mark.parametrize("name", DEEP_DBMS)
def test_the_energy_is_the_literal_sum_over_units_and_pairs(name):
    m = machine(name).requires_grad_(False)
    g = rng(2)
    x, y = m.even.sample(m.even.zero_field(5), generator=g), m.odd.sample(m.odd.zero_field(5), generator=g)
    even = x.split([row.width for row in m.layers[0::2]], -1)
    odd = y.split([row.width for row in m.layers[1::2]], -1)
    states = [(even, odd)[i % 2][i // 2] for i in range(len(m.layers))]
    for n in range(5):
        total = 0.0
        for row, state in zip(m.layers, states, strict=True):
            bias = torch.cat([leaf.bias for leaf in row.components()])
            total -= sum(float(bias[i] * state[n, i]) for i in range(row.width))
        for weight, below, above in zip(m.weights, states, states[1:], strict=False):
            for i, j in itertools.product(*map(range, weight.shape)):
                total -= float(weight[i, j] * below[n, i] * above[n, j])
        assert float(m.energy(x[n], y[n])) == pytest.approx(total, rel=1e-12)


def test_fewer_than_two_layers_are_refused():
    with pytest.raises(ValueError, match="given 1 layers: give two or more"):
        DBM(Bernoulli(3))


@pytest.mark.parametrize("name", DEEP_DBMS)
def test_mean_field_converges_to_means_that_ask_for_each_other(name, monkeypatch):
    """And `hidden_means` gives them layer by layer."""
    monkeypatch.setattr("harmonium.machines.base.CLOSE", 1e-14)
    m = machine(name).requires_grad_(False)
    m.infer_steps = 10_000
    v = exact_states(m, 4)[:, : m.visible.width]
    means = [v, *m.hidden_means(v)]
    for i, row in enumerate(m.layers[1:], 1):
        field = means[i - 1] @ m.weights[i - 1]
        if i + 1 < len(means):
            field = field + means[i + 1] @ m.weights[i].T
        assert torch.allclose(means[i], row.mean(field), atol=1e-12)


@pytest.mark.parametrize(("up_times", "down_times"), TIMES)
def test_a_doubled_machine_sees_as_many_copies_as_it_says(up_times, down_times):
    m = randomized(DoubledRBM(Bernoulli(3), Bernoulli(2), up_times, down_times)).requires_grad_(False)
    v, h = m.visible.states(), m.hidden.states()
    up = torch.sigmoid(up_times * (v @ m.weight) + m.hidden.bias)
    down = torch.sigmoid(down_times * (h @ m.weight.T) + m.visible.bias)
    assert torch.allclose(m.hidden.mean(m.up(v)), up, rtol=1e-12)
    assert torch.allclose(m.visible.mean(m.down(h)), down, rtol=1e-12)
    x = m.gibbs(v[5].expand(100_000, -1), generator=rng())
    log_up = (h * up[5].log() + (1 - h) * (1 - up[5]).log()).sum(-1)
    truth = log_up.exp() @ down
    assert ((x.mean(0) - truth).abs() < 5 * x.std(0) / len(x) ** 0.5).all()


@pytest.mark.parametrize(("up_times", "down_times"), TIMES)
def test_a_doubled_machine_has_the_plain_gradient_of_its_weights(up_times, down_times):
    m = randomized(DoubledRBM(Bernoulli(3), Bernoulli(2), up_times, down_times))
    v, u = (m.sample_independent(9, generator=rng(seed)) for seed in (1, 2))
    (m.free_energy(v).mean() - m.free_energy(u).mean()).backward()
    hv, hu = (torch.sigmoid(up_times * (x @ m.weight) + m.hidden.bias).detach() for x in (v, u))
    assert torch.allclose(m.weight.grad, (u.T @ hu - v.T @ hv) / 9, rtol=1e-12, atol=1e-14)
    assert torch.allclose(m.visible.bias.grad, (u.mean(0) - v.mean(0)) / down_times, rtol=1e-12, atol=1e-14)
    assert torch.allclose(m.hidden.bias.grad, (hu.mean(0) - hv.mean(0)) / up_times, rtol=1e-12, atol=1e-14)


def doubled(widths):
    """Return pairs that will make a machine of layers of these widths, the pairs at the ends doubled on one side."""
    last = len(widths) - 2
    return [
        randomized(
            DoubledRBM(Bernoulli(below), Bernoulli(above), 1 if i == last else 2, 2 if i else 1), seed=i
        ).requires_grad_(False)
        for i, (below, above) in enumerate(itertools.pairwise(widths))
    ]


@pytest.mark.parametrize("widths", [(4, 3, 2), (4, 3, 2, 5)])
def test_a_stack_has_the_weights_of_its_pairs_and_the_share_of_their_biases(widths):
    halves = doubled(widths)
    m = DBM.stack(halves, infer_steps=7)
    layers = m.layers
    assert m.infer_steps == 7
    assert all(torch.equal(weight, half.weight) for weight, half in zip(m.weights, halves, strict=True))
    assert torch.equal(layers[0].bias, halves[0].visible.bias)
    for i in range(1, len(widths) - 1):
        assert torch.allclose(layers[i].bias, (halves[i - 1].hidden.bias + halves[i].visible.bias) / 2, rtol=1e-12)
    assert torch.equal(layers[-1].bias, halves[-1].hidden.bias)
    mine = {p.data_ptr() for p in m.parameters()}
    assert not mine & {p.data_ptr() for half in halves for p in half.parameters()}


@pytest.mark.parametrize("widths", [(4, 3, 2), (4, 3, 2, 5)])
def test_a_layer_between_two_pairs_is_asked_for_the_mean_of_what_both_ask(widths):
    halves = doubled(widths)
    m = DBM.stack(halves)
    states = [row.sample(row.zero_field(6), generator=rng(i)) for i, row in enumerate(m.layers)]
    y = torch.cat(states[1::2], -1)
    wanted = m.even.mean(m.down(y)).split([row.width for row in m.layers[0::2]], -1)
    x = torch.cat(states[0::2], -1)
    others = m.odd.mean(m.up(x)).split([row.width for row in m.layers[1::2]], -1)
    means = [(wanted, others)[i % 2][i // 2] for i in range(len(states))]
    for i in range(1, len(states) - 1):
        below, above = halves[i - 1], halves[i]
        from_below = below.hidden.bias + below.up(states[i - 1])
        from_above = above.visible.bias + above.down(states[i + 1])
        assert torch.allclose(means[i], torch.sigmoid((from_below + from_above) / 2), rtol=1e-12)
    assert torch.allclose(means[0], torch.sigmoid(halves[0].visible.bias + halves[0].down(states[1])), rtol=1e-12)
    assert torch.allclose(means[-1], torch.sigmoid(halves[-1].hidden.bias + halves[-1].up(states[-2])), rtol=1e-12)


@pytest.mark.parametrize("name", DEEP_DBMS)
def test_the_positive_phase_has_the_total_derivative_of_the_mean_bound(name, monkeypatch):
    """At the fixed point the inference needs no derivative of its own."""
    monkeypatch.setattr("harmonium.machines.base.CLOSE", 1e-14)
    m = machine(name)
    m.infer_steps = 10_000
    v = exact_states(m, 4)[:, : m.visible.width]
    direction, total, error = slope(m, lambda: m.elbo(v).mean())
    assert along(m, -m.free_energy(m.infer(v)).mean(), direction) == pytest.approx(total, abs=error)


def test_the_discriminative_penalty_has_the_total_derivative_of_the_bounds(monkeypatch):
    monkeypatch.setattr("harmonium.machines.base.CLOSE", 1e-14)
    m = machine("labeled three layers")
    m.infer_steps = 10_000
    x = m.infer(exact_states(m, 6)[:, : m.visible.width])
    direction, total, error = slope(m, lambda: HybridLoss(0.7)(m, x))
    assert along(m, HybridLoss(0.7)(m, x), direction) == pytest.approx(total, abs=error)
    labels = torch.eye(3, dtype=torch.float64)
    bounds = torch.stack([m.elbo(torch.cat([x[:, :2], label.expand(6, 3)], -1)) for label in labels], -1)
    wanted = -0.7 * (bounds.log_softmax(-1) * x[:, 2:5]).sum(-1).mean()
    assert float(HybridLoss(0.7)(m, x).detach()) == pytest.approx(float(wanted.detach()), rel=1e-12)


def test_the_rows_of_a_labeled_machine_are_where_they_should_be():
    m = MACHINES["labeled three layers"]()
    assert m.labels == 3
    assert isinstance(m.visible.components()[-1], Potts)
    assert [row.width for row in m.layers] == [5, 3, 2]
    assert row_of(m).width == m.width == 7
