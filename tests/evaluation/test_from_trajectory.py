"""What tempering knows of log Z, held against annealing and against the states that were met."""

from dataclasses import replace

import pytest
import torch

from harmonium import ParallelTempering, TrajectoryTempering, evaluation
from harmonium.evaluation.from_trajectory import _verdict
from harmonium.machines import InterpolationPath
from harmonium.sampling import gibbs_sample, path_lengths
from laws import MACHINES, exact_ladder, machine, rng, three_clusters
from marks import slow_but


def ladders(m):
    start = m.independent()
    tempered = ParallelTempering.between(start, *path_lengths(start, m, generator=rng()), generator=rng(1))
    tempered.advance(m, 200, generator=rng(2))
    return [tempered, TrajectoryTempering(m.independent(), m, 100, generator=rng(3))]


@pytest.mark.parametrize("name", MACHINES)
def test_a_ladder_of_exact_states_knows_log_z(name):
    m = machine(name).requires_grad_(False)
    value, error = exact_ladder(m, 5000).log_partition(m)
    assert abs(value - evaluation.log_partition(m).value) < 5 * error
    assert error < 0.1


@pytest.mark.parametrize(
    "name", slow_but(["bernoulli", "labeled", "gaussian visible", "three layers", "general"], ("bernoulli",))
)
def test_both_ladders_are_consistent_where_annealing_agrees(name):
    m = machine(name).requires_grad_(False)
    truth = evaluation.log_partition(m).value
    for sampler in ladders(m):
        told = evaluation.log_partition_from_trajectory(sampler, m, generator=rng())
        assert told.verdict == "consistent", told.reason
        assert told.method == "bennett"
        assert told.low - 1e-9 <= truth <= told.high + 1e-9
        assert abs(told.value - truth) < 5 * told.error


@pytest.mark.slow
def test_a_ladder_that_misses_a_mode_is_told_so():
    """Its chains all began in a mode that holds next to nothing, and where they are cold they never left it."""
    m, blocks = three_clusters()
    sampler = ladders(m)[0]
    path, chains = InterpolationPath(sampler.start, m), blocks[:1].expand(100, -1)
    sampler.chains = torch.stack([gibbs_sample(path.at(float(b)), chains, 50, generator=rng(4)) for b in sampler.betas])
    told, truth = (
        evaluation.log_partition_from_trajectory(sampler, m, generator=rng()),
        evaluation.log_partition(m).value,
    )
    assert abs(told.value - truth) > 5 * told.error
    assert told.verdict == "inconsistent"
    assert "nats off" in told.reason or "nats more" in told.reason
    assert told.low <= truth <= told.high


def test_each_ground_for_doubt_is_named():
    found = evaluation.Estimate(10.0, 0.1, "bennett")
    second = evaluation.Estimate(10.1, 0.1, "ais", "consistent", "", low=9.8, high=10.4, certificate=9.0)
    assert _verdict(found, second, 0.5)[0] == "consistent"
    for doubt, overlap, words in (
        (second, 0.01, "only 1% of the swaps are taken"),
        (replace(second, value=12.0), 0.5, "2.00 nats off"),
        (replace(second, verdict="inconsistent", reason="so"), 0.5, "inconsistent itself: so"),
        (replace(second, certificate=12.0), 0.5, "hold 2.00 nats more"),
    ):
        verdict, reason = _verdict(found, doubt, overlap)
        assert verdict == "inconsistent"
        assert words in reason
