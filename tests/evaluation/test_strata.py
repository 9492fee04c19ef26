"""Log Z put together basin by basin from weights whose distribution is known."""

import math

import pytest
import torch

from harmonium.evaluation.strata import backwards, by_start, forwards, relative_error
from laws import rng

N = 400


def drawn(parts, reach, spread, n=N, seed=0):
    """Return log-weights and ends of chains from several starts that end in basin k with probability ``reach[s][k]``.

    The weights of each average to its part of Z, with log-normal noise of deviation ``spread``.
    """
    g, weights, ends = rng(seed), [], []
    for odds in torch.tensor(reach, dtype=torch.float64):
        end = torch.multinomial(odds, n, replacement=True, generator=g)
        noise = spread * torch.randn(n, generator=g, dtype=torch.float64) - spread**2 / 2
        weights.append(torch.tensor(parts, dtype=torch.float64)[end] - odds[end].log() + noise)
        ends.append(end)
    return torch.stack(weights), torch.stack(ends)


PARTS = [0.0, -1.0]
TRUTH = math.log(math.exp(0) + math.exp(-1))
SPLIT = [[0.999, 0.001], [1.0, 0.0], [0.0, 1.0]]  # a start for all, which hardly ever meets basin 1, and their own


def test_every_basin_counts_by_its_own_start():
    found = forwards(*drawn(PARTS, SPLIT, 0.3), 2)
    assert found.parts.tolist() == pytest.approx(PARTS, abs=0.1)
    assert found.value == pytest.approx(TRUTH, abs=3 * found.error)
    assert found.shares.sum() == pytest.approx(1)
    assert found.error < 0.05


@pytest.mark.slow
def test_the_error_is_that_of_repeats():
    found = [forwards(*drawn(PARTS, SPLIT, 1.0, seed=seed), 2) for seed in range(300)]
    off = torch.tensor([(one.value - TRUTH) / one.error for one in found])
    assert 0.8 < float(off.std()) < 1.15
    assert abs(float(off.mean())) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.3, 2.0])
def test_the_choice_of_starts_does_not_lean_upward(spread):
    """The weights average to Z however starts are chosen on the other half; chosen after the fact they would not."""
    reach = [[0.5, 0.5]] * 8 + [[1.0, 0.0], [0.0, 1.0]]
    total = [math.exp(forwards(*drawn(PARTS, reach, spread, n=8, seed=s), 2).value - TRUTH) for s in range(700)]
    mean, error = sum(total) / 700, torch.tensor(total).std() / 700**0.5
    assert abs(mean - 1) < 4 * float(error)


def test_a_start_that_finds_more_replaces_a_basins_own():
    """The own start of basin 1 knows a tenth of it."""
    weights, ends = drawn([0.0, 0.0], [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]], 0.1)
    weights[2] -= math.log(10)
    found = forwards(weights, ends, 2)
    assert found.parts[1] == pytest.approx(0.0, abs=0.2)


def test_a_well_mixed_machine_is_not_noisier_than_one_set_of_chains():
    weights, ends = drawn([0.0], [[1.0]] * 3, 1.0)
    found = forwards(weights, ends, 1)
    assert found.error < 1.5 * relative_error(weights.flatten(), weights.numel())


def test_the_way_back_asks_for_the_share_that_ends_where_it_began():
    """1/weight of a chain from basin k averages to P(k)/Z_k, whatever the proportions of the basins."""
    g = rng(1)
    noise = 0.5 * torch.randn(2, 500, 4, generator=g, dtype=torch.float64)
    stayed = torch.tensor([1.0, 0.25], dtype=torch.float64)
    implied = torch.tensor(PARTS, dtype=torch.float64)[:, None, None] - stayed.log()[:, None, None] - noise + 0.5**2 / 2
    found = backwards(implied, stayed, torch.tensor([500, 500]))
    assert found.parts.tolist() == pytest.approx(PARTS, abs=0.1)
    assert found.value == pytest.approx(TRUTH, abs=3 * found.error)


def test_what_each_start_says_is_told_apart():
    values, errors = by_start(*drawn(PARTS, SPLIT, 0.1), 2)
    assert values[1, 0] == pytest.approx(0.0, abs=0.1)
    assert values[1, 1] == -math.inf
    assert errors[1, 1] == math.inf
    assert values[2].tolist() == [-math.inf, pytest.approx(-1.0, abs=0.1)]


def test_chains_that_are_all_alike_still_may_have_missed_something():
    same = torch.zeros(1, 50, dtype=torch.float64)
    assert forwards(same, torch.zeros(1, 50, dtype=torch.long), 1).error == pytest.approx(0.01)
