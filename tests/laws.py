"""What the laws run over, and what they assert with.  A new kind or machine joins one of the two lists."""

import math
from collections.abc import Callable

import torch
from scipy.stats import chi2
from torch import Tensor, nn

from harmonium import (
    CD,
    DBM,
    PCD,
    RBM,
    Bernoulli,
    Binomial,
    BoltzmannMachine,
    Concat,
    ExactSampler,
    Gaussian,
    NaiveMCMC,
    OneHot,
    ParallelTempering,
    Potts,
    ReLU,
    Spin,
    TrajectoryTempering,
    ZeroInflated,
)  # fmt: skip
from harmonium.machines import Bipartite, InterpolationPath, Machine
from harmonium.numerics import categorical
from harmonium.sampling.trajectory import between
from harmonium.units import Units

LIMIT = 1e-6  # the false-alarm rate of one stochastic test
DRAWS = 200_000

KINDS = {
    "bernoulli": lambda: Bernoulli(4),
    "spin": lambda: Spin(4),
    "binomial": lambda: Binomial(3, 3),
    "potts": lambda: Potts(2, 3),
    "potts of sizes": lambda: Potts([3, 2, 4]),
    "one-hot": lambda: OneHot([2, 1, 3]),
    "gaussian": lambda: Gaussian(3),
    "zeroinflated": lambda: ZeroInflated(2),
    "relu": lambda: ReLU(3),
    "concat": lambda: Concat(Bernoulli(2), Potts(1, 3)),
    "concat-mixed": lambda: Concat(Spin(2), Gaussian(2), Concat(ReLU(1), Bernoulli(1))),
    "concat-table": lambda: Concat(Potts([2, 3]), Bernoulli(1), Gaussian(1), ZeroInflated(1)),
}
FINITE = [name for name, make in KINDS.items() if make().count < math.inf]
CONTINUOUS = ["gaussian", "relu"]

MACHINES = {
    "bernoulli": lambda: RBM(Bernoulli(4), Bernoulli(3)),
    "spin": lambda: RBM(Spin(4), Spin(3)),
    "binomial": lambda: RBM(Binomial(2, 2), Binomial(3, 2)),
    "potts": lambda: RBM(Potts(2, 3), Potts(2, 2)),
    "potts of sizes": lambda: RBM(Potts([2, 4]), Potts([3, 2])),
    "one-hot": lambda: RBM(OneHot([2, 3, 1]), OneHot([1, 2])),
    "labeled": lambda: RBM(Concat(Bernoulli(3), Potts(1, 3)), Bernoulli(5)),
    "gaussian hidden": lambda: RBM(Spin(4), Gaussian(2)),
    "relu hidden": lambda: RBM(Bernoulli(4), ReLU(2)),
    "mixed hidden": lambda: RBM(Bernoulli(4), Concat(Bernoulli(2), Gaussian(1), ReLU(1))),
    "gaussian visible": lambda: RBM(Gaussian(3), Bernoulli(3)),
    "relu visible": lambda: RBM(ReLU(2), Spin(3)),
    "mixed visible": lambda: RBM(Concat(Gaussian(2), Bernoulli(2)), Bernoulli(3)),
    "mixed table": lambda: RBM(Concat(Potts([2, 3]), Binomial(1, 2), Gaussian(1), ZeroInflated(1)), Bernoulli(3)),
    "two layers": lambda: DBM(Bernoulli(4), Bernoulli(3)),
    "three layers": lambda: DBM(Bernoulli(4), Bernoulli(3), Bernoulli(2)),
    "four layers": lambda: DBM(Bernoulli(3), Spin(2), Potts(1, 3), Bernoulli(2)),
    "labeled three layers": lambda: DBM(Concat(Bernoulli(2), Potts(1, 3)), Bernoulli(3), Bernoulli(2)),
    "general": lambda: BoltzmannMachine(Bernoulli(4), Bernoulli(3)),
    "general, all visible": lambda: BoltzmannMachine(Spin(6)),
    "general, labeled": lambda: BoltzmannMachine(Concat(Bernoulli(3), Potts(1, 3))),
    "general, of sizes": lambda: BoltzmannMachine(Concat(Potts([3, 2]), Spin(1)), Bernoulli(2)),
    "general, sparse": lambda: BoltzmannMachine(Concat(Spin(3), Potts(1, 3)), Binomial(2, 2), mask=ring(8)),
}


SAMPLERS = {
    "cd": lambda m: CD(2),
    "pcd": lambda m: PCD(m.sample_independent(20, generator=rng(1)), 2),
    "naive-mcmc": lambda m: NaiveMCMC(10, k=5),
    "exact": lambda m: ExactSampler(10),
    "pt": lambda m: ParallelTempering(m.independent(), torch.linspace(0, 1, 4), 10, generator=rng(1)),
    "ptt": lambda m: TrajectoryTempering(m.independent(), m, 10, generator=rng(1)),
}


def ring(n: int) -> Tensor:
    """Return the mask of n columns in a ring."""
    return torch.eye(n, dtype=torch.bool).roll(1, 0)


def row_of(m: Machine) -> Units:
    """Return the row of a whole state of the machine."""
    return Concat(m.visible, *m.latent)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randomized(module: nn.Module, scale: float = 0.7, seed: int = 0) -> nn.Module:
    """Return the module in float64 with all parameters drawn from N(0, scale²)."""
    g = rng(seed)
    for parameter in module.double().parameters():
        parameter.data = scale * torch.randn(parameter.shape, generator=g, dtype=torch.float64)
    return module


BIPARTITE = [name for name, make in MACHINES.items() if isinstance(make(), Bipartite)]
TWO_FINITE_ROWS = [name for name in BIPARTITE if MACHINES[name]().odd.count < math.inf]
DEEP = [name for name in MACHINES if MACHINES[name]().latent]
LISTED = [name for name, make in MACHINES.items() if row_of(make()).count < math.inf]


def kind(name: str, seed: int = 0):
    return randomized(KINDS[name](), seed=seed)


def machine(name: str, seed: int = 3) -> Machine:
    tame = any(word in name for word in ("gaussian", "relu", "mixed"))
    return randomized(MACHINES[name](), 0.4 if tame else 0.9, seed)


def field(units, *batch: int, seed: int = 1) -> Tensor:
    return torch.randn(*batch, units.width, generator=rng(seed), dtype=torch.float64)


def exact_states(m: Machine, count: int, seed: int = 5) -> Tensor:
    """Draw states from the machine's own distribution, by enumeration of its states or of the odd row."""
    g = rng(seed)
    if row_of(m).count < math.inf:
        x = row_of(m).states()
        return x[categorical(probabilities(m, x), count, generator=g)]
    y, p = odd_probabilities(m)
    return m.even.sample(m.down(y[categorical(p, count, generator=g)]), generator=g).detach()


def exact_ladder(m: Machine, chains: int, n_replicas: int = 4) -> ParallelTempering:
    """Return a ladder up to the machine, each replica of which holds exact draws of its own machine."""
    start = m.independent()
    sampler = ParallelTempering(start, torch.linspace(0, 1, n_replicas), chains, adapt=False, generator=rng())
    path = InterpolationPath(start, m)
    states = [exact_states(path.at(float(beta)), chains, seed) for seed, beta in enumerate(sampler.betas)]
    sampler.chains = torch.stack(states)
    return sampler


def exact_trajectory(m: Machine, x: Tensor) -> TrajectoryTempering:
    """Return the trajectory of a machine whose chains are ``x`` and whose last replica, near it, holds exact draws."""
    near = between(m.independent(), m, 0.8)
    sampler = TrajectoryTempering(m.independent(), m.independent(), 2, generator=rng())
    sampler.replicas[-1], sampler.chains = near, x
    sampler.reserve = exact_states(near, len(x), seed=6).to(x)
    return sampler


def bimodal() -> tuple[RBM, float]:
    """Return a machine of two modes, all up and all down, between which plain chains do not pass, and the upper's
    share.
    """
    m = RBM(Spin(10), Spin(4)).double().requires_grad_(False)
    m.weight.fill_(1.0)
    m.visible.bias.fill_(0.05)
    s = m.even.states()
    return m, float(probabilities(m, s)[s.sum(-1) > 0].sum())


def three_clusters() -> tuple[RBM, Tensor]:
    """A machine of three modes far apart and a row in each; the first holds e⁻¹² of the mass of each other."""
    m = RBM(Bernoulli(30), Bernoulli(3)).requires_grad_(False)
    blocks = torch.eye(3).repeat_interleave(10, 1)
    m.weight.copy_(12 * blocks.T - 6)
    m.visible.bias.fill_(-2.0)
    m.hidden.bias.copy_(torch.tensor([-20.0, -8.0, -8.0]))
    return m, blocks


def probabilities(m: Machine, states: Tensor) -> Tensor:
    return torch.softmax(-m.free_energy(states), -1).detach()


@torch.no_grad()
def log_marginal(m: Machine, v: Tensor) -> Tensor:
    """Return log p(v) + log Z of rows ``v`` by listing the states of the latent rows: the truth behind `elbo`."""
    if not m.latent:
        return -m.free_energy(v)
    rest = Concat(*m.latent).states().to(v)
    return torch.stack([-m.free_energy(torch.cat([v, y.expand(len(v), -1)], -1)) for y in rest]).logsumexp(0)


def variances(units: Units, field: Tensor) -> Tensor:
    """Return the variance of each unit under fields, (rows, width): the second derivative of `cgf`, by autograd."""
    f = field.detach().requires_grad_()
    (mean,) = torch.autograd.grad(units.cgf(f).sum(), f, create_graph=True)
    rows = [torch.autograd.grad(mean[:, i].sum(), f, retain_graph=True)[0][:, i] for i in range(units.width)]
    return torch.stack(rows, -1)


def odd_probabilities(m: Bipartite) -> tuple[Tensor, Tensor]:
    y = m.odd.states()
    return y, torch.softmax(m.even.cgf(m.down(y)) - m.odd.energy(y), 0).detach()


def counts(x: Tensor, states: Tensor) -> Tensor:
    """Count how often each of ``states`` occurs among the rows of ``x``; a row that is none of them is an error.

    Whole numbers are digits of one whole number a row, which float64 holds exactly.
    """
    low, high = float(states.min()), float(states.max())
    assert bool(((x == x.round()) & (x >= low) & (x <= high)).all())
    base, width = int(high - low) + 1, states.shape[-1]
    assert base**width < 2**53
    place = float(base) ** torch.arange(width, dtype=torch.float64)
    known, order = ((states.double() - low) @ place).sort()
    assert bool((known.diff() > 0).all())
    found = (x.double() - low) @ place
    where = torch.searchsorted(known, found).clamp_max(len(known) - 1)
    assert torch.equal(known[where], found)
    return torch.bincount(order[where], minlength=len(states))


def chi_square(observed: Tensor, p: Tensor) -> float:
    """Return the p-value of counts under probabilities; cells of expectation below 5 are pooled."""
    expected = p.double() * observed.sum()
    small = expected < 5
    o = torch.cat([observed[~small].double(), observed[small].sum().double()[None]])
    e = torch.cat([expected[~small], expected[small].sum()[None]])
    o, e = (o, e) if e[-1] > 0 else (o[:-1], e[:-1])
    statistic = float(((o - e) ** 2 / e).sum())
    return float(chi2.sf(statistic, max(len(o) - 1, 1)))


def same_distribution(x: Tensor, states: Tensor, p: Tensor) -> None:
    level = chi_square(counts(x, states), p)
    assert level > LIMIT, f"chi-square p = {level:.2g}"


def slope(m: nn.Module, value: Callable[[], Tensor], seed: int = 6) -> tuple[list[Tensor], float, float]:
    """Return a random direction, the derivative of ``value`` along it by central differences, and twice its error.

    Steps of 1e-4 and 2e-4: their results differ by three times the error of the smaller one.
    """
    g = rng(seed)
    direction = [torch.randn(p.shape, generator=g, dtype=p.dtype) for p in m.parameters()]
    slopes = []
    for step in (1e-4, 2e-4):
        ends = []
        for way in (1, -2, 1):
            with torch.no_grad():
                for p, d in zip(m.parameters(), direction, strict=True):
                    p += way * step * d
            ends.append(float(value().detach()))
        slopes.append((ends[0] - ends[1]) / (2 * step))
    return direction, slopes[0], abs(slopes[0] - slopes[1]) + 1e-9


def along(m: nn.Module, value: Tensor, direction: list[Tensor]) -> float:
    """Return the derivative of ``value`` along a direction by autograd."""
    found = torch.autograd.grad(value, list(m.parameters()), allow_unused=True)
    return sum(float((g * d).sum()) for g, d in zip(found, direction, strict=True) if g is not None)
