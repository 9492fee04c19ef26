"""The recipe ``rbm-mnist-128``: what the source's code does, and a run of it from end to end."""

import copy
import json

import numpy as np
import pytest
import torch

from harmonium import RBM, Bernoulli
from harmonium.data import Dataset
from harmonium.recipes import perform, plan
from harmonium.recipes.common import mnist
from harmonium.recipes.common.steps import stream as stream_of
from harmonium.recipes.rbm_mnist_128 import experiment
from harmonium.report.template import fixed

TINY = {
    "hidden": 8, "epochs": 2, "rows": 640, "test_rows": 40, "shown": [0, 1], "chain_steps": 3, "samples": 8,
    "chains": 10, "n_betas": 10, "most": 10,
}  # fmt: skip


def machine(visible=5, hidden=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    found = RBM(Bernoulli(visible), Bernoulli(hidden), generator=draw).double()
    with torch.no_grad():
        for p in found.parameters():
            p.copy_(torch.randn(p.shape, generator=draw, dtype=p.dtype))
    return found


def rows(count=20, visible=5):
    draw = torch.Generator().manual_seed(9)
    return torch.randint(2, (count, visible), generator=draw).double()


def stream():
    return torch.Generator().manual_seed(4)


def test_the_source_computes_our_free_energy():
    one, v = machine(), rows()
    assert torch.allclose(experiment.source_free_energy(one, v), one.free_energy(v), atol=1e-12)


def test_the_source_reconstructs_with_probabilities_that_carry_a_gradient():
    one, v = machine(), rows()
    same, p = experiment.source_forward(one, v, stream())
    h = torch.bernoulli(torch.sigmoid(v @ one.weight + one.hidden.bias), generator=stream())
    assert same is v
    assert torch.allclose(p, torch.sigmoid(h @ one.weight.T + one.visible.bias))
    assert p.requires_grad


def test_detaching_changes_the_gradient_and_not_the_loss():
    one, v = machine(), rows()
    loss = experiment.source_loss(one, v, stream())
    mended = experiment.detached_loss(one, v, stream())
    assert loss.item() == mended.item()
    plain, _ = (torch.autograd.grad(x, [one.weight, one.visible.bias])[0] for x in (mended, loss))
    p = experiment.source_forward(one, v, stream())[1].detach()
    right = p.T @ torch.sigmoid(p @ one.weight + one.hidden.bias) - v.T @ torch.sigmoid(
        v @ one.weight + one.hidden.bias
    )
    assert torch.allclose(plain, right / len(v), atol=1e-12)


def test_the_extra_term_is_the_one_that_the_page_writes():
    """On a visible bias the source's gradient adds v′(1 − v′)x, x being the log odds that the machine gives v′."""
    one, v = machine(), rows()
    source, mended = (
        torch.autograd.grad(loss(one, v, stream()), one.visible.bias)[0]
        for loss in (experiment.source_loss, experiment.detached_loss)
    )
    p = experiment.source_forward(one, v, stream())[1].detach()
    x = one.visible.bias + torch.sigmoid(p @ one.weight + one.hidden.bias) @ one.weight.T
    assert torch.allclose(source - mended, (p * (1 - p) * x).mean(0), atol=1e-12)
    assert torch.allclose(mended, (p - v).mean(0), atol=1e-12)


def test_probabilities_have_a_higher_free_energy_than_what_is_drawn_from_them():
    one = machine()
    states = one.visible.states()
    p = experiment.source_forward(one, rows(), stream())[1].detach()
    odds = (states[:, None] * p + (1 - states[:, None]) * (1 - p)).prod(-1)  # (32, rows)
    drawn = (odds * one.free_energy(states)[:, None]).sum(0)
    assert torch.allclose(odds.sum(0), torch.ones(len(p), dtype=torch.float64))
    assert (one.free_energy(p) > drawn).all()


def test_the_extra_term_moves_the_reconstruction_uphill():
    """A small step along the extra term alone gives the reconstruction a higher free energy in the old machine."""
    one, v = machine(), rows()
    parameters = list(one.parameters())
    source, mended = (
        torch.autograd.grad(loss(one, v, stream()), parameters)
        for loss in (experiment.source_loss, experiment.detached_loss)
    )
    moved = copy.deepcopy(one)
    with torch.no_grad():
        for p, a, b in zip(moved.parameters(), source, mended, strict=True):
            p.sub_(1e-4 * (a - b))
    before, after = (experiment.source_forward(m, v, stream())[1] for m in (one, moved))
    assert one.free_energy(after).mean() > one.free_energy(before).mean()


@pytest.mark.parametrize("kind", experiment.LINES)
def test_every_line_moves_all_its_parameters_and_repeats(kind, tmp_path):
    settings = plan("rbm-mnist-128", quick=True) | TINY
    found = [trained(kind, settings, tmp_path) for _ in range(2)]
    start = RBM(Bernoulli(784), Bernoulli(8), generator=stream_of(settings["seed"], 0))
    for a, b, c in zip(*(m.parameters() for m in (*found, start)), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def trained(kind, settings, place):
    gray = np.random.default_rng(1).integers(0, 256, (200, 784), dtype=np.uint8)
    dataset = Dataset("noise", "train", gray, 255, (28, 28), None, "nowhere")
    bits = dataset.binarized("threshold")
    digits = mnist.Digits(dataset, bits, bits, bits, dataset.tensor())
    start = RBM(Bernoulli(784), Bernoulli(8), generator=stream_of(settings["seed"], 0))
    found = experiment.learn(kind, start, digits, settings, place, lambda steps, label: steps)
    assert len(found["losses"]) == 2
    assert (place / f"reconstructions-{kind}.png").stat().st_size > 1000
    return start


@pytest.mark.slow
@pytest.mark.usefixtures("mnist_home")
def test_the_recipe_from_end_to_end(tmp_path):
    settings = plan("rbm-mnist-128", quick=True) | TINY
    page = perform("rbm-mnist-128", settings, tmp_path)
    held = json.loads((tmp_path / "figures.json").read_text())
    assert held["settings"]["hidden"] == 8
    assert list(held["figures"]["lines"]) == list(experiment.LINES)
    text = page.read_text()
    for kind, name in experiment.LINES.items():
        line = held["figures"]["lines"][kind]
        assert line["final_loss"] == line["losses"][-1]
        found = line["likelihood"]
        assert found["low"] <= found["value"] <= found["high"]
        assert fixed(found["value" if found["verdict"] == "consistent" else "low"], 1) in text
        assert name in text
    assert held["figures"]["gradient_at_start"]["cosine"] > 0.99
    assert held["figures"]["source"]["final_loss"] == -185.1377
    assert {f"features-{kind}.png" for kind in experiment.LINES} <= {path.name for path in tmp_path.iterdir()}
