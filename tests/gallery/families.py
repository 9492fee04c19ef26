"""A gallery of liars: machines with separated modes, small enough that their log Z can be summed, by kind and number.

Each family gives, for a number, rows, a machine that has learned nothing, and how it is to be trained; all from seeds.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from harmonium import DBM, RBM, Bernoulli, BoltzmannMachine, Concat, Gaussian, Machine, Potts, Spin, data

Random = np.random.Generator
SHARES = {"rare": [0.9, 0.07, 0.03, 0.02, 0.01, 0.005], "even": [1.0] * 6}


@dataclass
class Case:
    """Rows (rows, visible), a blank machine and the settings of its training; none of them when it is made by hand."""

    rows: Tensor
    machine: Machine
    training: dict[str, Any] = field(default_factory=dict)


def seeds(family: str, number: int) -> tuple[Random, Generator]:
    """Return the two streams of a case."""
    rng = np.random.default_rng([zlib.crc32(family.encode()), number])
    return rng, torch.Generator().manual_seed(int(rng.integers(2**31)))


def training(rng: Random, number: int) -> dict[str, Any]:
    """Return one way to train: sampler, Gibbs steps, length, rate, momentum, with and without centering."""
    return {
        "sampler": ["pcd", "cd", "pcd from the data", "pcd"][number % 4],
        "k": [1, 1, 5][number % 3],
        "steps": int(rng.choice([800, 2000, 4000])),
        "lr": float(rng.choice([0.02, 0.05, 0.1, 0.3])),
        "center": bool(rng.random() < 0.6),
        "momentum": float(rng.choice([0.0, 0.75])),
    }


def shares(rng: Random, clusters: int, number: int) -> np.ndarray:
    """Return the shares of clusters: rare ones, even ones, or drawn."""
    how = ["rare", "even", "drawn"][number % 3]
    if how == "drawn" or clusters > 6:
        return rng.dirichlet(np.full(clusters, 0.7))
    held = np.array(SHARES[how][:clusters])
    return held / held.sum()


def clusters(rng: Random, count: int, width: int, share: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return binary rows about as many prototypes as there are shares, and which each belongs to."""
    prototypes = rng.random((len(share), width)) < rng.uniform(0.2, 0.8, (len(share), 1))
    which = rng.choice(len(share), size=count, p=share)
    rows = prototypes[which] ^ (rng.random((count, width)) < noise)
    return rows.astype(np.float32), which


def binary(family: str, number: int, **fixed: Any) -> Case:
    """Return clusters of bits for an RBM; ``fixed`` settles what is else drawn."""
    rng, g = seeds(family, number)
    how = training(rng, number) | fixed.pop("training", {})
    width, hidden = int(rng.choice([24, 40, 64])), int(rng.integers(6, 15))
    several, count = int(rng.integers(2, 7)), 2000
    drawn = {"width": width, "hidden": hidden, "several": several, "count": count}
    chosen = drawn | {name: value(rng) if callable(value) else value for name, value in fixed.items()}
    share, noise = shares(rng, chosen["several"], number), float(rng.choice([0.01, 0.05, 0.1]))
    rows, which = clusters(rng, chosen["count"], chosen["width"], share, noise)
    if family == "sorted":
        rows = rows[np.argsort(which, kind="stable")]
    machine = RBM(Bernoulli(chosen["width"]), Bernoulli(chosen["hidden"]), generator=g)
    return Case(torch.from_numpy(rows), machine, how)


def spins(family: str, number: int) -> Case:
    rng, g = seeds(family, number)
    how = training(rng, number)
    how["lr"] /= 4
    width, hidden, several = int(rng.choice([24, 40, 64])), int(rng.integers(6, 15)), int(rng.integers(2, 7))
    rows, _ = clusters(rng, 2000, width, shares(rng, several, number), float(rng.choice([0.01, 0.05, 0.1])))
    machine = RBM(Spin(width), (Spin, Bernoulli)[number % 2](hidden), generator=g)
    return Case(torch.from_numpy(2 * rows - 1), machine, how)


def potts(family: str, number: int) -> Case:
    rng, g = seeds(family, number)
    how = training(rng, number)
    sites, states, several = (int(rng.integers(*ends)) for ends in ((6, 20), (3, 6), (2, 6)))
    prototypes = rng.integers(states, size=(several, sites))
    values = prototypes[rng.choice(several, size=2000, p=shares(rng, several, number))]
    values = np.where(rng.random(values.shape) < 0.07, rng.integers(states, size=values.shape), values)
    rows = np.eye(states, dtype=np.float32)[values].reshape(2000, -1)
    return Case(
        torch.from_numpy(rows), RBM(Potts(sites, states), Bernoulli(int(rng.integers(5, 13))), generator=g), how
    )


def gaussian(family: str, number: int) -> Case:
    rng, g = seeds(family, number)
    how = training(rng, number) | {"lr": float(rng.choice([0.003, 0.01, 0.03])), "momentum": 0.0}
    width, hidden, several = int(rng.integers(3, 16)), int(rng.integers(4, 13)), int(rng.integers(2, 6))
    means = rng.normal(0, float(rng.choice([1.0, 2.0])), (several, width))
    rows = means[rng.choice(several, size=2000, p=shares(rng, several, number))]
    rows = rows + rng.normal(0, float(rng.choice([0.3, 0.5])), rows.shape)
    rows = ((rows - rows.mean(0)) / rows.std(0)).astype(np.float32)
    return Case(torch.from_numpy(rows), RBM(Gaussian(width), Bernoulli(hidden), generator=g), how)


def labels(family: str, number: int) -> Case:
    rng, g = seeds(family, number)
    how = training(rng, number)
    several, width, hidden = int(rng.integers(3, 7)), int(rng.choice([24, 40])), int(rng.integers(6, 14))
    rows, which = clusters(rng, 2000, width, shares(rng, several, number), 0.05)
    rows = np.concatenate([rows, np.eye(several, dtype=np.float32)[which]], 1)
    machine = RBM(Concat(Bernoulli(width), Potts(1, several)), Bernoulli(hidden), generator=g)
    return Case(torch.from_numpy(rows), machine, how)


def dbm(family: str, number: int) -> Case:
    rng, g = seeds(family, number)
    how = training(rng, number) | {"sampler": "pcd", "k": 1}
    width, several = int(rng.choice([16, 24, 40])), int(rng.integers(2, 5))
    rows, _ = clusters(rng, 2000, width, shares(rng, several, number), 0.05)
    layers = [Bernoulli(width), Bernoulli(int(rng.integers(5, 13))), Bernoulli(int(rng.integers(3, 8)))]
    return Case(torch.from_numpy(rows), DBM(*layers, generator=g), how)


def general(family: str, number: int) -> Case:
    rng, g = seeds(family, number)
    width, several = int(rng.integers(8, 17)), int(rng.integers(2, 5))
    hidden = [0, 0, int(rng.integers(2, 6))][number % 3]
    rows, _ = clusters(rng, 2000, width, shares(rng, several, number), 0.05)
    kind = (Bernoulli, Spin)[number % 2]
    how = training(rng, number) | {"k": 1, "steps": 600, "center": False, "lr": float(rng.choice([0.02, 0.05, 0.1]))}
    how["sampler"] = "pcd" if hidden or number % 2 == 0 else "cd"
    rows = 2 * rows - 1 if kind is Spin else rows
    return Case(
        torch.from_numpy(rows), BoltzmannMachine(kind(width), kind(hidden) if hidden else None, generator=g), how
    )


def ising(family: str, number: int) -> Case:
    """A 4 × 4 torus of cold spins in a small field, plain or with half of its spins turned."""
    rng, g = seeds(family, number)
    temperature, strength = float(rng.choice([0.8, 1.0, 1.2, 1.5, 2.0])), float(rng.choice([0.0, 0.01, 0.03, 0.1]))
    couplings = torch.zeros(16, 16)
    for a in range(4):
        for b in range(4):
            for c, d in ((a, (b + 1) % 4), ((a + 1) % 4, b)):
                couplings[4 * a + b, 4 * c + d] = couplings[4 * c + d, 4 * a + b] = 1.0
    sign = torch.from_numpy(rng.choice([-1.0, 1.0], 16)).float() if number % 2 else torch.ones(16)
    couplings = couplings * sign[:, None] * sign
    machine = BoltzmannMachine(Spin(16), mask=couplings != 0).requires_grad_(False)
    machine.weight.copy_(couplings.triu() / temperature)
    machine.visible.bias.copy_(strength / temperature * sign)
    wrong = (-sign).expand(400, 16).clone()  # rows of the lighter mode alone
    rows = wrong if number % 3 == 0 else torch.cat([machine.sample_independent(400, generator=g), sign.expand(200, 16)])
    return Case(rows, machine)


def patterns(family: str, number: int) -> Case:
    """Patterns written into the weights of spins; every other time the rows show one of them alone."""
    rng, g = seeds(family, number)
    n, hidden, several = int(rng.integers(12, 30)), int(rng.integers(4, 12)), int(rng.integers(2, 5))
    machine = RBM(Spin(n), Spin(hidden), generator=g).requires_grad_(False)
    below, above = (torch.from_numpy(rng.choice([-1.0, 1.0], (several, m))).float() for m in (n, hidden))
    noise = 0.1 * torch.randn(n, hidden, generator=g)
    machine.weight.copy_(float(rng.uniform(0.1, 0.5)) * (below.T @ above) / several**0.5 + noise)
    machine.visible.bias.normal_(0, 0.1, generator=g)
    rows = below[torch.randint(several if number % 2 else 1, (500,), generator=g)]
    return Case(torch.where(torch.rand(rows.shape, generator=g) < 0.03, -rows, rows), machine)


def needle(family: str, number: int) -> Case:
    """A broad mode where the rows are, and a narrow one elsewhere that a single hidden unit holds."""
    rng, g = seeds(family, number)
    width, hidden = int(rng.choice([24, 40, 60])), int(rng.integers(4, 10))
    machine = RBM(Bernoulli(width), Bernoulli(hidden), generator=g).requires_grad_(False)
    machine.weight.normal_(0, 0.3, generator=g)
    sign = torch.from_numpy(rng.choice([-1.0, 1.0], width)).float()
    machine.weight[:, 0] = float(rng.uniform(2, 4)) * sign
    gain = torch.nn.functional.softplus(machine.weight[:, 0]).sum() - width * 0.6931
    machine.hidden.bias[0] = float(rng.uniform(-6, 6)) - gain
    rows = (torch.rand(500, width, generator=g) < 0.5).float()
    return Case(rows, machine)


def pictures(name: str) -> Callable[[str, int], Case]:
    """Return the family of thresholded pictures of a data set."""

    def made(family: str, number: int) -> Case:
        rng, g = seeds(family, number)
        how = training(rng, number)
        v = data.load(name, "train").binarized("threshold")
        rows = v[torch.from_numpy(rng.permutation(len(v))[:5000])]
        hidden = int(rng.integers(8, 17)) if name == "digits" else int(rng.integers(12, 17))
        how["steps"] = int(rng.choice([2000, 6000]))
        if name != "digits":
            how |= {"sampler": "cd" if number % 3 else "pcd", "k": 1, "lr": float(rng.choice([0.05, 0.1, 0.3]))}
        return Case(rows, RBM(Bernoulli(rows.shape[1]), Bernoulli(hidden), generator=g), how)

    return made


def as_in_the_case(family: str, number: int) -> Case:
    """Three clusters of .9, .07 and .03 on 64 × 14 units by plain PCD-1: the kind on which agreement was no truth."""
    plain = {"sampler": "pcd", "k": 1, "center": False, "momentum": 0.0, "lr": [0.05, 0.1][number % 2], "steps": 5000}
    return binary(family, 3 * number, several=3, width=64, hidden=14, training=plain)  # every third has rare clusters


def within(low: int, high: int) -> Callable[[Random], int]:
    """Return what draws a whole number from ``low`` to ``high`` − 1."""
    return lambda rng: int(rng.integers(low, high))


Family = Callable[[str, int], Case]
FAMILIES: dict[str, tuple[int, Family]] = {
    "clusters": (60, binary),
    "rare": (24, as_in_the_case),
    "many": (15, lambda f, i: binary(f, i, several=within(8, 13), hidden=within(12, 17))),
    "wide": (15, lambda f, i: binary(f, i, width=lambda r: int(r.choice([100, 150])), hidden=within(10, 17))),
    "rates": (25, lambda f, i: binary(f, i, training={"lr": [0.5, 1.0, 2.0][i % 3], "steps": 600, "momentum": 0.0})),
    "sorted": (6, lambda f, i: binary(f, i, several=2, count=24_000, hidden=8)),
    "tiny": (25, lambda f, i: binary(f, i, several=2, count=within(4, 40))),
    "spins": (30, spins),
    "potts": (25, potts),
    "gaussian": (30, gaussian),
    "labels": (25, labels),
    "dbm": (30, dbm),
    "general": (24, general),
    "ising": (18, ising),
    "patterns": (20, patterns),
    "needle": (15, needle),
    "digits": (15, pictures("digits")),
    "mnist": (15, pictures("mnist")),
    "fashion-mnist": (12, pictures("fashion-mnist")),
}  # fmt: skip
NEEDS_DATA = ("mnist", "fashion-mnist")
