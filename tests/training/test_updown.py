"""Up-down against a transcription of the published algorithm (Hinton, Osindero & Teh, 2006, appendix B)."""

import copy
import math
from itertools import pairwise

import pytest
import torch

from harmonium import DBN, RBM, Bernoulli, Concat, DivergenceError, Gaussian, Potts, SigmoidBeliefLayer, numerics
from harmonium.training import param_groups, updown
from harmonium.training.updown import _cd_chain
from laws import DRAWS, exact_states, probabilities, randomized, rng, same_distribution

RATES = {"generation": 0.3, "recognition": 0.02, "top": 0.1}
LABELS = 3


def network(*widths: int, labels: int = LABELS, visible=Bernoulli) -> DBN:
    """Return a network of directed layers between these widths, under a top of the last two."""
    rows = [visible(widths[0]), *(Bernoulli(width) for width in widths[1:-1])]
    layers = [SigmoidBeliefLayer(below, Bernoulli(above.width)) for below, above in pairwise(rows)]
    code = Concat(Bernoulli(widths[-2]), Potts(1, labels)) if labels else Bernoulli(widths[-2])
    return randomized(DBN(*layers, top=RBM(code, Bernoulli(widths[-1]))), 0.5)


def batch(dbn: DBN, count: int = 7, seed: int = 3):
    return dbn.sample_independent(count, generator=rng(seed))


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def softmax(x):
    return torch.exp(x) / torch.exp(x).sum(-1, keepdim=True)


def published(p, x, y, gibbs_steps, g):
    """Make one update of the dictionary of tensors ``p``: two directed layers, a top with labels (none if y is empty).

    Rows instead of the pseudo-code's columns.  A label that is drawn at the top costs a draw and is not used.
    """
    n, labels = len(x), y.shape[1]

    def bernoulli(odds):
        return numerics.bernoulli(torch.log(odds / (1 - odds)), generator=g)

    # the pass up
    h1 = bernoulli(sigmoid(x @ p["R1"] + p["r1"]))
    h2 = bernoulli(sigmoid(h1 @ p["R2"] + p["r2"]))
    t0 = bernoulli(sigmoid(h2 @ p["W"] + y @ p["U"] + p["ct"]))
    # Gibbs sampling at the top
    t = t0
    for _ in range(gibbs_steps):
        q2 = bernoulli(sigmoid(t @ p["W"].T + p["b2"]))
        yl = softmax(t @ p["U"].T + p["by"]) if labels else y
        if labels:
            numerics.one_hot(yl.log(), generator=g)
        t = bernoulli(sigmoid(q2 @ p["W"] + yl @ p["U"] + p["ct"]))
    # the pass down, the picture by probabilities
    s1 = bernoulli(sigmoid(q2 @ p["G2"] + p["g1"]))
    sx = sigmoid(s1 @ p["G1"] + p["gx"])
    # predictions
    p2, p1 = sigmoid(s1 @ p["R2"] + p["r2"]), sigmoid(sx @ p["R1"] + p["r1"])
    px, ph1 = sigmoid(h1 @ p["G1"] + p["gx"]), sigmoid(h2 @ p["G2"] + p["g1"])
    # generation
    a, b, c = (RATES[name] / n for name in ("generation", "top", "recognition"))
    p["G1"] += a * h1.T @ (x - px)
    p["gx"] += a * (x - px).sum(0)
    p["G2"] += a * h2.T @ (h1 - ph1)
    p["g1"] += a * (h1 - ph1).sum(0)
    # the top
    p["U"] += b * (y.T @ t0 - yl.T @ t)
    p["by"] += b * (y - yl).sum(0)
    p["W"] += b * (h2.T @ t0 - q2.T @ t)
    p["b2"] += b * (h2 - q2).sum(0)
    p["ct"] += b * (t0 - t).sum(0)
    # recognition
    p["R2"] += c * s1.T @ (q2 - p2)
    p["r2"] += c * (q2 - p2).sum(0)
    p["R1"] += c * sx.T @ (s1 - p1)
    p["r1"] += c * (s1 - p1).sum(0)


def named(dbn: DBN) -> dict[str, torch.Tensor]:
    """Return the parameters of a network of two directed layers under the names of the pseudo-code."""
    one, two = dbn.arrows()
    first, labeled = dbn.code, len(dbn.top.visible.components()) > 1
    bias = torch.cat([part.bias for part in dbn.top.visible.components()])
    found = {
        "R1": one.recognition, "r1": one.above.bias, "G1": one.generation.T, "gx": one.below.bias,
        "R2": two.recognition, "r2": two.above.bias, "G2": two.generation.T, "g1": two.below.bias,
        "W": dbn.top.weight[:first], "U": dbn.top.weight[first:], "ct": dbn.top.hidden.bias,
        "b2": bias[:first], "by": bias[first:] if labeled else bias[:0],
    }  # fmt: skip
    return {name: value.detach().clone() for name, value in found.items()}


@pytest.mark.parametrize("gibbs_steps", [1, 3])
@pytest.mark.parametrize("labels", [LABELS, 0])
def test_three_steps_are_those_of_the_published_algorithm(labels, gibbs_steps):
    dbn = network(6, 5, 4, 3, labels=labels)
    truth, g = named(dbn), rng(9)
    rows = [batch(dbn, seed=seed) for seed in range(3)]
    for x in rows:
        published(truth, x[:, :6], x[:, 6:], gibbs_steps, g)
    start = named(dbn)
    optimizer = torch.optim.SGD(param_groups(dbn, **RATES))
    steps = list(updown(dbn, rows, optimizer, gibbs_steps=gibbs_steps, generator=rng(9)))
    assert [step.index for step in steps] == [0, 1, 2]
    for name, value in named(dbn).items():
        assert torch.allclose(value, truth[name], rtol=0, atol=1e-12), name
        assert not value.numel() or not torch.equal(value, start[name]), name


def test_one_directed_layer_is_enough():
    """With one layer the top's code is what recognition names, and generation explains the row from it."""
    dbn = network(6, 4, 3)
    layer, x = dbn.arrows()[0], batch(dbn)
    before = {name: p.detach().clone() for name, p in dbn.named_parameters()}
    h = numerics.bernoulli(x[:, :6] @ layer.recognition + layer.above.bias, generator=(g := rng(9))).detach()
    first, end, last = _cd_chain(dbn.top, torch.cat([h, x[:, 6:]], -1), 3, generator=g)
    q, n = end[:, :4], len(x)
    px = sigmoid(h @ layer.generation.T + layer.below.bias).detach()
    sx = sigmoid(q @ layer.generation.T + layer.below.bias).detach()
    p1 = sigmoid(sx @ layer.recognition + layer.above.bias).detach()
    top = (torch.cat([h, x[:, 6:]], -1).T @ first - end.T @ last) / n
    step = next(updown(dbn, [x], torch.optim.SGD(param_groups(dbn, **RATES)), generator=rng(9)))
    for name, change in (
        ("layers.0.generation", RATES["generation"] * (x[:, :6] - px).T @ h / n),
        ("layers.0.below.bias", RATES["generation"] * (x[:, :6] - px).mean(0)),
        ("layers.0.recognition", RATES["recognition"] * sx.T @ (q - p1) / n),
        ("layers.0.above.bias", RATES["recognition"] * (q - p1).mean(0)),
        ("top.weight", RATES["top"] * top),
    ):
        assert torch.allclose(dict(dbn.named_parameters())[name] - before[name], change, rtol=0, atol=1e-12), name
    loss = -(x[:, :6] * px.log() + (1 - x[:, :6]) * (1 - px).log()).sum(-1).mean()
    assert float(step.loss) == pytest.approx(float(loss), rel=1e-12)
    assert torch.equal(step.negative, end)
    assert torch.equal(step.positive, torch.cat([h, x[:, 6:]], -1))


def test_without_directed_layers_it_is_contrastive_divergence_of_the_top():
    dbn = network(4, 3)
    x, weight = batch(dbn), dbn.top.weight.detach().clone()
    first, end, last = _cd_chain(dbn.top, x, 2, generator=rng(9))
    step = next(updown(dbn, [x], torch.optim.SGD(dbn.parameters(), 0.1), gibbs_steps=2, generator=rng(9)))
    change = 0.1 * (x.T @ first - end.T @ last) / len(x)
    assert torch.allclose(dbn.top.weight - weight, change, rtol=0, atol=1e-12)
    assert torch.equal(step.negative, end)


def test_real_rows_are_explained_by_their_log_density():
    """The generation of a Gaussian row gets the gradient of log p(row | code), its precision's too."""
    dbn = network(3, 4, 5, visible=Gaussian)
    layer, x = dbn.arrows()[0], batch(dbn)
    h = dbn.recognize(x[:, :3], generator=rng(9))[-1]
    scale = (-layer.below.log_precision / 2).exp()
    center = (h @ layer.generation.T + layer.below.bias) * scale**2
    loss = -torch.distributions.Normal(center, scale).log_prob(x[:, :3]).sum(-1).mean()
    learned = [layer.generation, layer.below.bias, layer.below.log_precision]
    truth = torch.autograd.grad(loss, learned)
    step = next(updown(dbn, [x], torch.optim.SGD(dbn.parameters(), 0.0), generator=rng(9)))
    assert float(step.loss) == pytest.approx(float(loss.detach()), rel=1e-12)
    for parameter, gradient in zip(learned, truth, strict=True):
        assert torch.allclose(parameter.grad, gradient, rtol=1e-10, atol=1e-12)
    assert all(p.grad.isfinite().all() for p in dbn.parameters())


def test_a_label_is_carried_along_as_probabilities_and_codes_as_draws():
    top = network(4, 3).top
    x = top.sample_independent(50, generator=rng())
    first, end, last = _cd_chain(top, x, 2, generator=rng(1))
    assert all(((state == 0) | (state == 1)).all() for state in (first, last, end[:, :4]))
    assert torch.allclose(end[:, 4:].sum(-1), torch.ones(50, dtype=torch.float64))
    assert ((end[:, 4:] > 0) & (end[:, 4:] < 1)).all()


def test_gibbs_steps_may_follow_the_step_and_steps_go_on_where_they_stopped():
    asked, x = [], batch(network(5, 4, 3))

    def gibbs_steps(index):
        asked.append(index)
        return 1 + index % 2

    def learned(plan):
        dbn = network(5, 4, 3)
        optimizer, g = torch.optim.SGD(param_groups(dbn, **RATES)), rng(1)
        for start, counts in plan:
            for _ in updown(dbn, [x] * 2, optimizer, gibbs_steps=counts, start=start, generator=g):
                pass
        return torch.cat([p.detach().flatten() for p in dbn.parameters()])

    ours = learned([(6, gibbs_steps), (8, gibbs_steps)])
    assert asked == [6, 7, 8, 9]
    dbn = network(5, 4, 3)
    optimizer, g = torch.optim.SGD(param_groups(dbn, **RATES)), rng(1)
    for count in (1, 2, 1, 2):
        next(updown(dbn, [x], optimizer, gibbs_steps=count, generator=g))
    assert torch.equal(ours, torch.cat([p.detach().flatten() for p in dbn.parameters()]))


def test_the_three_parts_hold_every_parameter_once_at_their_own_rates():
    dbn = network(5, 4, 3, 2)
    groups = param_groups(dbn, **RATES)
    held = [id(p) for group in groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in dbn.parameters())
    names = {id(p): name for name, p in dbn.named_parameters()}
    for group, words in zip(groups, (("generation", "below"), ("recognition", "above"), ("top",)), strict=True):
        assert all(any(word in names[id(p)] for word in words) for p in group["params"])
    assert [group["lr"] for group in groups] == list(RATES.values())
    alone = param_groups(network(4, 3), **RATES)
    assert [group["lr"] for group in alone] == [RATES["top"]]


def test_rows_that_are_not_finite_stop_it():
    dbn = network(5, 4, 3)
    x = batch(dbn)
    x[0, 0] = math.nan
    loop = updown(dbn, [batch(dbn), x], torch.optim.SGD(param_groups(dbn, **RATES)), generator=rng())
    next(loop)
    kept = [p.detach().clone() for p in dbn.parameters()]
    with pytest.raises(DivergenceError, match=r"step 1.*largest weight.*learning rate"):
        next(loop)
    assert all(torch.equal(a, b) for a, b in zip(kept, dbn.parameters(), strict=True))


@pytest.mark.slow
def test_it_raises_the_probability_of_its_rows():
    """Two rows of one label each: from seven fair bits' worth, −4.85, to at least −2; the best possible is −0.69."""
    pair = torch.tensor([[1.0, 1, 1, 0, 0, 0, 1, 0], [0, 0, 0, 1, 1, 1, 0, 1]], dtype=torch.float64)
    dbn = network(6, 5, 4, labels=2)
    for p in dbn.parameters():
        p.data *= 0.1
    optimizer = torch.optim.SGD(param_groups(dbn, generation=0.5, recognition=0.1, top=0.3))

    def bound():
        codes = dbn.top.visible.states()
        log_z = torch.logsumexp(-dbn.top.free_energy(codes).detach(), 0)
        return float(dbn.elbo(pair.repeat_interleave(500, 0), generator=rng()).mean() - log_z)

    assert bound() == pytest.approx(-7 * math.log(2), abs=0.1)
    for _ in updown(dbn, [pair.repeat(10, 1)] * 600, optimizer, generator=rng(1)):
        pass
    assert bound() > -2.0


def test_gibbs_steps_of_rounded_weights_draw_from_the_rounded_machine():
    top = RBM(Bernoulli(4), Bernoulli(3)).double().requires_grad_(False)
    top = randomized(top, 0.9, 3).to(torch.bfloat16).float()  # weights that bfloat16 holds
    exact = copy.deepcopy(top).double()
    s = exact.even.states()
    x = exact_states(exact, DRAWS).float()
    first, end, last = _cd_chain(top, x, 3, torch.bfloat16, generator=rng(1))
    assert {state.dtype for state in (first, end, last)} == {torch.float32}
    same_distribution(end.double(), s, probabilities(exact, s))


def test_the_precision_of_the_gibbs_steps_leaves_the_weights_alone():
    dbn = network(4, 3).float()
    x = batch(dbn).float()
    step = next(updown(dbn, [x], torch.optim.SGD(dbn.parameters(), 0.1), precision=torch.bfloat16, generator=rng(9)))
    assert {p.dtype for p in dbn.parameters()} == {torch.float32}
    assert step.negative.dtype == torch.float32
