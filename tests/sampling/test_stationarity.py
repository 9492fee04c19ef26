"""Start exact, stay exact: every kind in every machine under every kernel and type, by chi-square over all states."""

from itertools import product

import pytest
import torch

from harmonium import DBM, PCD, RBM, Bernoulli, Binomial, BoltzmannMachine, Concat, Gaussian, Potts, ReLU, Spin
from harmonium.sampling import gibbs_sample
from laws import (
    DRAWS,
    exact_ladder,
    exact_states,
    exact_trajectory,
    probabilities,
    randomized,
    ring,
    rng,
    row_of,
    same_distribution,
)

VISIBLE = {
    "bernoulli": lambda: Bernoulli(3),
    "spin": lambda: Spin(3),
    "binomial": lambda: Binomial(2, 2),
    "potts": lambda: Potts(1, 3),
    "concat": lambda: Concat(Bernoulli(1), Potts(1, 3)),
}
HIDDEN = VISIBLE | {"gaussian": lambda: Gaussian(2), "relu": lambda: ReLU(2)}


def sparse(v):
    return BoltzmannMachine(v, Bernoulli(2), mask=ring(v.width + 2))


MACHINES = {
    **{f"rbm {v} {h}": (lambda v=v, h=h: RBM(VISIBLE[v](), HIDDEN[h]())) for v, h in product(VISIBLE, HIDDEN)},
    **{f"dbm {v} {h}": (lambda v=v, h=h: DBM(VISIBLE[v](), HIDDEN[h](), Bernoulli(2)))
       for v, h in product(VISIBLE, ("bernoulli", "potts"))},
    **{f"general {v}": (lambda v=v: BoltzmannMachine(VISIBLE[v]())) for v in VISIBLE},
    **{f"general {v}, hidden": (lambda v=v: BoltzmannMachine(VISIBLE[v](), Spin(2))) for v in VISIBLE},
    **{f"sparse {v}": (lambda v=v: sparse(VISIBLE[v]())) for v in VISIBLE},
}  # fmt: skip


def clamped(m, x):
    first = torch.arange(m.width) < len(m.visible.sites()[0])
    return gibbs_sample(m, x, 2, first, generator=rng(1))


def tempered(m, x):
    ladder = exact_ladder(m, len(x))
    return ladder(m, x, generator=rng(1))


def trajectory(m, x):
    return exact_trajectory(m, x)(m, x, generator=rng(1))


KERNELS = {
    "1 Gibbs step": lambda m, x: gibbs_sample(m, x, 1, generator=rng(1)),
    "4 Gibbs steps": lambda m, x: gibbs_sample(m, x, 4, generator=rng(1)),
    "16 Gibbs steps": lambda m, x: gibbs_sample(m, x, 16, generator=rng(1)),
    "clamped": clamped,
    "pcd": lambda m, x: PCD(x, 2)(m, x, generator=rng(1)),
    "pt": tempered,
    "ptt": trajectory,
}
TYPES = {"float64": torch.float64, "float32": torch.float32}
CASES = list(product(MACHINES, KERNELS, TYPES))


@pytest.mark.whole
@pytest.mark.parametrize(("name", "kernel", "kind"), CASES)
def test_what_starts_exact_stays_exact(name, kernel, kind):
    m = randomized(MACHINES[name](), 0.4 if "relu" in name or "gaussian" in name else 0.9, 3)
    s = row_of(m).states()
    truth, x = probabilities(m, s), exact_states(m, DRAWS).to(TYPES[kind])
    y = KERNELS[kernel](m.to(TYPES[kind]), x)
    same_distribution(y.double(), s, truth)
