"""Basins: a partition of the states, along the lines that chains do not cross."""

import pytest
import torch

from harmonium import RBM, Bernoulli, Spin, evaluation
from harmonium.evaluation.ais import ais_base
from harmonium.evaluation.basins import fixed_points
from laws import (
    LISTED,
    MACHINES,
    bimodal,
    exact_states,
    machine,
    probabilities,
    randomized,
    rng,
    row_of,
    same_distribution,
)  # fmt: skip
from marks import slow_but


def found(m, data=None, **settings):
    return evaluation.survey(m, [ais_base(m)], data, generator=rng(), **settings)


@pytest.mark.parametrize("name", slow_but(MACHINES))
def test_every_state_belongs_to_one_basin(name):
    m = machine(name).requires_grad_(False)
    basins = found(m).basins
    x = exact_states(m, 300)
    assert set(basins.of(x).tolist()) <= set(range(basins.count))
    assert torch.equal(basins.of(x.view(3, 100, -1)), basins.of(x).view(3, 100))
    for k in range(basins.count):
        assert (basins.of(basins.points(k)) == k).all()


@pytest.mark.parametrize("name", LISTED)
def test_the_bound_of_mean_field_holds(name):
    """For any states, converged or not."""
    m = machine(name).requires_grad_(False)
    truth = evaluation.log_partition(m).value
    x = exact_states(m, 50)
    assert (m.independent_elbo(x)[1] <= truth + 1e-9).all()
    means, bounds = fixed_points(m, x)
    assert means.shape == x.shape
    assert (bounds <= truth + 1e-9).all()
    assert float(bounds.mean()) > float(m.independent_elbo(x)[1].mean())


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_without_weights_stands_where_the_states_stand(name):
    """Its units have the means that they have under the fields at a state; of several states, under the mean field."""
    m = machine(name).requires_grad_(False)
    x = exact_states(m, 3)
    one, several = m.independent(x[:1]), m.independent(x)
    for k, own in enumerate(m.rows):
        assert torch.allclose(one.rows[k].mean(one.rows[k].zero_field()), own.mean(m.fields(x[:1])[k])[0], rtol=1e-9)
        field = m.fields(x)[k].mean(0)
        assert torch.allclose(several.rows[k].mean(several.rows[k].zero_field()), own.mean(field), rtol=1e-9)
    assert not any(weight.any() for weight in one.weights)
    assert any(weight.any() for weight in m.weights)


def test_two_modes_are_two_basins_and_a_machine_that_mixes_is_one():
    m, _ = bimodal()
    survey = found(m)
    assert survey.basins.count == 2
    up, down = (survey.basins.of(sign * torch.ones(1, 10, dtype=torch.float64)) for sign in (1, -1))
    assert up != down
    easy = randomized(RBM(Spin(10), Spin(4)), 0.2).requires_grad_(False)
    assert found(easy).basins.count == 1


def test_three_clusters_of_data_are_told_apart_with_the_rarest():
    g = rng(3)
    m = RBM(Bernoulli(30), Bernoulli(3)).requires_grad_(False)
    blocks = torch.eye(3).repeat_interleave(10, 1)
    m.weight.copy_(12 * blocks.T - 6)
    m.visible.bias.fill_(-2.0)
    rows = blocks[torch.tensor([0] * 96 + [1] * 3 + [2])]
    survey = evaluation.survey(m, [ais_base(m, rows)], rows, generator=g)
    assert len({int(survey.basins.of(row[None])) for row in blocks}) == 3


@pytest.mark.parametrize("name", ["bernoulli", "spin", "potts", "general"])
def test_members_of_a_machine_that_mixes_are_its_states(name):
    """Drawn from one basin they have the machine's own distribution, by chi-square."""
    m = machine(name).requires_grad_(False)
    survey = found(m, exact_states(m, 20_000)[:, : m.visible.width], burn=60)
    if survey.basins.count == 1:
        states = row_of(m).states()
        same_distribution(survey.members, states, probabilities(m, states))
    drawn, _ = survey.draw(0, 500, generator=rng(2))
    assert (survey.basins.of(drawn) == 0).all()


def test_more_basins_than_are_asked_for_share_one():
    m = RBM(Bernoulli(30), Bernoulli(3)).requires_grad_(False)
    blocks = torch.eye(3).repeat_interleave(10, 1)
    m.weight.copy_(12 * blocks.T - 6)
    m.visible.bias.fill_(-2.0)
    assert found(m, blocks, most=1).basins.count == 2
    assert found(m, blocks, most=8).basins.count >= 3


def test_a_mode_that_one_hidden_unit_holds_is_found():
    """The rows and all noise on the visible units stay away from it."""
    m = RBM(Bernoulli(40), Bernoulli(6)).double().requires_grad_(False)
    m.weight[:, 0] = torch.cat([torch.full((20,), 4.0), torch.full((20,), -4.0)]).double()
    m.hidden.bias[0] = -60.0
    target = torch.cat([torch.ones(20), torch.zeros(20)]).double()[None]
    survey = found(m, torch.randint(0, 2, (300, 40), generator=rng(4)).double())
    assert (survey.met == target).all(1).any()
