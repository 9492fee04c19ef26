"""The basins of a machine: regions of its states between which chains do not pass."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Generator, Tensor

from ..machines import Bipartite, Machine
from ..numerics import Seed, categorical, integers, stream
from ..sampling import gibbs_sample, lengths

STEPS = 60  # of mean field, each half of the way
STILL = 1e-6  # of a mean: what a step moves by less is at its fixed point
APART = 0.5  # the distance, in units of the columns' own spread, below which two fixed points are one
FAR = 4  # fixed points that are taken for their distance and not for their mass
EACH = 50  # states to begin from, of each kind
SEEDS = 16  # chains that start in each basin
PASSED = 0.12  # the share of chains that must pass from one basin to another for it to count


@dataclass(frozen=True)
class Basins:
    """A partition of the states: each belongs where its nearest center does.

    ``centers`` (centers, width) are in units of ``spread`` (width,), ``home`` (centers,) holds the basin of each,
    0 … ``count`` − 1.  Any partition gives a right estimate; one along which chains do not pass gives a good one.
    """

    centers: Tensor
    spread: Tensor
    home: Tensor

    def nearest(self, x: Tensor) -> Tensor:
        """Return the number of the center nearest to each state, (..., width) → (...)."""
        return torch.cdist((x / self.spread).flatten(0, -2), self.centers).argmin(-1).view(x.shape[:-1])

    def of(self, x: Tensor) -> Tensor:
        """Return the basin of each state, (..., width) → (...)."""
        return self.home[self.nearest(x)]

    def points(self, k: int) -> Tensor:
        """Return the centers of a basin as states, (centers, width)."""
        return self.centers[self.home == k] * self.spread

    @cached_property
    def count(self) -> int:
        """The number of basins."""
        return int(self.home.max()) + 1


@dataclass(frozen=True)
class Survey:
    """The basins that were found, states in each, and all states that were met on the way.

    ``members`` holds the states that chains were left in, and ``odds`` how often each stands for its basin: as often at
    each center as chains are there in the long run.
    """

    basins: Basins
    members: Tensor
    odds: Tensor
    met: Tensor

    def inside(self, k: int) -> Tensor:
        """Return the members of a basin, or where it has none the states that came nearest to its centers."""
        found = self.members[self.basins.of(self.members) == k]
        if len(found):
            return found
        centers = self.basins.centers[self.basins.home == k]
        return self.met[torch.cdist(centers, self.met / self.basins.spread).argmin(1)]

    def draw(self, k: int, count: int, *, generator: Seed = None) -> tuple[Tensor, int]:
        """Return states of the machine in a basin, (count, width), and how many members they are.

        They have the machine's distribution in so far as chains reach all of the basin.
        """
        generator = stream(generator, self.met.device)
        x, odds = self.inside(k), self.odds[self.basins.of(self.members) == k]
        known = len(odds) > 0 and float(odds.sum()) > 0
        drawn = categorical(odds if known else x.new_ones(len(x)), count, generator=generator)
        return x[drawn], len(drawn.unique())


@torch.no_grad()
def survey(
    machine: Machine,
    starts: list[Machine],
    data: Tensor | None = None,
    *,
    most: int = 8,
    burn: int = 200,
    met: Tensor | None = None,
    generator: Seed = None,
) -> Survey:
    """Return the basins that chains from data, noise, the ends of quick climbs, and states ``met`` before fall into.

    The centers are fixed points of mean field, the heaviest by their bound on log Z.  Chains run ``burn`` Gibbs steps
    from all of them: centers between which chains pass, there and back, are one basin.  The ``most`` heaviest basins
    are told apart; the others share one.  ``data`` are rows, (rows, visible), ``met`` states, (states, width).
    """
    generator = stream(generator, machine.weights[0].device)
    begun = _begin(machine, starts, data, met, generator)
    moved = gibbs_sample(machine, begun, burn // 2, generator=generator)
    spread = _spread(machine).to(begun)
    means, bounds = fixed_points(machine, torch.cat([begun, moved]))
    centers, bounds = _distinct(means / spread, bounds, 2 * most)
    seeds = [machine.independent(c[None]).sample_independent(SEEDS, generator=generator) for c in centers * spread]
    before = torch.cat([moved, *seeds])
    after = gibbs_sample(machine, before, burn - burn // 2, generator=generator)
    alone = Basins(centers, spread, torch.arange(len(centers), device=centers.device))
    passed = _passes(alone.nearest(before), alone.nearest(after), len(centers))
    home, rest = (found.to(bounds.device) for found in _home(passed.cpu()))
    rank = torch.stack([bounds[home == k].logsumexp(0) for k in range(int(home.max()) + 1)]).argsort(descending=True)
    basins = Basins(centers, spread, rank.argsort()[home].clamp_max(most))
    center = alone.nearest(after)
    odds = rest[center] / torch.bincount(center, minlength=len(rest))[center]
    return Survey(basins, after, odds, torch.cat([before, after]))


def fixed_points(machine: Machine, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean-field means that states lead to, (states, width), and the bound on log Z of each, (states,)."""
    machine = machine.rounded()
    for _ in range(STEPS):
        before, x = x, torch.lerp(x, machine.reconstruct(x), 0.5)
        if torch.allclose(before, x, rtol=STILL, atol=STILL):
            break
    return machine.independent_elbo(x)


def _begin(
    machine: Machine, starts: list[Machine], data: Tensor | None, met: Tensor | None, generator: Generator | None
) -> Tensor:
    """Return states to begin from: what was met, data rows, where quick climbs end, own biases, and noise."""
    own, noise = machine.independent(), machine.independent()
    for leaf in (leaf for row in noise.rows for leaf in row.components()):
        leaf.bias.zero_()
    each = EACH if data is not None else 3 * EACH  # as many in all
    parts = [one.sample_independent(each, generator=generator) for one in (own, noise)]
    if isinstance(machine, Bipartite):
        parts.append(_called(machine, own, noise, generator))
    for start in starts:
        x = start.sample_independent(each, generator=generator)
        parts.append(lengths(start, machine, x, generator=generator)[1])
    if data is not None:
        drawn = integers(len(data), 300, generator=generator).to(data.device)
        parts.insert(0, machine.infer(data[drawn], generator=generator))
    return torch.cat([*([] if met is None else [met]), *parts])


def _called(machine: Bipartite, own: Machine, noise: Machine, generator: Generator | None) -> Tensor:
    """Return states that hidden noise calls up: all hidden units at random, or one at random and the rest at rest.

    A mode that a single hidden unit holds is found by turning that unit.
    """
    rest, random = own.rows[1], noise.rows[1]
    y, z = (row.sample(row.zero_field(100), generator=generator) for row in (rest, random))
    turned = integers(y.shape[1], 100, generator=generator).to(y.device)[:, None]
    single = torch.arange(y.shape[1], device=y.device) == turned
    single[:50] = True
    return machine.even.sample(machine.down(torch.where(single, z, y)), generator=generator)


def _spread(machine: Machine) -> Tensor:
    """Return what one is in each column of a state: the deviation of a continuous unit, else 1."""
    row = machine.even if isinstance(machine, Bipartite) else machine.rows[0]
    precision = row.curvature().detach()
    return torch.where(precision > 0, precision**-0.5, 1.0)


def _distinct(x: Tensor, bounds: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return the heaviest points that lie apart, at most ``most``, and `FAR` others that lie far from these."""
    order = bounds.argsort(descending=True, stable=True)
    x, bounds = x[order], bounds[order]
    kept, away = [0], torch.cdist(x, x[:1])[:, 0]
    while len(kept) < most + FAR and float(away.max()) > APART:
        heavy = (away > APART).nonzero()[0, 0] if len(kept) < most else away.argmax()
        kept.append(int(heavy))
        away = torch.minimum(away, torch.cdist(x, x[heavy][None])[:, 0])
    return x[kept], bounds[kept].double()


def _passes(before: Tensor, after: Tensor, count: int) -> Tensor:
    """Return the share of chains from each center that end at each, (count, count)."""
    tally = torch.bincount(before * count + after, minlength=count**2).view(count, count).double()
    return tally / tally.sum(1, keepdim=True).clamp_min(1)


def _home(passed: Tensor) -> tuple[Tensor, Tensor]:
    """Return the basin of each center, (centers,), and the share of time that chains of the basin spend there.

    Centers that chains pass between both ways are one basin; one that chains only leave belongs where most of them end.
    """
    from scipy.sparse.csgraph import connected_components

    strong = torch.where(passed >= PASSED, passed, torch.zeros_like(passed))
    count, found = connected_components(strong.numpy(), connection="strong")
    group = torch.from_numpy(found).long()
    leaky = torch.zeros(count, dtype=torch.bool)
    leaky[group[((strong > 0) & (group[:, None] != group)).any(1)]] = True
    far = torch.matrix_power(strong / strong.sum(1, keepdim=True).clamp_min(1e-300), 256)
    ends = torch.zeros(len(passed), count, dtype=far.dtype).index_add_(1, group, far)
    ends[:, leaky] = 0
    home = torch.where(leaky[group], ends.argmax(1), group)
    inside = torch.where(home[:, None] == home, passed, torch.zeros_like(passed))
    lasting = torch.matrix_power(inside / inside.sum(1, keepdim=True).clamp_min(1e-300), 256)
    stay = torch.stack([lasting[home == k].mean(0) for k in home.unique()]).sum(0)
    return torch.searchsorted(home.unique(), home), stay
