"""The microscope shows the update itself: its parts are what the definitions say, and the gradient is exact."""

import numpy as np
import pytest
import torch

from harmonium.playground import asks
from harmonium.playground.microscope import Slide

ALGORITHMS = ["cd", "pcd", "naive-mcmc"]


def look(slide, **fields):
    return slide.look(asks.Microscope(type="microscope", **fields))


def log_likelihood(machine, data):
    x, y = machine.visible.states().double(), machine.hidden.states().double()
    log_z = -machine.double().energy(x[:, None], y).flatten().neg().logsumexp(0).neg()
    return (-machine.free_energy(data.double())).mean() - log_z


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_parts_are_what_the_definitions_say(algorithm):
    slide = Slide(seed=4)
    slide.machine.weight.mul_(2)
    before = {name: value.clone() for name, value in slide.machine.state_dict().items()}
    head, parts = look(slide, algorithm=algorithm, k=3, lr=0.2, batch=5)
    w, b = before["weight"].numpy(), before["hidden.bias"].numpy()
    np.testing.assert_array_equal(parts["weight"], w)
    np.testing.assert_allclose(parts["h0"], 1 / (1 + np.exp(-(parts["v0"] @ w + b))), rtol=1e-5)
    np.testing.assert_allclose(parts["h1"], 1 / (1 + np.exp(-(parts["chain_v"][-1] @ w + b))), rtol=1e-5)
    np.testing.assert_allclose(parts["positive"], parts["v0"].T @ parts["h0"] / 5, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(parts["negative"], parts["chain_v"][-1].T @ parts["h1"] / 5, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(parts["difference"], parts["positive"] - parts["negative"], atol=1e-6)
    np.testing.assert_allclose(slide.machine.weight.numpy(), w + 0.2 * parts["difference"], rtol=1e-5, atol=1e-6)
    assert parts["chain_v"].shape == (4, 5, 9)
    assert parts["chain_h"].shape == (4, 5, 4)
    assert head["log_likelihood"] <= head["best"]


def test_the_exact_gradient_is_that_of_the_enumerated_likelihood():
    slide = Slide(seed=1)
    slide.machine.weight.mul_(2)
    twin = Slide(seed=1).machine.double().requires_grad_(True)
    twin.load_state_dict(slide.machine.state_dict())
    (gradient,) = torch.autograd.grad(log_likelihood(twin, slide.data), twin.weight)
    head, parts = look(slide, lr=0)
    np.testing.assert_allclose(parts["exact"], gradient.numpy(), atol=1e-6)
    assert head["log_likelihood"] == head["log_likelihood_after"]


def test_where_the_chains_begin():
    for algorithm in ALGORITHMS:
        slide = Slide(seed=2)
        last = None
        for _ in range(3):
            _, parts = look(slide, algorithm=algorithm, k=2, lr=0.1, batch=14)
            start = parts["chain_v"][0]
            assert (algorithm == "cd") == bool((start == parts["v0"]).all() and last is not None) or last is None
            if algorithm == "pcd" and last is not None:
                np.testing.assert_array_equal(start, last)
            last = parts["chain_v"][-1]


def test_many_updates_are_so_many_single_ones():
    one, many = Slide(seed=3), Slide(seed=3)
    for _ in range(20):
        head, parts = look(one, algorithm="pcd", lr=0.3)
    told, shown = look(many, algorithm="pcd", lr=0.3, updates=20)
    assert told == head
    for name, x in parts.items():
        np.testing.assert_array_equal(x, shown[name])


def test_a_new_beginning_is_the_same_from_the_same_seed():
    slide = Slide(seed=0)
    told = [look(slide, restart=True, seed=7, k=2) for _ in range(2)]
    assert told[0][0] == told[1][0]
    for name, x in told[0][1].items():
        np.testing.assert_array_equal(x, told[1][1][name])
