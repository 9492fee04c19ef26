"""A machine whose hidden units are held is the machine of the rest given these units: exact, for every kind."""

import doctest

import pytest
import torch

import harmonium
import laws
from harmonium import DBM, RBM, Bernoulli, Potts, Spin
from harmonium.machines import holding

CASES = {  # a machine, what is held by column of the odd row (whole sites), and the values that these columns have
    "bernoulli on": (lambda: RBM(4, 3), {1: 1.0}),
    "bernoulli off and on": (lambda: RBM(4, 3), {0: 0.0, 2: 1.0}),
    "spin": (lambda: RBM(Spin(4), Spin(3)), {2: -1.0}),
    "potts": (lambda: RBM(Bernoulli(4), Potts(2, 3)), {3: 0.0, 4: 1.0, 5: 0.0}),
    "odd layers of a deep machine": (lambda: DBM(4, 3, 2, 2), {1: 1.0, 4: 0.0}),
    "deep, labeled": (lambda: DBM(Potts(2, 2), Spin(3), 2), {0: 1.0}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_free_energy_is_that_given_the_held_units_up_to_a_constant(name):
    make, held = CASES[name]
    machine = laws.randomized(make(), 0.9, 3).requires_grad_(False)
    x, y = machine.even.states(), machine.odd.states()
    left = (y[:, list(held)] == torch.tensor(list(held.values())).double()).all(1)
    assert 0 < int(left.sum()) < len(y)
    given = -torch.logsumexp(-machine.energy(x[:, None], y[left]), 1)
    differs = holding(machine, held).free_energy(x) - given
    torch.testing.assert_close(
        differs, differs[:1].expand_as(differs), rtol=0, atol=1e-12 * float(given.abs().max()) * 8
    )


def test_the_machine_itself_stays():
    machine = RBM(4, 3, generator=0)
    before = {name: value.clone() for name, value in machine.state_dict().items()}
    holding(machine, {0: 1.0})
    assert all(bool((machine.state_dict()[name] == value).all()) for name, value in before.items())


def test_the_example_runs():
    from harmonium.machines import holding as function

    test = doctest.DocTestFinder().find(function, "holding", globs={"hm": harmonium})[0]
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0
