import math

import pytest
import torch

from harmonium.data import bars_and_stripes
from harmonium.recipes.bias import TRUE, along_a_path, summed_gradient
from harmonium.recipes.race import Course, Run, checkpoints, race, runners, seconds_until


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
    made = runners([2], [1, 3], 14, exact=True)
    assert list(made) == ["naive MCMC, k = 2", "CD-1", "CD-3", "PCD-1", "exact draws", "exact gradient"]
    runs = {name: [race(course(), climb, 4) for _ in range(2)] for name, climb in made.items()}
    assert all(first.values == second.values for first, second in runs.values())
    assert len({first.values[0] for first, _ in runs.values()}) == 1
    assert len({first.values[-1] for first, _ in runs.values()}) == len(made)


def test_the_exact_gradient_only_climbs():
    climb = runners([], [], 14, exact=True)["exact gradient"]
    values = race(course(2000), climb, 0).values
    assert values == sorted(values)
    assert -9 * math.log(2) + 0.5 < values[-1] < -math.log(14)


def test_seconds_until_a_level():
    run = Run([0, 1, 2], [0.0, 0.5, 1.5], [-3.0, -2.0, -2.5])
    assert seconds_until(run, -2.5) == 0.5
    assert seconds_until(run, -1.0) is None
    assert run.milliseconds == 750


def test_the_sum_of_log_likelihoods_takes_the_model_mean_once_a_row():
    for _, differences, printed, mended in summed_gradient(5, 3):
        assert mended == pytest.approx(differences, abs=1e-7)
        assert abs(printed - differences) > 0.01


def test_along_a_path_the_noise_is_that_of_the_draws_and_long_chains_come_near():
    """Each entry of ⟨v hᵀ⟩ lies in 0…1, so n exact draws leave a distance below √(entries / 4n), three times over."""
    table = along_a_path(course(300, 0.5), [1, 200], [1], 20_000, 0)
    noise = 3 * math.sqrt(9 * 6 / (4 * 20_000))
    assert table["update"][-1] == 300
    assert {len(column) for column in table.values()} == {len(table["update"])}
    assert max(table["exact draws"]) < noise
    assert table["naive MCMC, k = 200"][-1] < noise < table[TRUE][-1]
    assert all(torch.tensor(column).isfinite().all() for column in table.values())
