"""The Gibbs step of many coupled sites by loops: what it draws from, what it leaves alone, and its distribution."""

import copy

import pytest
import torch
from torch.nn.functional import pad

from harmonium import Bernoulli, BoltzmannMachine, Concat, Potts, Spin
from harmonium.numerics import precision
from harmonium.sampling import Condition, condition
from laws import exact_states, probabilities, ring, rng, row_of, same_distribution

MACHINES = {
    "bits": lambda: BoltzmannMachine(Bernoulli(5), Bernoulli(4)),
    "spins": lambda: BoltzmannMachine(Spin(9)),
    "one-hot": lambda: BoltzmannMachine(Potts(8, 3)),
    "mixed": lambda: BoltzmannMachine(Concat(Bernoulli(2), Spin(2)), Concat(Potts(2, 3), Bernoulli(2))),
    "sites of different sizes": lambda: BoltzmannMachine(Concat(Bernoulli(3), Potts([3, 2, 4])), Spin(3)),
    "mixed, sparse": lambda: BoltzmannMachine(Concat(Spin(4), Potts(2, 3)), Bernoulli(4), mask=~ring(14)),
}
every_machine = pytest.mark.parametrize("name", MACHINES)


def made(name):
    """Return the machine in float32, on which the loops are used, with parameters from N(0, 0.6²)."""
    machine, g = MACHINES[name]().requires_grad_(False), rng(7)
    for parameter in machine.parameters():
        parameter.copy_(0.6 * torch.randn(parameter.shape, generator=g))
    machine.weight *= machine.mask
    assert len(machine.classes) >= 8
    return machine


def means_by_hand(machine, x, new, extra, beta):
    """Return, in float64, the mean of every site given the new states of those before it."""
    double = copy.deepcopy(machine).double()
    double.ready = None
    now, mean = x.double(), x.double()
    for columns in machine.classes:
        field = beta * (now @ double.couplings[:, columns]) + extra[..., columns]
        mean[..., columns] = double.row.select(columns).mean(field)
        now[..., columns] = new.double()[..., columns]
    return mean


@every_machine
def test_every_site_is_drawn_given_the_newest_states_of_all_others(name):
    machine, g = made(name), rng(1)
    x = machine.sample_independent(200, generator=g)
    extra = torch.randn(200, machine.visible.width, generator=g)
    wide = pad(extra, (0, machine.width - extra.shape[-1]))
    new, mean = machine.gibbs_with_means(x, None, extra, generator=g)
    assert row_of(machine).in_support(new)
    expected = means_by_hand(machine, x, new, wide.double(), 1.0)
    assert torch.allclose(mean.double(), expected, atol=2e-6)


@every_machine
def test_a_ladder_of_temperatures_moves_each_row_at_its_own(name):
    machine, g = made(name).rounded(), rng(2)
    machine.beta = torch.tensor([0.1, 1.0, 2.0])[:, None, None]
    x = machine.sample_independent(150, generator=g).view(3, 50, -1)
    new, mean = machine.gibbs_with_means(x, generator=g)
    expected = means_by_hand(machine, x, new, torch.zeros(machine.width).double(), machine.beta.double())
    assert torch.allclose(mean.double(), expected, atol=4e-6)


@every_machine
def test_clamped_columns_stay_and_means_may_be_clamped(name):
    machine, g = made(name), rng(3)
    x = machine.row.mean(machine.row.zero_field(40))
    one = torch.rand(len(machine.classes), generator=g) < 0.5
    clamped = torch.zeros(40, machine.width, dtype=torch.bool)
    for columns, still in zip(machine.classes, one, strict=True):
        clamped[:20, columns] = bool(still)
        clamped[20:, columns] = not bool(still)
    new, mean = machine.gibbs_with_means(x, clamped, generator=g)
    assert torch.equal(new[clamped], x[clamped])
    assert torch.equal(mean[clamped], x[clamped])
    expected = means_by_hand(machine, x, new, torch.zeros(machine.width).double(), 1.0)
    assert torch.allclose(mean[~clamped].double(), expected[~clamped], atol=2e-6)


@every_machine
def test_the_step_leaves_the_distribution_alone(name):
    machine = made(name)
    states = row_of(machine).states()
    x = exact_states(machine, 60_000)
    new = machine.gibbs(x.float(), generator=rng(4))
    same_distribution(new.double(), states, probabilities(machine, states))


@every_machine
@pytest.mark.parametrize("threads", [1, 3])
def test_a_row_draws_the_same_in_whatever_batch(name, threads, monkeypatch):
    machine = made(name)
    monkeypatch.setattr(precision, "SHARED", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    x = machine.sample_independent(30, generator=rng(5))
    whole = machine.gibbs(x, generator=rng(6))
    assert torch.equal(whole[:7], machine.gibbs(x[:7], generator=rng(6)))
    assert torch.equal(whole, machine.gibbs(x.view(3, 10, -1), generator=rng(6)).view(30, -1))
    assert not torch.equal(whole, machine.gibbs(x, generator=rng(7)))


@every_machine
def test_what_is_not_a_number_is_drawn_as_such(name):
    machine = made(name)
    machine.weight[0, -1] = torch.nan
    x = torch.ones(4, machine.width) / 2
    assert machine.gibbs(x, generator=rng(8)).isnan().any(1).all()


@pytest.mark.parametrize("beta", [1.0, 0.3, torch.tensor([0.1, 1.0, 2.0])[:, None, None]])
def test_the_energy_of_pairs_that_are_on_is_that_of_all_pairs(beta):
    machine, g = BoltzmannMachine(Potts([9] * 11 + [12]), generator=1).requires_grad_(False), rng(9)
    machine.weight.copy_(torch.randn(machine.weight.shape, generator=g) * machine.mask)
    machine.beta = beta
    x = machine.sample_independent(150, generator=g).view(3, 50, -1)
    mean = machine.row.mean(torch.zeros_like(x))
    with torch.no_grad():
        for states in (x, x / 2, mean, torch.full_like(x, torch.nan)):
            dense = (beta * (states.double() @ machine.upper.double()) * states).sum(-1)
            assert torch.allclose(machine.interaction([states]).double(), dense, rtol=1e-5, atol=1e-5, equal_nan=True)
    machine.requires_grad_(True)
    assert machine.interaction([x]).requires_grad  # a gradient follows the product


def test_a_condition_holds_on_a_machine_that_has_moved_before():
    machine = made("spins")
    machine.gibbs(machine.sample_independent(3, generator=rng(1)), generator=rng(2))
    up = condition(machine, [Condition(torch.tensor([4]), torch.tensor([[1.0]]))])
    assert (up.gibbs(up.sample_independent(500, generator=rng(3)), generator=rng(4))[:, 4] == 1).all()
