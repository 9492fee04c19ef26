"""Sums of rows in place of products: the draws and gradients of the plain form, whatever the threads and the batch."""

import itertools

import pytest
import torch

from harmonium import RBM, Bernoulli, Concat, Potts, Spin
from harmonium.machines.binary import pair
from harmonium.numerics import precision, products
from laws import exact_states, probabilities, rng, same_distribution

CPU = torch.device("cpu")
KINDS = {"bernoulli": Bernoulli, "spin": Spin}
SIZES = [(3, 2, 1), (20, 9, 5), (75, 70, 13)]  # below, at and beyond the width of a vector
every_pair = pytest.mark.parametrize("kinds", [*itertools.product(KINDS, KINDS)], ids="-".join)
labeled = pytest.mark.parametrize("labels", [0, 4])


def made(kinds, width=20, hidden=9, labels=0, step=2.0**-6):
    """Return a float32 machine whose parameters are multiples of a power of two, so that its sums are exact."""
    visible, upper = KINDS[kinds[0]](width), KINDS[kinds[1]](hidden)
    m = RBM(Concat(visible, Potts(1, labels)) if labels else visible, upper).requires_grad_(False)
    for parameter, seed in zip(m.parameters(), itertools.count(), strict=False):
        parameter.copy_((torch.randn(parameter.shape, generator=rng(seed)) * 0.5 / step).round() * step)
    return m


def states(m, count, share=0.2, seed=7):
    """Return rows of which about a share is on, the first none and the last all."""
    values, labels = m.visible.values() if not m.labels else m.visible.components()[0].values(), m.labels
    width = m.width - labels
    on = torch.rand(count, width, generator=rng(seed)) < share
    on[0], on[-1] = False, True
    x = torch.where(on, values[1], values[0])
    mark = torch.nn.functional.one_hot(torch.arange(count) % labels, labels).float() if labels else x[:, :0]
    return torch.cat([x, mark], 1)


def form(name):
    return products("float32", CPU, name)


@labeled
@every_pair
@pytest.mark.parametrize("share", [0.1, 0.8])
def test_given_equal_fields_the_draws_are_equal_to_the_bit(kinds, labels, share):
    m = made(kinds, labels=labels)
    x, clamped = states(m, 30, share), torch.arange(m.width) < 5
    for steps, mask in ((1, None), (3, None), (2, clamped)):
        with form("sparse"):
            found = m.gibbs_steps(x, steps, mask, generator=rng(1))
        with form("dense"):
            expected = m.gibbs_steps(x, steps, mask, generator=rng(1))
        assert torch.equal(found, expected)
        assert not torch.equal(found, x)


@labeled
@every_pair
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_loss_and_gradients_are_those_of_float64_to_rounding(kinds, labels, size):
    width, hidden, rows = size
    m = made(kinds, width, hidden, labels).requires_grad_(True)
    both = states(m, rows), states(m, rows + 2, 0.6, 8)
    with form("sparse"):
        loss = m.descend(*both)
    found = [loss, *(p.grad.clone() for p in m.parameters())]
    m.zero_grad()
    exact = m.double()
    value = exact.free_energy(both[0].double()).mean() - exact.free_energy(both[1].double()).mean()
    expected = [value, *torch.autograd.grad(value, list(exact.parameters()))]
    eps, weight = torch.finfo(torch.float32).eps, exact.weight.detach().abs()
    field = width * eps * float(weight.sum(0).max() + 2)  # as many roundings of partial sums no larger than this
    mean = 2 * field + 8 * eps  # of slope 2 at most, and e⁻ˣ to 2e-7
    bounds = [2 * hidden * (field + 8 * eps) + 4 * width * eps * float(weight.sum()), *[mean + 4 * rows * eps] * 4]
    for one, other, bound in zip(found, expected, bounds, strict=False):
        assert float((one - other).detach().abs().max()) <= bound


@every_pair
def test_threads_and_the_batch_change_no_bit(kinds, monkeypatch):
    m = made(kinds, 150, 37, step=2.0**-20).requires_grad_(True)
    x, before = states(m, 41), torch.get_num_threads()
    monkeypatch.setattr(precision, "SHARED", 0)
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            m.zero_grad()
            with form("sparse"):
                y = m.gibbs_steps(x, 2, generator=rng(1))
                loss, few = m.descend(x, y), m.gibbs_steps(x[:7], 2, generator=rng(1))
            assert torch.equal(few, y[:7])
            found.append(torch.cat([y.flatten(), loss[None], *(p.grad.flatten() for p in m.parameters())]))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0], other) for other in found[1:])


@every_pair
def test_gibbs_steps_keep_the_exact_distribution(kinds):
    m = made(kinds, 4, 3)
    x = exact_states(m, 200_000).float()
    with form("sparse"):
        assert pair(m, x).sharp(x)
        found = m.gibbs(x, generator=rng(2))
    same_distribution(found, m.visible.states(), probabilities(m.double(), m.visible.states()))


def test_what_is_not_sharp_or_not_float32_takes_the_plain_form():
    m = made(("bernoulli", "bernoulli"))
    with form("sparse"):
        x = states(m, 5)
        assert pair(m, x).sharp(x)
        x[2, 3] = 0.5
        assert not pair(m, x).sharp(x)
        for hidden in (Potts(1, 3), Concat(Bernoulli(2), Potts(1, 3))):
            assert pair(RBM(4, hidden), torch.zeros(2, 4)) is None
        assert pair(m.double(), x.double()) is None
    assert pair(m.float(), states(m, 5)) is None  # too small, where nobody asks for it
    with form("dense"):
        assert pair(made(("spin", "spin"), 200, 200), torch.ones(100, 200)) is None
    assert pair(made(("spin", "spin"), 200, 200), torch.ones(100, 200)) is not None


def test_what_is_not_a_number_draws_what_is_not_a_number():
    m = made(("bernoulli", "bernoulli"))
    x = states(m, 5)
    m.weight[3, 2] = float("nan")
    with form("sparse"):
        found = m.gibbs(x, generator=rng(1))
    assert bool(found[x[:, 3] == 1].isnan().all())
