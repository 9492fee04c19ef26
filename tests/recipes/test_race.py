import math

import pytest
import torch

from harmonium.data import bars_and_stripes
from harmonium.numerics import categorical
from harmonium.recipes.algorithms.bias import TRUE, along_a_path, clearest, compare, empty, summed_gradient
from harmonium.recipes.algorithms.race import Course, Run, paces, race, runners, start, updates_until
from harmonium.recipes.common.steps import checkpoints, stream


def course(updates: int = 40, rate: float = 0.3) -> Course:
    v = bars_and_stripes(3)
    return Course(v, v, 6, len(v), rate, updates, 5)


@pytest.mark.parametrize(("updates", "points"), [(1, 5), (7, 3), (40, 5), (6000, 30), (100, 1)])
def test_checkpoints_rise_to_the_last_update(updates, points):
    at = checkpoints(updates, points)
    assert at == sorted(set(at))
    assert at[0] >= 1
    assert at[-1] == updates
    assert len(at) <= points + 1


def test_every_runner_starts_at_the_same_likelihood_and_one_seed_gives_the_same_bits():
    made = runners([2], [1, 3], 14, more=3, exact=True)
    names = ["naive MCMC, k = 2", "CD-1", "CD-3", "PCD-1", "PCD-1 with 42 chains", "exact draws", "exact gradient"]
    assert list(made) == names
    runs = {name: [race(course(), climb, 4) for _ in range(2)] for name, climb in made.items()}
    assert all(first.values == second.values for first, second in runs.values())
    assert len({first.values[0] for first, _ in runs.values()}) == 1
    assert len({first.values[-1] for first, _ in runs.values()}) == len(made)


@pytest.mark.slow
def test_the_exact_gradient_only_climbs():
    climb = runners([], [], 14, exact=True)["exact gradient"]
    values = race(course(1500), climb, 0).values
    assert values == sorted(values)
    assert -9 * math.log(2) + 0.5 < values[-1] < -math.log(14)


def test_updates_until_a_level():
    run = Run([0, 1, 2], [-3.0, -2.0, -2.5])
    assert (updates_until(run, -2.5), updates_until(run, -1.0)) == (1, None)


def test_the_pace_of_a_hundred_gibbs_steps_is_slower_than_that_of_one():
    pace = paces(course(), runners([1, 100], [], 14), 0, 3, 3)
    assert 0 < 5 * pace["naive MCMC, k = 1"] < pace["naive MCMC, k = 100"]


def test_the_sum_of_log_likelihoods_takes_the_model_mean_once_a_row():
    for row in summed_gradient(5, 3):
        assert row["mended"] == pytest.approx(row["differences"], abs=1e-7)
        assert abs(row["printed"] - row["differences"]) > 0.01


def test_along_a_path_exact_draws_see_the_whole_gradient_and_their_noise_is_bounded():
    """Each entry of ⟨v hᵀ⟩ lies in 0…1, so n exact draws leave a distance below √(entries / 4n), three times over."""
    table = along_a_path(course(300, 0.5), [1], [1, 5], 8_000, 0)
    distance, share, error = (table[key] for key in ("distance", "share", "error"))
    noise = 3 * math.sqrt(9 * 6 / (4 * 8_000))
    assert distance["update"][-1] == share["update"][-1] == 300
    assert {len(column) for t in table.values() for column in t.values()} == {len(share["update"])}
    assert all(abs(x - 1) < 5 * e for x, e in zip(share["exact draws"], error["exact draws"], strict=True))
    assert max(distance["exact draws"]) < noise
    assert share["CD-1"][-1] < share["CD-5"][-1]


def test_states_of_the_model_see_the_whole_gradient_and_the_data_see_none():
    v, m = bars_and_stripes(3), start(course(), 1)
    tables = empty(["data", "model"])
    x = m.visible.states()
    exact = x[categorical(torch.softmax(-m.free_energy(x), 0), 200_000, generator=stream(0, 1))]
    compare(m, v, {"data": v, "model": exact}, tables)
    distance, share, error = (tables[key] for key in ("distance", "share", "error"))
    assert distance["data"] == pytest.approx(distance[TRUE])
    assert share["data"] == [pytest.approx(0, abs=1e-4)]
    assert abs(share["model"][0] - 1) < 5 * error["model"][0]
    assert distance["model"][0] < 3 * math.sqrt(9 * 6 / (4 * 200_000))


def test_the_clearest_share_is_the_one_most_standard_errors_off_among_the_last():
    share, error = {"update": [1, 2, 3], "CD-1": [9.0, 1.5, 0.8]}, {"update": [1, 2, 3], "CD-1": [0.1, 1.0, 0.1]}
    found = clearest({"distance": {}, "share": share, "error": error}, 2)
    assert found == {"CD-1": {"share": 0.8, "error": 0.1, "update": 3}}
