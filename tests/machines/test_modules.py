"""Machines and units as modules of torch: how they are made, what their state is called, what torch does to them."""

import copy

import pytest
import torch
from torch.func import functional_call

from harmonium import (
    DBM,
    DBN,
    RBM,
    Bernoulli,
    Binomial,
    BoltzmannMachine,
    Concat,
    DoubledRBM,
    Gaussian,
    InputError,
    OneHot,
    Potts,
    ReLU,
    SigmoidBeliefLayer,
    Spin,
)
from harmonium.machines import layer_rows
from harmonium.numerics import stream
from harmonium.units import ZeroInflated, as_units
from laws import KINDS, MACHINES, machine, rng
from marks import slow_but

every_machine = pytest.mark.parametrize("name", MACHINES)
NUMBERED = {
    "rbm": lambda **how: RBM(4, 3, **how),
    "dbm": lambda **how: DBM(4, 3, 2, **how),
    "doubled": lambda **how: DoubledRBM(4, 3, 2, 1, **how),
    "boltzmann": lambda **how: BoltzmannMachine(4, 3, **how),
}
numbered = pytest.mark.parametrize("name", NUMBERED)
UNITS = {
    "bernoulli": lambda **how: Bernoulli(4, **how),
    "spin": lambda **how: Spin(4, **how),
    "binomial": lambda **how: Binomial(4, 3, **how),
    "potts": lambda **how: Potts(2, 3, **how),
    "one-hot": lambda **how: OneHot([2, 1], **how),
    "gaussian": lambda **how: Gaussian(4, **how),
    "relu": lambda **how: ReLU(4, **how),
    "zero-inflated": lambda **how: ZeroInflated(3, **how),
    "join": lambda **how: Concat(4, Potts(1, 3), **how),
}


def states(m, count=5):
    return m.sample_independent(count, generator=rng(1))


def test_every_kind_is_among_those_that_are_made():
    assert {type(make()) for make in UNITS.values()} == {type(make()) for make in KINDS.values()}


@every_machine
def test_a_machine_called_gives_the_free_energy(name):
    m = machine(name)
    assert torch.equal(m(states(m)), m.free_energy(states(m)))


@numbered
def test_a_number_is_so_many_bernoulli_units(name):
    m = NUMBERED[name](generator=1)
    assert [type(leaf) for row in m.rows for leaf in row.components()] == [Bernoulli] * (3 if name == "dbm" else 2)
    assert sorted(leaf.width for row in m.rows for leaf in row.components()) == ([2, 3, 4] if name == "dbm" else [3, 4])


def test_a_number_is_a_row_elsewhere_too():
    layer, row = SigmoidBeliefLayer(4, 3), Concat(4, Gaussian(2))
    assert (type(layer.below), layer.generation.shape) == (Bernoulli, (4, 3))
    assert [type(leaf) for leaf in row.components()] == [Bernoulli, Gaussian]
    assert as_units(row) is row
    with pytest.raises(ValueError, match="1 or more"):
        RBM(0, 3)


@numbered
def test_a_seed_gives_the_weights_of_its_generator(name):
    a, b, c = (NUMBERED[name](generator=g) for g in (3, rng(3), 4))
    assert all(torch.equal(x, y) for x, y in zip(a.weights, b.weights, strict=True))
    assert not torch.equal(a.weights[0], c.weights[0])
    assert stream(None) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", [*NUMBERED, *UNITS])
def test_type_and_device_are_those_that_were_asked_for(name, dtype):
    make = NUMBERED.get(name) or UNITS[name]
    assert {p.dtype for p in make(dtype=dtype).parameters()} == {dtype}
    assert {p.device.type for p in make(device="meta").parameters()} == {"meta"}
    with torch.device("meta"):
        made = make(dtype=dtype)
    assert {(p.dtype, p.device.type) for p in made.parameters()} == {(dtype, "meta")}


def test_a_machine_is_of_the_type_of_its_rows():
    m = RBM(Gaussian(4, dtype=torch.float64), Bernoulli(3, dtype=torch.float64))
    assert m.weight.dtype == torch.float64
    m = RBM(Gaussian(4), Bernoulli(3), dtype=torch.float64, generator=1)
    assert {p.dtype for p in m.parameters()} == {torch.float64}
    assert torch.equal(m.weight, RBM(4, 3, generator=1).weight.double())


def test_the_state_is_called_by_the_rows():
    assert set(RBM(4, Gaussian(3)).state_dict()) == {"weight", "visible.bias", "hidden.bias", "hidden.log_precision"}
    layers = {f"layers.{i}.bias" for i in range(3)}
    assert set(DBM(4, 3, 2).state_dict()) == layers | {"weights.0", "weights.1"}
    assert set(BoltzmannMachine(4, 3).state_dict()) == {"weight", "mask", "visible.bias", "hidden.bias"}


@every_machine
def test_rows_and_state_are_one(name):
    """What is loaded, moved or copied is what the rows answer with."""
    m, other = machine(name), machine(name, seed=7)
    x = states(m)
    copied = copy.deepcopy(m)
    m.load_state_dict(other.state_dict())
    assert torch.equal(m(x), other(x))
    assert not torch.allclose(copied(x), m(x))
    assert m.float()(x.float()).dtype == torch.float32
    copied.load_state_dict(other.state_dict(), assign=True)
    assert torch.equal(copied(x), other(x))
    assert {id(p) for row in copied.rows for p in row.parameters()} <= {id(p) for p in copied.parameters()}


@every_machine
def test_parameters_may_be_given_from_outside(name):
    m, other = machine(name), machine(name, seed=7)
    x = states(m)
    assert torch.equal(functional_call(m, dict(other.named_parameters()), (x,)), other(x))


@pytest.mark.parametrize("name", slow_but(MACHINES))
def test_compiled_machines_say_the_same(name):
    m = machine(name)
    x = states(m)
    torch._dynamo.reset()  # or it gives up after eight machines, and compiles none
    compiled = torch.compile(m, backend="eager")
    assert torch.allclose(compiled(x), m(x), rtol=1e-12)


def test_plain_tensors_make_a_machine_that_is_its_own():
    weight, below, above = (torch.randn(shape, generator=rng(), dtype=torch.float64) for shape in ((4, 3), 4, 3))
    m = RBM.from_tensors(weight, below, above)
    kept = weight.clone()
    v = m.visible.states()
    by_hand = -v @ below - torch.log1p(torch.exp(v @ weight + above)).sum(-1)
    assert torch.allclose(m(v), by_hand, rtol=1e-12)
    assert all(p.requires_grad for p in m.parameters())
    with torch.no_grad():
        m.weight.add_(1)
    assert torch.equal(weight, kept)
    with pytest.raises(InputError, match=r"the shapes are \[\(4, 3\), \(3,\), \(4,\)\]"):
        RBM.from_tensors(weight, above, below)


@every_machine
def test_a_notebook_shows_rows_and_parameters_in_one_line(name):
    model = machine(name)
    shown = model._repr_html_()
    assert f"{sum(p.numel() for p in model.parameters()):,} parameters" in shown
    rows = [part for row in layer_rows(model) for part in row.components()]
    assert shown.count("(") == len(rows)
    assert "\n" not in shown


def test_a_network_is_shown_with_all_of_its_layers():
    shown = DBN.stack([RBM(6, 4), RBM(4, 5)])._repr_html_()
    assert "Bernoulli(6) – Bernoulli(4) – Bernoulli(5); 87 parameters" in shown
