"""The promise on log Z: honest errors, brackets that hold, and no silent miss."""

import pytest
import torch

from harmonium import DBM, RBM, Bernoulli, BoltzmannMachine, Potts, Spin, evaluation
from laws import randomized, rng


def width(g, low, high):
    return int(torch.randint(low, high + 1, (1,), generator=g))


def random(seed):
    g = rng(seed)
    scale = 0.1 * 40 ** float(torch.rand(1, generator=g))
    return randomized(RBM(Bernoulli(width(g, 4, 20)), Bernoulli(width(g, 2, 12))), scale, seed)


def hard(seed):
    """Patterns written into the weights of an RBM so deep that Gibbs steps never leave one."""
    g = rng(1000 + seed)
    n, h = width(g, 10, 20), width(g, 3, 10)
    m = randomized(RBM(Spin(n), Spin(h)), 0.3, seed)
    patterns = torch.where(torch.rand(3, n, generator=g) < 0.5, -1.0, 1.0).double()
    marks = torch.where(torch.rand(3, h, generator=g) < 0.5, -1.0, 1.0).double()
    m.weight.data += (1 + 2 * torch.rand(1, generator=g).double()) * (patterns.mT @ marks) / 3
    return m


def deep(seed):
    g = rng(2000 + seed)
    rows = Bernoulli(width(g, 4, 10)), Bernoulli(width(g, 3, 6)), Spin(width(g, 2, 5)), Potts(1, 3)
    return randomized(DBM(*rows[: width(g, 3, 4)]), 0.5 + 2 * float(torch.rand(1, generator=g)), seed)


def general(seed):
    g = rng(3000 + seed)
    n = width(g, 8, 14)
    m = randomized(BoltzmannMachine(Spin(n)), 1.0, seed)
    m.weight.data *= (0.5 + 2 * float(torch.rand(1, generator=g))) / n**0.5
    return m


FAMILIES = {"random": (random, 200), "hard": (hard, 100), "deep": (deep, 50), "general": (general, 50)}


def tally(make, seeds, n_betas=1000):
    """Return how many values lie within three errors, how many brackets hold, and the misses called consistent."""
    inside, held, silent = 0, 0, []
    for seed in seeds:
        m = make(seed).requires_grad_(False)
        truth = evaluation.log_partition(m).value
        found = evaluation.ais(m, n_betas=n_betas, chains=100, generator=rng(seed))
        low, high = found.bracket
        near = abs(found.value - truth) < 3 * found.error
        inside, held = inside + near, held + (low <= truth <= high)
        silent += [seed] if found.verdict == "consistent" and not near else []
    return inside, held, silent


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_brackets_hold_and_misses_are_flagged(family):
    make, count = FAMILIES[family]
    count //= 10
    inside, held, silent = tally(make, range(count), n_betas=300)
    assert inside >= count - 1
    assert held == count
    assert len(silent) <= 1  # three errors are left by one estimate in 300; two of 20 by one suite in 500


@pytest.mark.whole
@pytest.mark.parametrize("family", FAMILIES)
def test_all_brackets_hold_and_misses_are_flagged(family):
    make, count = FAMILIES[family]
    inside, held, silent = tally(make, range(count))
    print(f"{family}: {inside} of {count} within three errors, {held} brackets hold, silent misses {silent}")
    assert inside >= 0.98 * count or family == "hard"
    assert held >= 0.95 * count
    assert len(silent) <= max(1, count // 100)
