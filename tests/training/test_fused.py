"""Updates in a few compiled calls: what sampler, loss and centering give one after the other."""

import copy
import itertools

import pytest
import torch

from harmonium import CD, L2, PCD, RBM, CenterGradient, ClipGradNorm, DivergenceError, train
from harmonium.numerics import products
from harmonium.training import SGD
from harmonium.training.loop import in_few_calls
from laws import rng
from numerics.test_bits import KINDS, made, states

CPU = torch.device("cpu")
SAMPLERS = {"cd": lambda m: CD(2), "pcd": lambda m: PCD(states(m, 9, 0.5, 3), 2)}
EPS = torch.finfo(torch.float32).eps


def updated(m, sampler, form, transforms=(), penalties=(), count=1, lr=1.0):
    """Return the negative states, losses and parameters after some updates of a copy of a machine."""
    m = copy.deepcopy(m).requires_grad_(True)
    feed, optimizer = itertools.repeat(states(m, 12), count), SGD(m.parameters(), lr=lr)
    extra = {"transforms": transforms, "penalties": penalties, "generator": rng(4)}
    with products("float32", CPU, form):
        steps = list(train(m, feed, SAMPLERS[sampler](m), optimizer, **extra))
    return [step.negative for step in steps], [step.loss for step in steps], [p.detach() for p in m.parameters()]


@pytest.mark.parametrize("labels", [0, 4])
@pytest.mark.parametrize("kinds", [*itertools.product(KINDS, KINDS)], ids="-".join)
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("case", ["plain", "centered", "centered, with more"])
def test_an_update_is_that_of_the_plain_form(case, sampler, kinds, labels):
    m = made(kinds, 30, 21, labels)
    transforms = {"plain": [], "centered": [CenterGradient()]}.get(case, [CenterGradient(0.5), ClipGradNorm(1e3)])
    penalties = [L2(0.25)] if "more" in case else []
    found, expected = (
        updated(m, sampler, form, [copy.deepcopy(one) for one in transforms], penalties) for form in ("sparse", "dense")
    )
    assert torch.equal(found[0][0], expected[0][0])
    assert abs(float(found[1][0] - expected[1][0])) < 1e3 * EPS
    for one, other in zip(found[2], expected[2], strict=True):
        assert float((one - other).abs().max()) < 51 * 16 * EPS  # terms of a sum, each of at most 4, twice centered


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_rates_chains_and_offsets_go_on_from_one_update_to_the_next(sampler):
    """The gradient of every update is summed alone, so that many small ones differ by their rounding alone."""
    m = made(("bernoulli", "bernoulli"), 30, 21)
    found, expected = (updated(m, sampler, form, [CenterGradient()], count=5, lr=1e-3) for form in ("sparse", "dense"))
    assert all(torch.equal(one, other) for one, other in zip(found[0], expected[0], strict=True))
    assert all(
        float((a - b).abs().max()) < 1e-3 * 5 * 51 * 16 * EPS + EPS * 2
        for a, b in zip(found[2], expected[2], strict=True)
    )


def fused(m, optimizer=None):
    with products("float32", CPU, "sparse"):
        return in_few_calls(m, CD(), [], [], optimizer or SGD(m.parameters()), states(m, 5))


def test_what_it_does_not_know_is_left_to_the_plain_form():
    class Own(RBM):
        pass

    m = made(("bernoulli", "spin")).requires_grad_(True)
    assert fused(m) is not None
    m.hidden.bias.requires_grad_(False)
    assert fused(m) is None
    m.hidden.bias.requires_grad_(True)
    hook = m.weight.register_hook(lambda gradient: 2 * gradient)
    assert fused(m) is None
    hook.remove()
    assert fused(m, optimizer=SGD([*m.parameters(), torch.nn.Parameter(torch.zeros(1))])) is None
    assert fused(Own(4, 3)) is None
    assert fused(m) is not None


def test_parameters_that_were_put_elsewhere_and_gray_rows_are_noticed():
    m = made(("bernoulli", "bernoulli")).requires_grad_(True)
    made_once, x = fused(m), states(m, 5)
    with products("float32", CPU, "sparse"):
        assert made_once.fits(x)
        assert not made_once.fits(x / 2)
        m.weight.data = m.weight.data.clone()
        assert not made_once.fits(x)
    with products("float32", CPU, "dense"):
        assert not fused(m).fits(x)


@pytest.mark.parametrize(("value", "cause"), [(float("nan"), "the loss is nan"), (1e12, "the loss is")])
@pytest.mark.parametrize("form", ["sparse", "dense"])
def test_a_divergence_is_told(form, value, cause):
    m = made(("bernoulli", "bernoulli"), 30, 21)
    m.weight[5] = value
    with pytest.raises(DivergenceError, match=cause):
        updated(m, "pcd", form)
