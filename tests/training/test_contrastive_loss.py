"""The loss as a term of torch: its value and gradient, what it leaves alone, and what it goes together with."""

import copy

import pytest
import torch
from torch.func import functional_call, grad

from harmonium import CD, L2, RBM, Bernoulli, CenterGradient, DoubledRBM, contrastive_loss, train
from harmonium.numerics import products
from laws import BIPARTITE, MACHINES, machine, randomized, rng

every_machine = pytest.mark.parametrize("name", [*MACHINES, "doubled"])
sizes = pytest.mark.parametrize("sizes", [(4, 4), (6, 4), (1, 7)], ids=str)
CLOSE = {"rtol": 1e-12, "atol": 1e-12}  # float64, sums of a few dozen terms of size 1


def made(name):
    if name == "doubled":
        return randomized(DoubledRBM(Bernoulli(4), Bernoulli(3), 2, 2), seed=3)
    return machine(name)


def phases(m, ahead, behind):
    """Return states of the machine without couplings, completed by it."""
    rows = [m.visible.sample(m.visible.zero_field(n), generator=rng(i)).detach() for i, n in enumerate((ahead, behind))]
    return [m.infer(v, generator=rng(5)).detach() for v in rows]


def difference(m, positive, negative):
    return m.free_energy(positive).mean() - m.free_energy(negative).mean()


def by_autograd(m, positive, negative):
    loss = difference(m, positive, negative)
    return loss.detach(), torch.autograd.grad(loss, list(m.parameters()))


def agree(m, expected, factor=1.0):
    for p, gradient in zip(m.parameters(), expected, strict=True):
        assert p.grad is not None
        assert torch.allclose(p.grad, factor * gradient, **CLOSE)


@sizes
@every_machine
def test_it_is_the_difference_of_mean_free_energies_with_its_gradient(name, sizes):
    m = made(name)
    both = phases(m, *sizes)
    value, expected = by_autograd(m, *both)
    assert abs(float(value)) > 1e-3
    loss = contrastive_loss(m, *both)
    assert loss.shape == ()
    assert torch.allclose(loss.detach(), value, **CLOSE)
    loss.backward()
    agree(m, expected)


@sizes
@every_machine
def test_descending_adds_the_gradients_of_the_loss(name, sizes):
    m = made(name)
    both = phases(m, *sizes)
    value, expected = by_autograd(m, *both)
    for times in (1, 2):  # the second time on top of the first
        found = m.descend(*both)
        assert not found.requires_grad
        assert torch.allclose(found, value, **CLOSE)
        agree(m, expected, times)


@every_machine
def test_what_is_frozen_gets_no_gradient_and_stays(name):
    m = made(name)
    m.weights[0].requires_grad_(False)
    both = phases(m, 5, 3)
    frozen = {n: p.clone() for n, p in m.named_parameters() if not p.requires_grad}
    free = [p for p in m.parameters() if p.requires_grad]
    expected = torch.autograd.grad(difference(m, *both), free)
    for act in (lambda: contrastive_loss(m, *both).backward(), lambda: m.descend(*both)):
        m.zero_grad()
        act()
        assert all(p.grad is None for p in m.parameters() if not p.requires_grad)
        assert all(torch.allclose(p.grad, g, **CLOSE) for p, g in zip(free, expected, strict=True))
    rows, transforms = both[0][:, : m.visible.width], [CenterGradient()] if name in BIPARTITE else []
    optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
    for _ in train(m, [rows] * 2, CD(), optimizer, transforms=transforms, penalties=[L2(0.1)], generator=rng()):
        pass
    assert all(torch.equal(m.get_parameter(n), value) for n, value in frozen.items())
    assert all(p.grad is not None for p in free)


@every_machine
def test_two_half_batches_make_one(name):
    m = made(name)
    positive, negative = phases(m, 6, 8)
    _, expected = by_autograd(m, positive, negative)
    for v, x in zip(positive.split(3), negative.split(4), strict=True):
        (contrastive_loss(m, v, x) / 2).backward()
    agree(m, expected)


@every_machine
def test_it_is_one_term_among_others_and_may_be_scaled(name):
    m = made(name)
    both = phases(m, 4, 4)
    _, expected = by_autograd(m, *both)
    decay = torch.autograd.grad(L2(0.3)(m, both[0]), list(m.parameters()), allow_unused=True)
    (2 * contrastive_loss(m, *both) + L2(0.3)(m, both[0])).backward()
    agree(m, [2 * g + (0 if d is None else d) for g, d in zip(expected, decay, strict=True)])


@every_machine
def test_a_gradient_of_the_callers_own_is_added_to(name):
    m = made(name)
    both = phases(m, 4, 4)
    _, expected = by_autograd(m, *both)
    for p in m.parameters():
        p.grad = torch.ones_like(p)
    contrastive_loss(m, *both).backward()
    agree(m, [1 + g for g in expected])


class Outer(torch.nn.Module):
    """The loss of a machine as a module, for `functional_call`."""

    def __init__(self, m):
        super().__init__()
        self.m = m

    def forward(self, positive, negative):
        return contrastive_loss(self.m, positive, negative)


@every_machine
def test_functional_transforms_see_the_same_gradient(name):
    m = made(name)
    both = phases(m, 4, 4)
    _, expected = by_autograd(m, *both)
    module = Outer(m)
    given = {n: p.detach() for n, p in module.named_parameters()}
    found = grad(lambda values: functional_call(module, values, tuple(both)))(given)
    assert all(torch.allclose(g, e, **CLOSE) for g, e in zip(found.values(), expected, strict=True))
    assert all(p.grad is None for p in m.parameters())


@every_machine
def test_states_that_want_a_gradient_have_one(name):
    m = made(name)
    positive, negative = phases(m, 4, 4)
    one, other = (positive.clone().requires_grad_() for _ in range(2))
    contrastive_loss(m, one, negative).backward()
    difference(m, other, negative).backward()
    assert torch.allclose(one.grad, other.grad, **CLOSE)


def test_hooks_of_parameters_are_called_in_training():
    m, seen = machine("bernoulli"), []
    m.weight.register_post_accumulate_grad_hook(lambda p: seen.append(p))
    m.visible.bias.register_hook(lambda g: seen.append(g))
    v = m.visible.states()
    next(train(m, [v], CD(), torch.optim.SGD(m.parameters(), lr=0.1), generator=rng()))
    assert len(seen) == 2


def test_a_second_derivative_is_refused_rather_than_wrong():
    m = machine("bernoulli")
    with pytest.raises(RuntimeError, match=r"twice: take the means of machine.free_energy"):
        torch.autograd.grad(contrastive_loss(m, *phases(m, 4, 4)), m.weight, create_graph=True)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_is_the_loop_that_the_loss_allows(precision):
    """Bit for bit: `train` is the loss, its backward and a step of the optimizer."""
    ours = RBM(Bernoulli(8), Bernoulli(5), generator=rng(1))
    theirs = copy.deepcopy(ours)
    feed = (torch.rand(6, 10, 8, generator=rng(2)) < 0.5).float()
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    g = rng(3)
    with products(precision, torch.device("cpu")):
        for _ in train(ours, feed, CD(), optimizer, generator=rng(3)):
            pass
        optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
        for v in feed:
            loss = contrastive_loss(theirs, v, CD()(theirs, v, generator=g))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True))
