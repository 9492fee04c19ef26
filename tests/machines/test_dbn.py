"""The deep belief network: its passes by hand, its bound by enumeration, its parts apart."""

import itertools

import pytest
import torch

from harmonium import DBN, RBM, Bernoulli, Concat, Gaussian, Potts, SigmoidBeliefLayer, numerics
from harmonium.machines import evidence, log_density
from laws import randomized, rng

LABELS = 3
NETS = {
    "plain": lambda: DBN(SigmoidBeliefLayer(Bernoulli(3), Bernoulli(2)), top=RBM(Bernoulli(2), Bernoulli(2))),
    "deeper": lambda: DBN(
        SigmoidBeliefLayer(Bernoulli(4), Bernoulli(3)),
        SigmoidBeliefLayer(Bernoulli(3), Bernoulli(2)),
        top=RBM(Bernoulli(2), Bernoulli(3)),
    ),
    "labeled": lambda: DBN(
        SigmoidBeliefLayer(Bernoulli(3), Bernoulli(2)), top=RBM(Concat(Bernoulli(2), Potts(1, LABELS)), Bernoulli(2))
    ),
    "deeper, labeled": lambda: DBN(
        SigmoidBeliefLayer(Bernoulli(4), Bernoulli(3)),
        SigmoidBeliefLayer(Bernoulli(3), Bernoulli(2)),
        top=RBM(Concat(Bernoulli(2), Potts(1, LABELS)), Bernoulli(2)),
    ),
    "gaussian visible": lambda: DBN(SigmoidBeliefLayer(Gaussian(2), Bernoulli(3)), top=RBM(Bernoulli(3), Bernoulli(2))),
}
every_net = pytest.mark.parametrize("name", NETS)
binary = pytest.mark.parametrize("name", [name for name in NETS if name != "gaussian visible"])


def net(name: str) -> DBN:
    return randomized(NETS[name]()).requires_grad_(False)


def rows(dbn: DBN, count: int, seed: int = 4):
    return dbn.sample_independent(count, generator=rng(seed))


def bits(row, x, field):
    """Return log p of each state of a row of bits under a field, written out."""
    p = torch.sigmoid(row.bias + field)
    return (x * p.log() + (1 - x) * (1 - p).log()).sum(-1)


def written_out(dbn: DBN, x):
    """Return for one row every state of the layers above: log q of it, and log p(row, state) + log Z of the top."""
    v, label = x[: dbn.visible.width], x[dbn.visible.width :]
    log_q, log_p = [], []
    for states in itertools.product(*(layer.above.states() for layer in dbn.arrows())):
        chain = [v, *states]
        pairs = list(zip(dbn.arrows(), chain, chain[1:], strict=False))
        log_q.append(sum(bits(layer.above, above, below @ layer.recognition) for layer, below, above in pairs))
        down = sum(bits(layer.below, below, layer.generation @ above) for layer, below, above in pairs)
        labels = [label] if len(label) or not dbn.labels else torch.eye(dbn.labels, dtype=x.dtype)
        codes = [-dbn.top.free_energy(torch.cat([states[-1], mark])) for mark in labels]
        log_p.append(down + torch.logsumexp(torch.stack(codes), 0))
    return torch.stack(log_q), torch.stack(log_p)


def hidden_label(dbn: DBN, x):
    return x[..., : dbn.visible.width]


@pytest.mark.parametrize("seen", [lambda dbn, x: x, hidden_label], ids=["whole row", "label missing"])
@binary
def test_the_bound_averages_to_its_expectation_and_lies_below_the_truth(name, seen):
    dbn = net(name)
    for x in seen(dbn, rows(dbn, 3)):
        log_q, log_p = written_out(dbn, x)
        q = log_q.exp()
        assert float(q.sum()) == pytest.approx(1, rel=1e-12)
        expected = q @ (log_p - log_q)
        truth = torch.logsumexp(log_p, 0)
        draws = dbn.elbo(x.expand(20_000, -1), generator=rng(1))
        assert abs(draws.mean() - expected) < 5 * draws.std() / len(draws) ** 0.5
        assert expected < truth
        estimate = (draws - draws.max()).exp()  # importance sampling: exp(bound) averages to p(row)·Z
        error = estimate.std() / estimate.mean() / len(draws) ** 0.5
        assert abs(estimate.mean().log() + draws.max() - truth) < 5 * error + error**2


@binary
def test_with_the_posterior_for_recognition_every_draw_of_the_bound_is_exact(name):
    """Without couplings the layers are independent, and recognition with the biases of generation is the posterior."""
    dbn = net(name)
    for layer in dbn.arrows():
        layer.generation.zero_()
        layer.recognition.zero_()
    for lower, upper in itertools.pairwise(dbn.arrows()):
        lower.above.bias.copy_(upper.below.bias)
    dbn.top.weight.zero_()
    dbn.arrows()[-1].above.bias.copy_(dbn.top.visible.bias[: dbn.code])
    x = rows(dbn, 50)
    truth = [torch.logsumexp(written_out(dbn, row)[1], 0) for row in x]
    assert torch.allclose(dbn.elbo(x, generator=rng()), torch.stack(truth), rtol=1e-10)


def test_a_log_density_is_field_times_state_less_energy_and_normalisation():
    row = randomized(Gaussian(2)).requires_grad_(False)
    x, field = torch.randn(2, 5, 2, generator=rng(), dtype=torch.float64)
    scale = (-row.log_precision / 2).exp()
    truth = torch.distributions.Normal((row.bias + field) * scale**2, scale).log_prob(x).sum(-1)
    assert torch.allclose(log_density(row, x, field), truth, rtol=1e-12)


def rbms(labels: int = 0):
    top = Concat(Bernoulli(2), Potts(1, labels)) if labels else Bernoulli(2)
    shapes = [(Bernoulli(4), Bernoulli(3)), (Bernoulli(3), Bernoulli(2)), (top, Bernoulli(5))]
    return [randomized(RBM(*shape), seed=i) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("labels", [0, LABELS])
def test_a_stack_copies_its_machines_and_shares_nothing(labels):
    parts = rbms(labels)
    dbn = DBN.stack(parts)
    assert (dbn.labels, dbn.code, dbn.width, dbn.visible.width) == (labels, 2, 4 + labels, 4)
    for layer, rbm in zip(dbn.arrows(), parts, strict=False):
        assert torch.equal(layer.recognition, rbm.weight)
        assert torch.equal(layer.generation, rbm.weight)
        assert torch.equal(layer.below.bias, rbm.visible.bias)
        assert torch.equal(layer.above.bias, rbm.hidden.bias)
    assert all(torch.equal(a, b) for a, b in zip(dbn.top.parameters(), parts[-1].parameters(), strict=True))
    everything = [p for module in (dbn, *parts) for p in module.parameters()]
    assert len({p.data_ptr() for p in everything}) == len(everything)
    assert all(p.requires_grad and p.dtype == torch.float64 for p in dbn.parameters())
    names = [f"{layer}.{name}" for layer in ("layers.0", "layers.1") for name in ("recognition", "generation")]
    clamped = dict(dbn.named_parameters())
    weights = [*(clamped[name] for name in names), dbn.top.weight]
    assert all(a is b for a, b in zip(dbn.weights, weights, strict=True))


def test_recognition_and_generation_move_apart():
    dbn = DBN.stack(rbms()).requires_grad_(False)
    v = rows(dbn, 6)
    code = dbn.recognize(v, generator=rng(1))[-1]
    before = dbn.recognize(v, generator=rng(1)), dbn.generate(code, generator=rng(1))
    for layer in dbn.arrows():
        layer.recognition += 5
        layer.above.bias -= 3
    up, down = dbn.recognize(v, generator=rng(1)), dbn.generate(code, generator=rng(1))
    assert not torch.equal(up[-1], before[0][-1])
    assert all(torch.equal(a, b) for a, b in zip(down, before[1], strict=True))
    for layer in dbn.arrows():
        layer.generation += 5
        layer.below.bias -= 3
    again = dbn.recognize(v, generator=rng(1)), dbn.generate(code, generator=rng(1))
    assert all(torch.equal(a, b) for a, b in zip(again[0], up, strict=True))
    assert not torch.equal(again[1][0], down[0])


def test_layers_that_do_not_meet_are_refused():
    lower, top = SigmoidBeliefLayer(Bernoulli(4), Bernoulli(3)), RBM(Bernoulli(2), Bernoulli(2))
    with pytest.raises(ValueError, match="ends in 3 units and the next begins with 2"):
        DBN(lower, top=top)
    with pytest.raises(ValueError, match="ends in 3 units and the next begins with 4"):
        DBN(lower, SigmoidBeliefLayer(Bernoulli(4), Bernoulli(2)), top=top)


@every_net
def test_the_passes_up_and_down_are_what_they_say(name):
    dbn = net(name)
    x = rows(dbn, 6)
    v, label = x[:, : dbn.visible.width], x[:, dbn.visible.width :]
    means, states, g = [v], [v], rng(2)
    for layer in dbn.arrows():
        means.append(torch.sigmoid(means[-1] @ layer.recognition + layer.above.bias))
        states.append(numerics.bernoulli(states[-1] @ layer.recognition + layer.above.bias, generator=g))
    assert torch.allclose(dbn.encode(x), torch.cat([means[-1], label], -1), rtol=1e-12)
    assert torch.allclose(dbn.encode(v), means[-1], rtol=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(dbn.recognize(v, generator=rng(2)), states, strict=True))
    below, g = [states[-1]], rng(3)
    for layer in reversed(dbn.arrows()[1:]):
        below.insert(0, numerics.bernoulli(below[0] @ layer.generation.T + layer.below.bias, generator=g))
    lowest = dbn.arrows()[0]
    below.insert(0, lowest.below.mean(below[0] @ lowest.generation.T))
    assert all(torch.equal(a, b) for a, b in zip(dbn.generate(states[-1], generator=rng(3)), below, strict=True))


@every_net
def test_the_means_of_the_hidden_layers_are_those_of_the_pass_up(name):
    dbn = net(name)
    x = rows(dbn, 6)
    found = dbn.hidden_means(x)
    assert [means.shape[1] for means in found] == [*(layer.above.width for layer in dbn.arrows()), dbn.top.hidden.width]
    assert torch.equal(found[-2], dbn.encode(x)[:, : dbn.code])
    assert torch.equal(found[-1], dbn.top.hidden.mean(dbn.top.up(dbn.encode(x))))
    even = torch.full((6, dbn.labels), 1 / max(dbn.labels, 1), dtype=torch.float64)
    missing = dbn.hidden_means(x[:, : dbn.visible.width])[-1]
    assert torch.equal(missing, dbn.hidden_means(torch.cat([x[:, : dbn.visible.width], even], -1))[-1])


@every_net
def test_a_reconstruction_goes_up_and_down_by_means(name):
    dbn = net(name)
    x = rows(dbn, 6)
    top = dbn.top.visible.mean(torch.sigmoid(dbn.encode(x) @ dbn.top.weight + dbn.top.hidden.bias) @ dbn.top.weight.T)
    v = top[:, : dbn.code]
    for layer in reversed(dbn.arrows()):
        v = layer.below.mean(v @ layer.generation.T)
    assert torch.allclose(dbn.reconstruct(x), torch.cat([v, top[:, dbn.code :]], -1), rtol=1e-12)


@every_net
def test_a_gibbs_step_is_a_pass_up_one_of_the_top_and_a_pass_down(name):
    dbn = net(name)
    x, external_field = rows(dbn, 6), torch.linspace(-2, 2, dbn.visible.width, dtype=torch.float64)
    g = rng(5)
    code = torch.cat([dbn.recognize(x[:, : dbn.visible.width], generator=g)[-1], x[:, dbn.visible.width :]], -1)
    code = dbn.top.gibbs(code, generator=g)
    states = dbn.generate(code[:, : dbn.code], generator=g)
    lowest = dbn.arrows()[0]
    field = states[1] @ lowest.generation.T
    for extra in (None, external_field):
        field = field if extra is None else field + extra
        new, mean = dbn.gibbs_with_means(x, None, extra, generator=rng(5))
        here = g.get_state()
        assert torch.equal(new[:, : dbn.visible.width], lowest.below.sample(field, generator=g))
        g.set_state(here)
        assert torch.equal(mean[:, : dbn.visible.width], lowest.below.mean(field))
        assert torch.equal(new[:, dbn.visible.width :], code[:, dbn.code :])
        assert torch.equal(mean[:, dbn.visible.width :], code[:, dbn.code :])


@every_net
def test_clamped_columns_stay(name):
    dbn = net(name)
    x = rows(dbn, 200)
    clamped = torch.zeros(dbn.width, dtype=torch.bool)
    clamped[0] = True
    new, mean = dbn.gibbs_with_means(x, clamped, generator=rng(1))
    assert torch.equal(new[:, 0], x[:, 0])
    assert torch.equal(mean[:, 0], x[:, 0])
    assert (new[:, 1:] != x[:, 1:]).any(0).all()


@pytest.mark.parametrize("name", ["labeled", "deeper, labeled"])
def test_a_clamped_label_is_clamped_in_the_top_too(name):
    """One label stays, and the codes below it are drawn from a Gibbs step of the top that holds it."""
    dbn = net(name)
    x = rows(dbn, 200)
    clamped = torch.arange(dbn.width) >= dbn.visible.width
    new, _ = dbn.gibbs_with_means(x, clamped, generator=rng(1))
    assert torch.equal(new[:, clamped], x[:, clamped])
    g = rng(1)
    code = torch.cat([dbn.recognize(x[:, ~clamped], generator=g)[-1], x[:, clamped]], -1)
    still = torch.arange(dbn.top.width) >= dbn.code
    code = dbn.top.gibbs(code, still, generator=g)
    below = dbn.generate(code[:, : dbn.code], generator=g)[1]
    lowest = dbn.arrows()[0]
    assert torch.equal(new[:, ~clamped], lowest.below.sample(lowest.down(below), generator=g))


@pytest.mark.parametrize("name", ["plain", "labeled"])
def test_exact_codes_generate_rows_with_the_exact_means(name):
    dbn = net(name)
    codes = dbn.top.visible.states()
    p = torch.softmax(-dbn.top.free_energy(codes), 0)
    ours = p @ dbn.generate(codes[:, : dbn.code])[0]
    v = dbn.visible.states()
    joint = torch.stack([torch.logsumexp(written_out(dbn, row)[1], 0) for row in v])
    assert torch.allclose(torch.softmax(joint, 0) @ v, ours, rtol=1e-12)


@every_net
def test_independent_samples_are_rows_with_labels_behind_them(name):
    dbn = net(name)
    x = dbn.sample_independent(20_000, generator=rng())
    assert x.shape == (20_000, dbn.width)
    v, label = dbn.split(x)
    assert dbn.visible.in_support(v)
    mean = torch.cat(
        [dbn.visible.mean(dbn.visible.zero_field()), dbn.top.visible.mean(dbn.top.visible.zero_field())[dbn.code :]]
    )
    assert ((x.mean(0) - mean).abs() < 5 * x.std(0) / len(x) ** 0.5).all()
    assert not dbn.labels or (label.sum(-1) == 1).all()


@pytest.mark.parametrize("labels", [0, LABELS])
def test_without_directed_layers_it_is_its_top(labels):
    top = rbms(labels)[-1].requires_grad_(False)
    dbn = DBN.stack([top])
    x = top.sample_independent(6, generator=rng())
    clamped, external_field = x[0] > 0, torch.linspace(-1, 1, x.shape[1], dtype=torch.float64)
    assert (dbn.width, dbn.labels, dbn.visible.width) == (top.width, labels, top.visible.width)
    assert dbn.visible is dbn.top.visible
    for read in (
        lambda m: torch.stack(m.gibbs_with_means(x, clamped, external_field, generator=rng(1))),
        lambda m: m.sample_independent(4, generator=rng(1)),
        lambda m: m.elbo(x),
        lambda m: m.reconstruct(x),
        lambda m: m.hidden_means(x)[0],
        lambda m: m.infer(x),
        lambda m: m.weights[0],
    ):
        assert torch.equal(read(dbn), read(top))
    assert torch.equal(dbn.encode(x), x)
    code = x[:, : dbn.code]
    assert torch.equal(dbn.elbo(code), evidence(top, code))
    assert torch.equal(torch.stack(dbn.recognize(code)), code[None])
    assert torch.equal(torch.stack(dbn.generate(code)), code[None])
