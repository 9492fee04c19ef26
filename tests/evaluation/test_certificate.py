"""Lower bounds on log Z by states that are there."""

import math

import pytest
import torch

from harmonium import RBM, Bernoulli, Gaussian, evaluation
from laws import LISTED, MACHINES, exact_states, machine, rng, row_of


@pytest.mark.parametrize("name", MACHINES)
def test_a_certificate_never_exceeds_the_truth(name):
    m = machine(name).requires_grad_(False)
    truth = evaluation.log_partition(m).value
    few, many = (evaluation.certificate(m, exact_states(m, n), generator=rng()) for n in (3, 20_000))
    assert few <= many <= truth + 1e-9
    assert many > truth - 1.0 or many == -math.inf


@pytest.mark.parametrize("name", LISTED)
def test_all_states_are_the_whole_and_count_once(name):
    m = machine(name).requires_grad_(False)
    x = row_of(m).states() if m.latent else m.visible.states()
    truth = evaluation.log_partition(m).value
    assert evaluation.certificate(m, torch.cat([x, x[:5], x]), generator=rng()) == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize("name", LISTED)
def test_rows_certify_too_and_no_probability_exceeds_one(name):
    m = machine(name).requires_grad_(False)
    truth = evaluation.log_partition(m).value
    v = m.visible.states()
    held = evaluation.certificate_of_rows(m, torch.cat([v, v]))
    assert held <= truth + 1e-9
    if not m.latent:
        assert held == pytest.approx(truth, abs=1e-9)
    one = evaluation.certificate_of_rows(m, v[:1])
    assert one == pytest.approx(float(evaluation.log_evidence(m, v[:1])), abs=1e-9)


def test_grey_values_are_no_states():
    m = machine("bernoulli").requires_grad_(False)
    gray = torch.full((3, 4), 0.5, dtype=torch.float64)
    assert evaluation.certificate_of_rows(m, gray) == -math.inf
    assert evaluation.certificate_of_rows(m, torch.cat([gray, torch.ones(1, 4).double()])) > -math.inf


def test_continuous_rows_certify_by_the_hidden_ones_alone():
    m = RBM(Gaussian(3), Bernoulli(3), generator=rng()).requires_grad_(False)
    assert evaluation.certificate_of_rows(m, torch.zeros(2, 3)) == -math.inf
    found = evaluation.certificate(m, m.sample_independent(1000, generator=rng()), generator=rng())
    assert found == pytest.approx(evaluation.log_partition(m).value, abs=1e-6)


def test_an_estimate_below_the_weight_of_rows_is_inconsistent():
    estimate = evaluation.Estimate(10.0, 0.1, "ais", "consistent", low=9.7, high=10.3)
    assert estimate.at_least(9.9).verdict == "consistent"
    assert estimate.at_least(9.9).low == 9.9
    found = estimate.at_least(12.0)
    assert found.verdict == "inconsistent"
    assert found.bracket == (12.0, 12.0)
    assert "2.00 nats more" in found.reason


def test_an_exact_value_is_its_own_bracket_and_a_bare_one_has_none():
    assert evaluation.Estimate.exact(3.0).bracket == (3.0, 3.0)
    assert all(math.isnan(end) for end in evaluation.Estimate(1.0, 0.1, "ais").bracket)
