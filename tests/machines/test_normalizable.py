"""Continuous units that couple too strongly have no normalizer, and are told so."""

import pytest
import torch

from harmonium import DBM, RBM, Bernoulli, BoltzmannMachine, Concat, Gaussian, InputError, ReLU, evaluation
from harmonium.machines import check_normalizable
from harmonium.machines.normalizable import coupling_matrix, steepest
from laws import MACHINES, exact_states, machine, rng


def of_norm(make, norm, sign=1.0):
    """Return an RBM of two kinds whose weights have one sign and a largest singular value."""
    m = RBM(*(kind(n) for kind, n in zip(make, (6, 4), strict=True)), generator=rng()).double().requires_grad_(False)
    m.weight.abs_()
    m.weight.mul_(sign * norm / torch.linalg.svdvals(m.weight)[0])
    return m


PAIRS = [(Gaussian, Gaussian), (Gaussian, ReLU), (ReLU, Gaussian), (ReLU, ReLU)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(kind.__name__ for kind in pair))
def test_pairs_without_a_normaliser_are_refused_with_the_pair_and_the_number(pair):
    check_normalizable(of_norm(pair, 0.99))
    m = of_norm(pair, 4.3)
    assert steepest(m) == pytest.approx(4.3)
    words = f"RBM of {pair[0].__name__} and {pair[1].__name__} units has no normalizer.*4.3 where less than 1"
    x = m.visible.sample(m.visible.zero_field(3), generator=rng())
    for figure in (evaluation.ais, evaluation.log_partition, lambda m: evaluation.mixing(m, x)):
        with pytest.raises(InputError, match=words):
            figure(m)


def test_what_is_large_only_where_relu_units_are_not_is_fine():
    m = of_norm((ReLU, ReLU), 4.3, sign=-1.0)
    assert steepest(m) <= 1e-9
    check_normalizable(m)


def test_the_scale_of_the_units_counts():
    m = of_norm((Gaussian, Gaussian), 4.3)
    m.visible.log_precision.fill_(2 * torch.log(torch.tensor(5.0)))
    assert steepest(m) == pytest.approx(4.3 / 5)
    check_normalizable(m)


@pytest.mark.parametrize("name", MACHINES)
def test_the_matrix_holds_the_weights_between_all_units(name):
    """½ xᵀJx over all units, those summed out at their means, is the interaction."""
    m = machine(name).requires_grad_(False)
    x = exact_states(m, 3)
    means = [row.mean(field) for row, field in zip(m.rows, m.fields(x), strict=True)]
    whole = torch.cat(means, -1)
    assert torch.allclose(0.5 * ((whole @ coupling_matrix(m)) * whole).sum(-1), m.interaction(means), rtol=1e-9)
    check_normalizable(m)


def test_machines_of_other_shapes_are_looked_at_too():
    general = BoltzmannMachine(Concat(Gaussian(3), Bernoulli(2))).double().requires_grad_(False)
    general.weight.copy_(3 * torch.ones(5, 5).triu(1))
    with pytest.raises(InputError, match="BoltzmannMachine of Gaussian-Bernoulli units has no normalizer"):
        check_normalizable(general)
    deep = DBM(Bernoulli(3), Gaussian(3), Gaussian(2)).double().requires_grad_(False)
    deep.weights[1].fill_(1.0)
    with pytest.raises(InputError, match="no normalizer"):
        check_normalizable(deep)
    fine = RBM(Bernoulli(3), Gaussian(2)).double().requires_grad_(False)
    fine.weight.fill_(9.0)
    check_normalizable(fine)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(kind.__name__ for kind in pair))
def test_the_sum_diverges_just_where_it_is_said_to(pair):
    """One unit a row, by quadrature in wider and wider squares: the integral settles below 1 and grows above."""
    for norm, settles in ((0.9, True), (1.1, False)):
        grown = []
        for reach in (20.0, 40.0):
            axes = [torch.linspace(0 if kind is ReLU else -reach, reach, 1601, dtype=torch.float64) for kind in pair]
            x, y = torch.meshgrid(*axes, indexing="ij")
            cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
            grown.append(float((torch.exp(norm * x * y - x**2 / 2 - y**2 / 2) * cell).sum()))
        assert (grown[1] < 1.01 * grown[0]) == settles
