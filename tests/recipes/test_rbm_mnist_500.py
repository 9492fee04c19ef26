"""The recipe ``rbm-mnist-500``: what the source's code does, where it breaks, and a run from end to end."""

import json
import math

import pytest
import torch

from harmonium import RBM, Bernoulli
from harmonium.recipes import perform, plan
from harmonium.recipes.common import mnist
from harmonium.recipes.common.small_machines import overflow
from harmonium.recipes.rbm_mnist_500 import experiment
from harmonium.report.template import fixed

TINY = {
    "hidden": 8, "epochs": 2, "rows": 640, "test_rows": 40, "shown": [1, 2], "measured": [1, 2], "chain_steps": 3,
    "samples": 8, "chains": 10, "n_betas": 10, "most": 10,
}  # fmt: skip


def machine(visible=5, hidden=3):
    draw = torch.Generator().manual_seed(0)
    found = RBM(Bernoulli(visible), Bernoulli(hidden), generator=draw).double()
    with torch.no_grad():
        for p in found.parameters():
            p.copy_(torch.randn(p.shape, generator=draw, dtype=p.dtype))
    return found


def rows(count=20, visible=5):
    return torch.randint(2, (count, visible), generator=torch.Generator().manual_seed(9)).double()


def stream():
    return torch.Generator().manual_seed(4)


def test_the_source_draws_one_where_the_probability_beats_a_uniform_number():
    p = torch.rand(1000, generator=torch.Generator().manual_seed(1), requires_grad=True)
    drawn = experiment.source_sampling(p, stream())
    assert torch.equal(drawn, (p > torch.rand(1000, generator=stream())).float())
    assert torch.equal(torch.autograd.grad(drawn.sum(), p)[0], torch.zeros(1000))


def test_the_source_computes_our_free_energy_where_it_does_not_overflow():
    one, v = machine(), rows()
    assert torch.allclose(experiment.source_free_energy(one, v), one.free_energy(v).mean(), atol=1e-12)


def test_the_chain_inside_the_gradient_does_no_harm_here():
    one, v = machine(), rows()
    found = mnist.compare_gradients(one, v, experiment.source_loss, experiment.plain_loss, 0)
    assert found["difference"] < 1e-12


def test_softplus_is_finite_where_the_source_overflows():
    row, below = overflow((89.0, 88.0))
    assert row["naive"] == math.inf
    assert math.isnan(row["naive_slope"])
    assert (row["softplus"], row["softplus_slope"]) == (89.0, 1.0)
    assert below["naive"] == 88.0


def test_the_source_rounds_to_zero_far_below_zero():
    (row,) = overflow((-20.0,))
    assert row["naive"] == 0.0
    assert row["softplus"] == pytest.approx(math.log1p(math.exp(-20)), rel=1e-6)


def test_one_large_field_spoils_the_source_loss_and_not_ours():
    one = machine().float()
    with torch.no_grad():
        one.hidden.bias[0] = 100.0
    v = rows().float()
    assert not experiment.source_loss(one, v, stream()).isfinite()
    ours = experiment.plain_loss(one, v, stream())
    assert all(g.isfinite().all() for g in torch.autograd.grad(ours, list(one.parameters())))


def test_largest_field_is_the_largest():
    one, v = machine().requires_grad_(False), rows()
    by_hand = max(float(v[i] @ one.weight[:, j] + one.hidden.bias[j]) for i in range(len(v)) for j in range(3))
    assert experiment.largest_field(one, v) == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.slow
@pytest.mark.usefixtures("mnist_home")
def test_the_recipe_from_end_to_end(tmp_path):
    settings = plan("rbm-mnist-500", quick=True) | TINY
    page = perform("rbm-mnist-500", settings, tmp_path)
    held = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert (len(held["losses"]), len(held["free_energy_gaps"]), len(held["last_losses"])) == (2, 2, 10)
    assert sum(held["last_losses"]) / 10 == pytest.approx(held["losses"][-1], rel=1e-5)
    assert list(held["likelihoods"]) == ["1", "2"]
    assert held["gradient"]["difference"] < 1e-3
    assert held["softplus"][-1]["naive"] == "inf"
    text = page.read_text()
    for found in held["likelihoods"].values():
        assert fixed(found["value"], 1) in text
    names = {path.name for path in tmp_path.iterdir()}
    assert {"epoch-1.png", "epoch-2.png", "test-before.png", "test-after.png", "features.png"} <= names
