"""Tempered chains find the weight of every mode, and the verdict on chains tells which ones do not."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from harmonium import RBM, ExactSampler, ParallelTempering, Spin, data, evaluation, train
from harmonium.sampling import path_lengths
from laws import bimodal, exact_states, probabilities, rng

BLOBS = Path(os.environ.get("HARMONIUM_DATA", "nowhere")) / "blobs_16"
needs_blobs = pytest.mark.skipif(not BLOBS.is_dir(), reason="blobs_16 is not under HARMONIUM_DATA")


@cache
def two():
    """Return the machine of two modes, and their centers."""
    return bimodal()[0], torch.stack([torch.ones(10), -torch.ones(10)]).double()


@cache
def eight():
    """Return a machine that learned the eight blobs by the exact gradient, and their centers."""
    files = ("16_spins_8_blobs_train.csv.gz", "16_spins_8_blobs_peak_spins.csv")
    rows, peaks = (torch.from_numpy(np.loadtxt(BLOBS / name, delimiter=",")) for name in files)
    v, g = 2 * rows - 1, rng(1)
    m = RBM(Spin(16), Spin(10), generator=g).double().init_from_data(v)
    optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
    for step in train(m, data.batches(v, 200, generator=g), ExactSampler(200), optimizer, generator=g):
        if step.index == 1500:
            break
    return m.requires_grad_(False), peaks


CASES = [two, pytest.param(eight, marks=needs_blobs)]


def ladder(m, seed):
    start = m.independent()
    return ParallelTempering.between(start, *path_lengths(start, m, generator=rng(7)), chains=100, generator=rng(seed))


def modes(x, peaks):
    return one_hot((x @ peaks.mT).argmax(-1), len(peaks)).double()


def deviations(m, peaks, seed, gibbs_steps=400):
    """Return by how many standard errors over ladders the weights of the modes differ from the exact ones."""
    s = m.even.states()
    truth = probabilities(m, s) @ modes(s, peaks)
    sampler, g, total = ladder(m, seed), rng(100 + seed), 0.0
    for step in range(gibbs_steps):
        x = sampler(m, sampler.chains[-1], generator=g)
        total = total + modes(x, peaks) * (step >= gibbs_steps // 2)
    share = total / (gibbs_steps - gibbs_steps // 2)
    return (share.mean(0) - truth) / (share.std(0) / len(share) ** 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_weight_of_every_mode_is_found(case):
    for seed in range(5):
        assert float(deviations(*case(), seed).abs().max()) < 4


@pytest.mark.whole
@pytest.mark.parametrize("case", CASES)
def test_the_weight_of_every_mode_is_found_with_every_seed(case):
    found = [float(deviations(*case(), seed).abs().max()) < 4 for seed in range(100)]
    print(f"{case.__name__}: {sum(found)} of 100 seeds within 4 standard errors")
    assert all(found)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_verdict_tells_stuck_chains_from_mixed_ones(case):
    m, _ = case()
    assert evaluation.mixing(m, exact_states(m, 100), gibbs_steps=1000, generator=rng(2)).verdict == "stuck"
    sampler = ladder(m, 3)
    sampler.advance(m, 200, generator=rng(4))
    assert evaluation.mixing(m, sampler.chains[-1], sampler, gibbs_steps=1000, generator=rng(5)).verdict == "mixed"
