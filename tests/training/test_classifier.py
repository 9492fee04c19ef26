"""Networks unrolled from models: what they compute before training, and that they learn."""

import pytest
import torch

from harmonium import DBM, DBN, RBM, Bernoulli, Concat, Gaussian, InputError, Potts, Spin
from harmonium.data.toys import bars_and_stripes
from harmonium.training import classifier_inputs, finetune_classifier, to_sequential
from laws import randomized, rng

LABELS = 3


def rbm(below: int, above: int, labels: int = 0, seed: int = 0) -> RBM:
    row = Concat(Bernoulli(below), Potts(1, labels)) if labels else Bernoulli(below)
    return randomized(RBM(row, Bernoulli(above)), seed=seed)


def dbn(labels: int) -> DBN:
    """Return a network whose recognition weights are not its generation weights."""
    return randomized(DBN.stack([rbm(5, 4), rbm(4, 3), rbm(3, 6, labels)]), seed=7)


MODELS = {
    "rbm": lambda: rbm(5, 4),
    "labeled rbm": lambda: rbm(5, 4, LABELS),
    "dbn": lambda: dbn(0),
    "labeled dbn": lambda: dbn(LABELS),
    "gaussian rbm": lambda: randomized(RBM(Gaussian(5), Bernoulli(4))),
}


def pass_up(model, v):
    """Return the means of every hidden layer given rows without labels, written out; and the top RBM."""
    means = []
    for layer in model.arrows() if isinstance(model, DBN) else []:
        v = torch.sigmoid(v @ layer.recognition + layer.above.bias)
        means.append(v)
    top = model.top if isinstance(model, DBN) else model
    return [*means, torch.sigmoid(v @ top.weight[: v.shape[1]] + top.hidden.bias)], top


def activations(net, x):
    """Return what leaves every sigmoid, and the logits."""
    found = []
    for part in net:
        x = part(x)
        found += [x] if isinstance(part, torch.nn.Sigmoid) else []
    return [*found, x]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MODELS)
def test_a_network_begins_as_the_pass_up_of_its_model(name, dtype):
    model = MODELS[name]().to(dtype).requires_grad_(False)
    v = torch.randn(6, 5, generator=rng(1), dtype=dtype)
    means, top = pass_up(model, v)
    net = to_sequential(model, LABELS, generator=rng(2))
    *ours, logits = activations(net, classifier_inputs(model, v))
    assert logits.dtype == dtype
    assert [part.shape for part in ours] == [part.shape for part in means]
    assert all(torch.allclose(a, b) for a, b in zip(ours, means, strict=True))
    if top.labels:
        last = means[-1] @ top.weight[-LABELS:].T + top.visible.components()[-1].bias
        assert torch.allclose(logits, last)
    else:
        weight = 0.01 * torch.randn(LABELS, means[-1].shape[1], generator=rng(2))
        assert torch.allclose(logits, means[-1] @ weight.T.to(dtype), atol=1e-6)


@pytest.mark.parametrize("widths", [(5, 4), (5, 4, 3), (5, 4, 3, 2)])
def test_a_deep_machine_enters_its_first_hidden_layer_from_below_and_above(widths, monkeypatch):
    """Of three layers the whole pass is a fixed point: it gives back the mean field that it was given."""
    monkeypatch.setattr("harmonium.machines.base.CLOSE", 1e-14)
    model = randomized(DBM(*(Bernoulli(width) for width in widths), infer_steps=10_000)).requires_grad_(False)
    v = torch.rand(6, 5, generator=rng(1), dtype=torch.float64)
    means = model.hidden_means(v)
    x = classifier_inputs(model, v)
    assert torch.equal(x, torch.cat([v, *means[1:2]], -1))
    *ours, logits = activations(to_sequential(model, 2, generator=rng()), x)
    assert torch.allclose(ours[0], means[0], atol=1e-12)
    for below, above, weight, row in zip(ours, ours[1:], list(model.weights)[1:], model.layers[2:], strict=False):
        assert torch.allclose(above, torch.sigmoid(below @ weight + row.bias), atol=1e-12)
    if len(widths) == 3:
        assert torch.allclose(ours[1], means[1], atol=1e-12)
    assert logits.shape == (6, 2)


@pytest.mark.parametrize("name", MODELS)
def test_training_the_network_leaves_the_model_alone(name):
    model = MODELS[name]()
    before = [p.detach().clone() for p in model.parameters()]
    net = to_sequential(model, LABELS, generator=rng())
    x, label = torch.rand(6, 5, generator=rng(), dtype=torch.float64), torch.arange(6) % LABELS
    next(finetune_classifier(net, [(x, label)], torch.optim.SGD(net.parameters(), 1.0)))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_steps_are_numbered_and_hold_the_loss_and_the_logits():
    net = to_sequential(rbm(5, 4), LABELS, generator=rng())
    x, label = torch.rand(6, 5, generator=rng(), dtype=torch.float64), torch.arange(6) % LABELS
    logits = net(x).detach()
    step = next(finetune_classifier(net, [(x, label)], torch.optim.SGD(net.parameters(), 0.1), start=4))
    truth = -(logits.softmax(-1)[torch.arange(6), label]).log().mean()
    assert step.index == 4
    assert float(step.loss) == pytest.approx(float(truth), rel=1e-12)
    assert torch.equal(step.negative, logits)


def learned(model, x, label, steps=300):
    net = to_sequential(model, int(label.max()) + 1, generator=rng(1))
    x = classifier_inputs(model, x)
    for _ in finetune_classifier(net, [(x, label)] * steps, torch.optim.Adam(net.parameters(), 0.05), generator=rng(2)):
        pass
    return float((net(x).argmax(-1) != label).double().mean())


def test_it_learns_exclusive_or():
    x = Bernoulli(2).states()
    assert learned(RBM(Bernoulli(2), Bernoulli(8), generator=rng()), x, x.sum(-1).long() % 2) == 0


@pytest.mark.parametrize("deep", [DBN, DBM])
def test_it_tells_bars_from_stripes(deep):
    x = bars_and_stripes(3).double()
    label = (x.view(-1, 3, 3).std(-1).sum(-1) == 0).long()
    model = DBN.stack([rbm(9, 8), rbm(8, 6)]) if deep is DBN else DBM(*map(Bernoulli, (9, 8, 6)))
    assert learned(randomized(model), x, label) == 0


def test_dropout_leaves_units_out_and_keeps_the_mean():
    """With one hidden layer the logits are linear in what is dropped, so they average to those without."""
    model = rbm(5, 4, LABELS).requires_grad_(False)
    net = to_sequential(model, LABELS)
    v = torch.rand(1, 5, generator=rng(), dtype=torch.float64)
    x, label = v.expand(50_000, -1), torch.zeros(50_000, dtype=torch.long)
    still = torch.optim.SGD(net.parameters(), 0.0)
    logits = next(finetune_classifier(net, [(x, label)], still, dropout=0.3, generator=rng(1))).negative
    error = logits.std(0) / len(x) ** 0.5
    assert ((logits.mean(0) - net(v)[0].detach()).abs() < 5 * error).all()
    hidden = torch.sigmoid(net[0](v))[0].detach()
    spread = net[-1].weight.detach().square() @ (hidden**2 * 0.3 / 0.7)
    fourth = ((logits - logits.mean(0)) ** 4).mean(0) - logits.var(0) ** 2
    assert ((logits.var(0) - spread).abs() < 5 * (fourth / len(x)).sqrt()).all()


def test_blank_inputs_keep_the_mean_of_what_reaches_the_first_layer():
    net = torch.nn.Sequential(torch.nn.Linear(5, LABELS)).double()
    v = torch.rand(1, 5, generator=rng(), dtype=torch.float64)
    x, label = v.expand(50_000, -1), torch.zeros(50_000, dtype=torch.long)
    still = torch.optim.SGD(net.parameters(), 0.0)
    logits = next(finetune_classifier(net, [(x, label)], still, blank=0.2, generator=rng(1))).negative
    assert ((logits.mean(0) - net(v)[0].detach()).abs() < 5 * logits.std(0) / len(x) ** 0.5).all()
    spread = net[0].weight.detach().square() @ (v[0] ** 2 * 0.2 / 0.8)
    assert torch.allclose(logits.var(0), spread, rtol=0.05)


def test_what_cannot_be_unrolled_is_refused_in_one_line():
    for model in (RBM(Bernoulli(3), Spin(2)), DBN.stack([RBM(Bernoulli(3), Gaussian(2)), rbm(2, 2)])):
        with pytest.raises(InputError, match=r"needs bernoulli hidden units, not (Spin|Gaussian)"):
            to_sequential(model, 2)
    with pytest.raises(InputError, match="bernoulli hidden units, not Potts"):
        to_sequential(DBM(Bernoulli(3), Bernoulli(2), Potts(1, 3)), 2)
    with pytest.raises(InputError, match="train it without --labels"):
        to_sequential(DBM(Concat(Bernoulli(3), Potts(1, 2)), Bernoulli(2)), 2)
