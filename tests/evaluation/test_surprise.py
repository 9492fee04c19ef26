"""Surprise of single cells against enumeration, and against quadrature where cells are continuous."""

import math

import pytest
import torch
from scipy.integrate import fixed_quad

from harmonium import (
    DBM,
    RBM,
    Bernoulli,
    Binomial,
    BoltzmannMachine,
    Concat,
    Gaussian,
    InputError,
    Potts,
    ReLU,
    Spin,
    ZeroInflated,
    evaluation,
)  # fmt: skip
from harmonium.machines import sites
from laws import DEEP, MACHINES, machine, randomized, rng


def row():
    return Concat(Bernoulli(2), Potts(2, 3), Gaussian(2), Binomial(1, 3))


MIXED = {
    "mixed, bernoulli hidden": lambda: RBM(row(), Bernoulli(4)),
    "mixed, spin hidden": lambda: RBM(row(), Spin(3)),
    "mixed, binomial hidden": lambda: RBM(row(), Binomial(2, 3)),
    "mixed, potts hidden": lambda: RBM(row(), Potts(2, 3)),
    "mixed, mixed hidden": lambda: RBM(row(), Concat(Bernoulli(2), Spin(1), Potts(1, 3))),
    "general, mixed": lambda: BoltzmannMachine(Concat(Bernoulli(1), Potts(1, 3), Gaussian(1), Binomial(1, 2))),
    "general, cut": lambda: BoltzmannMachine(Concat(Spin(2), ReLU(1))),
    "general, no couplings": lambda: BoltzmannMachine(
        Concat(Gaussian(1), Bernoulli(2)), mask=torch.zeros(3, 3, dtype=bool)
    ),
}
FAR, NODES = 30.0, 400  # deviations are about 1: nodes lie a quarter of one apart at most
REFUSED = [*DEEP, "relu visible"]
KNOWN = {name: make for name, make in MACHINES.items() if name not in REFUSED} | MIXED


def made(name):
    return (machine(name) if name in MACHINES else randomized(MIXED[name](), 0.4)).requires_grad_(False)


def truth(m, v, columns):
    """Return −log p(cell | rest) of one row by listing the cell's values, and integrating over continuous ones."""
    cell = m.visible.select(columns)

    def weigh(values):
        x = v.expand(len(values), -1).clone()
        x[:, columns] = values
        return torch.exp(m.free_energy(v[None]) - m.free_energy(x))

    if cell.count < math.inf:
        return float(weigh(cell.states()).sum().log())
    low, on = (0.0 if isinstance(cell, ReLU) else -FAR), isinstance(cell, ZeroInflated)

    def density(x):
        values = torch.from_numpy(x)[:, None]
        return weigh(torch.cat([torch.ones_like(values), values], -1) if on else values).numpy()

    whole = fixed_quad(density, low, FAR, n=NODES)[0]
    return math.log(whole + (float(weigh(v.new_zeros(1, 2))) if on else 0.0))


def test_there_are_twenty_machines():
    assert len(KNOWN) >= 20


@pytest.mark.parametrize("name", KNOWN)
def test_surprise_is_that_of_enumeration(name):
    m = made(name)
    v = m.sample_independent(4, generator=1).double()
    cells = [torch.arange(m.width)[sites(m.visible) == i] for i in range(int(sites(m.visible)[-1]) + 1)]
    expected = torch.tensor([[truth(m, one, columns) for columns in cells] for one in v], dtype=v.dtype)
    torch.testing.assert_close(evaluation.surprise(m, v).double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["mixed, bernoulli hidden", "general, mixed"])
def test_cells_of_several_sites_sum_over_all_their_values_together(name):
    m = made(name)
    v = m.sample_independent(3, generator=1).double()
    columns = [0, 1, 2, 3] if "general" in name else [0, 1]
    table = m.visible.select(torch.tensor(columns)).states()
    x = v[:, None].expand(-1, len(table), -1).clone()
    x[..., columns] = table
    expected = m.free_energy(v) + (-m.free_energy(x)).logsumexp(1)
    torch.testing.assert_close(evaluation.surprise(m, v, [columns])[:, 0], expected, rtol=0, atol=1e-10)


def test_a_bit_and_a_number_in_one_cell_are_weighed_together():
    """−log p(b, z | rest) = −log p(z | b, rest) − log p(b | rest), the last by quadrature over z."""
    for m in (made("mixed, bernoulli hidden"), made("general, mixed")):
        v = m.sample_independent(2, generator=1).double()
        z = next(i for i in range(m.width) if isinstance(m.visible.select(torch.tensor([i])), Gaussian))
        found = evaluation.surprise(m, v, [[0, z]])[:, 0]

        def mass(b, one, m=m, z=z):
            def density(values):
                x = one.repeat(len(values), 1)
                x[:, 0], x[:, z] = b, torch.from_numpy(values)
                return torch.exp(m.free_energy(one[None]) - m.free_energy(x)).numpy()

            return fixed_quad(density, -FAR, FAR, n=NODES)[0]

        expected = torch.tensor([math.log(mass(0.0, one) + mass(1.0, one)) for one in v], dtype=torch.float64)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_mutual_information_is_that_of_enumeration():
    m = randomized(RBM(Concat(Bernoulli(2), Potts(1, 3)), Bernoulli(3))).requires_grad_(False)
    v = m.sample_independent(5, generator=1).double()
    found = evaluation.mutual_information(m, v)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    for one in v:
        for i, j, cells in ((0, 1, [0, 1]), (0, 2, [0, 2, 3, 4]), (1, 2, [1, 2, 3, 4])):
            table = m.visible.select(torch.tensor(cells)).states()
            x = one.expand(len(table), -1).clone()
            x[:, cells] = table
            p = torch.softmax(-m.free_energy(x), 0).view(2, -1)
            shared = (p * (p.log() - p.sum(0).log() - p.sum(1, keepdim=True).log())).sum() / len(v)
            expected[i, j] += shared
            expected[j, i] += shared
    torch.testing.assert_close(found - torch.diag(found.diag()), expected, rtol=0, atol=1e-10)
    odds = torch.stack([torch.special.entr(p) for p in _odds(m, v)])
    assert found[0, 0] == pytest.approx(float(odds.sum(0).mean()), abs=1e-10)


def _odds(m, v):
    x = torch.stack([v, v])
    x[0, :, 0], x[1, :, 0] = 0.0, 1.0
    return torch.softmax(-m.free_energy(x), 0)


def test_the_diagonal_of_a_continuous_cell_is_the_entropy_of_its_density():
    m = RBM(Gaussian(2), Bernoulli(2)).double().independent()
    m.visible.log_precision.copy_(torch.tensor([0.0, 1.0]))
    found = evaluation.mutual_information(m, torch.zeros(2, 2, dtype=torch.float64))
    expected = 0.5 * math.log(2 * math.pi * math.e) - 0.5 * m.visible.log_precision.double()
    torch.testing.assert_close(found.diag(), expected, rtol=0, atol=1e-10)
    assert abs(float(found[0, 1])) < 1e-12


@pytest.mark.parametrize(
    ("m", "cells", "said"),
    [
        (DBM(4, 3, 2), None, "only a bound"),
        (RBM(ReLU(2), 3), None, "ReLU under Bernoulli"),
        (RBM(Gaussian(2), Gaussian(2)), None, "Gaussian under Gaussian"),
        (RBM(Potts(1, 3), 3), [[0, 1]], "whole sites"),
        (RBM(4, 3), [[7]], "from 0 to 3"),
        (RBM(4, 3), "word", "a slice or a list of columns"),
        (RBM(20, 3), [slice(None)], "16384"),
    ],
)
def test_what_has_no_surprise_is_told_in_one_line(m, cells, said):
    with pytest.raises(InputError, match=said):
        evaluation.surprise(m, torch.eye(m.visible.width)[:1], cells)


def test_ten_thousand_rows_need_no_more_memory_than_a_few():
    m = RBM(Concat(Bernoulli(3), Potts(1, 4)), 5, generator=rng(1))
    v = m.sample_independent(1100, generator=2)
    torch.testing.assert_close(evaluation.surprise(m, v)[-7:], evaluation.surprise(m, v[-7:]), rtol=0, atol=1e-5)
