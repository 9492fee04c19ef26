"""Parallel tempering: chains on a ladder of machines, neighbors of which swap states."""

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Self

import torch
from torch import Generator, Tensor

from .. import numerics
from ..arguments import Count, checked
from ..errors import InputError
from ..machines import DBN, InterpolationPath, Machine, ais_base
from ..numerics import Seed, stream
from ..progress import Progress, silent
from .gibbs import visible_rows
from .samplers import Sampler

PILOT = 64  # gaps of the climb that measures the path
EVEN = 0.1  # the share of the betas that is spread evenly whatever the climb says
MEMORY = 0.99  # of the moving average of the swap rates
MOST = 100  # replicas of a ladder, unless told otherwise
RESPACE = 200  # Gibbs steps after which the betas move to even the swap rates out


BETAS = torch.linspace(0, 1, PILOT + 1, dtype=torch.float64)


@torch.no_grad()
def path_lengths(start: Machine, end: Machine, *, chains: int = 100, generator: Seed = None) -> tuple[Tensor, Tensor]:
    """Return evenly spaced betas, (`PILOT` + 1,), and the thermodynamic length of each gap between them, (`PILOT`,)."""
    generator = stream(generator, start.weights[0].device)
    return BETAS, lengths(start, end, start.sample_independent(chains, generator=generator), generator=generator)[0]


@torch.no_grad()
def lengths(start: Machine, end: Machine, x: Tensor, *, generator: Seed = None) -> tuple[Tensor, Tensor]:
    """Return the thermodynamic length of each gap between `BETAS`, and where chains begun at ``x`` are at the end.

    The length is the standard deviation of the log-weight of chains that are led over the gap (Gelman & Meng, 1998).
    Betas that share it evenly stand close where the machine changes fast, and neighbors overlap alike everywhere.
    Starts that lie `abreast` have lengths of their own, (`PILOT`, starts), for their chains, (starts, chains, width).
    """
    generator = stream(generator, x.device)
    path, found = InterpolationPath(start, end), []
    for before, after in pairwise(BETAS.tolist()):
        work = path.at(before).free_energy(x).double() - path.at(after).free_energy(x).double()
        found.append(work.std(-1))
        x = path.here.gibbs(x, generator=generator)
    return torch.stack(found).to(BETAS.device), x


def space_evenly(betas: Tensor, lengths: Tensor, count: int) -> Tensor:
    """Return ``count`` betas that share the ``lengths``, one for each gap between ``betas``, evenly."""
    gaps = betas.diff()
    share = lengths / lengths.sum() if float(lengths.sum()) > 0 else gaps
    total = torch.cat([gaps.new_zeros(1), ((1 - EVEN) * share + EVEN * gaps).cumsum(0)])
    aims = torch.linspace(0, 1, count, dtype=torch.float64, device=betas.device) * total[-1]
    right = torch.searchsorted(total, aims).clamp(1, len(gaps))
    part = (aims - total[right - 1]) / (total[right] - total[right - 1])
    found = torch.lerp(betas[right - 1], betas[right], part)
    found[0], found[-1] = 0.0, 1.0
    return found


class ParallelTempering(Sampler):
    """Parallel tempering: a chain on each replica of a ladder, and swaps between neighbors (Swendsen & Wang, 1986;
    Desjardins et al., 2010).

    The ladder is the `InterpolationPath` from ``start``, a machine without couplings, to the machine in training; its
    lowest replica is drawn afresh, exactly, at each Gibbs step, so that what leaves it is independent of what came
    before.  A swap of states x, y between machines a, b is taken with probability min(1, exp(F_a(x) + F_b(y) − F_a(y) −
    F_b(x))); even and odd pairs take turns (Syed et al., 2022).

    ``chains`` (replicas, chains, width) are the states, ``betas`` (replicas,) where each replica stands on the path;
    ``rates`` (replicas − 1,) is the moving average of the share of swaps taken.  With ``adapt`` the betas move every
    `RESPACE` Gibbs steps so that the rates become equal.

    Example:
        >>> import harmonium as hm, torch
        >>> rbm = hm.RBM(6, 4)
        >>> ladder = hm.ParallelTempering(rbm.independent(), torch.linspace(0, 1, 5), chains=20)
        >>> ladder(rbm, rbm.sample_independent(5)).shape, ladder.chains.shape
        (torch.Size([20, 6]), torch.Size([5, 20, 6]))
    """

    chains: Tensor
    betas: Tensor
    rates: Tensor
    count: Tensor
    words = "parallel tempering (PT)"

    @checked
    def __init__(
        self,
        start: Machine,
        betas: Tensor,
        chains: Count = 100,
        k: Count = 1,
        *,
        adapt: bool = True,
        generator: Seed = None,
    ):
        generator = stream(generator, start.weights[0].device)
        super().__init__(k)
        if (
            betas.ndim != 1
            or len(betas) < 2
            or float(betas[0]) != 0
            or float(betas[-1]) != 1
            or bool((betas.diff() <= 0).any())
        ):
            raise InputError(f"the betas {betas.tolist()} were given: give two or more that rise from 0 to 1")
        self.start, self.adapt = start.requires_grad_(False), adapt
        drawn = start.sample_independent(len(betas) * chains, generator=generator)
        self.register_buffer("chains", drawn.view(len(betas), chains, -1))
        self.register_buffer("betas", betas.double())
        self.register_buffer("rates", torch.zeros(len(betas) - 1, dtype=torch.float64))
        self.register_buffer("count", torch.tensor(0))

    @classmethod
    def between(
        cls,
        start: Machine,
        betas: Tensor,
        lengths: Tensor,
        chains: int = 100,
        k: int = 1,
        *,
        generator: Seed = None,
    ) -> Self:
        """Return a ladder of fixed betas, about one unit of length apart, so that about half of the swaps are taken.

        ``betas`` and ``lengths`` are those of `path_lengths`.  There are at least 3 replicas and at most `MOST`.
        """
        n_replicas = min(max(math.ceil(float(lengths.sum())) + 1, 3), MOST)
        return cls(start, space_evenly(betas, lengths, n_replicas), chains, k, adapt=False, generator=generator)

    @classmethod
    def make(
        cls, machine: Machine, seen: Tensor, *, k: int, chains: int, n_replicas: int, generator: Generator | None = None
    ) -> Self:
        """Return a ladder of evenly spaced betas up from independent units fitted to the rows."""
        betas = torch.linspace(0, 1, n_replicas, device=seen.device)
        return cls(ais_base(machine, seen), betas, chains, k, generator=generator)

    @classmethod
    def onto(cls, machine: Machine, chains: Tensor, *, generator: Generator | None = None) -> Self:
        """Return a ladder up to a machine, on the top of which stand given chains, (chains, width)."""
        start = ais_base(machine)
        spacing = path_lengths(start, machine, generator=generator)
        ladder = cls.between(start, *spacing, chains=len(chains), generator=generator)
        ladder.chains[-1] = chains
        return ladder

    def last_chains(self) -> Tensor | None:
        """Return the states on the highest replica."""
        return self.top

    @property
    def top(self) -> Tensor:
        """The states on the highest replica, (chains, width)."""
        return self.chains[-1]

    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return the chains on the highest replica, ``k`` Gibbs steps and swaps further on."""
        self.advance(machine, self.k, generator=generator)
        return self.top

    @torch.no_grad()
    def advance(self, machine: Machine, gibbs_steps: int, *, generator: Seed = None) -> None:
        """Take ``gibbs_steps`` Gibbs steps and swaps of all replicas."""
        generator = stream(generator, self.chains.device)
        path = InterpolationPath(self.start, machine)
        for _ in range(gibbs_steps):
            self.step(path, generator)
            if self.adapt and int(self.count) % RESPACE == 0:
                self.betas = space_evenly(self.betas, 1 - self.rates, len(self.betas))

    @property
    def own(self) -> Tensor:
        """The states of the machine in training, (chains, width): those on the highest replica."""
        return self.top

    @property
    def overlap(self) -> float:
        """The smallest share of swaps between neighbors that are taken."""
        return float(self.rates.min())

    @torch.no_grad()
    def log_partition(self, machine: Machine) -> tuple[float, float]:
        """Return log Z of the machine in nats, and its standard error, by Bennett's ratio from replica to replica."""
        path, x = InterpolationPath(self.start, machine), self.chains
        here = path.at(self.betas[:, None, None]).free_energy(x).double()
        above = path.at(self.betas[1:, None, None]).free_energy(x[:-1]).double()
        below = path.at(self.betas[:-1, None, None]).free_energy(x[1:]).double()
        steps = [numerics.bennett(up, down) for up, down in zip(above - here[:-1], below - here[1:], strict=True)]
        value = float(self.start.log_partition_independent()) + sum(step for step, _ in steps)
        return value, math.sqrt(sum(error**2 for _, error in steps))

    def fresh(self, *, generator: Seed = None) -> "ParallelTempering":
        """Return a ladder of the same replicas whose chains start anew, without couplings."""
        chains = self.chains.shape[1]
        return ParallelTempering(self.start, self.betas, chains, self.k, adapt=self.adapt, generator=generator)

    def step(self, path: InterpolationPath, generator: Generator | None) -> None:
        """Move every chain once, and swap every other pair of neighbors."""
        ladder = path.at(self.betas[:, None, None])
        x = ladder.gibbs(self.chains, generator=generator)
        x = torch.cat([self.start.sample_independent(x.shape[1], generator=generator)[None], x[1:]])
        partner = partners(len(self.betas), int(self.count) % 2).to(x.device)
        here = ladder.free_energy(x).double()
        there = path.at(self.betas[partner, None, None]).free_energy(x).double()
        gain = here - there
        odds = gain + gain[partner]
        first = torch.minimum(partner, torch.arange(len(partner), device=x.device))
        taken = numerics.uniform(odds, generator=generator)[first].log() < odds
        self.chains = torch.where(taken[..., None], x[partner], x)
        self.count += 1
        self.remember(odds, partner)

    def remember(self, odds: Tensor, partner: Tensor) -> None:
        """Take the swap rates of the pairs that were tried into the moving average."""
        pairs = (partner[:-1] > torch.arange(len(partner) - 1, device=partner.device)).nonzero()[:, 0]
        met = odds[pairs].clamp_max(0).exp().mean(1)
        weight = max(1 - MEMORY, 1 / ((int(self.count) + 1) // 2))
        self.rates[pairs] = torch.lerp(self.rates[pairs], met, weight)

    def extra_repr(self) -> str:
        """Return what ``print`` shows."""
        return f"n_replicas={len(self.betas)}, k={self.k}"


def partners(n_replicas: int, odd: int) -> Tensor:
    """Return whom every replica may swap with: pairs from replica 0 up, or from 1; who is left over has itself."""
    index = torch.arange(n_replicas)
    other = torch.where((index - odd) % 2 == 0, index + 1, index - 1)
    return torch.where((other < 0) | (other >= n_replicas), index, other)


def tempered_chain(
    model: Machine | DBN,
    count: int,
    gibbs_steps: int = 1000,
    data: Tensor | None = None,
    *,
    progress: Progress = silent,
    generator: Seed = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield what `sample_chain` yields, rows drawn and as means, from the top of a ladder of parallel tempering.

    The ladder starts at independent units fitted to ``data``, (rows, visible of the machine), if there are any; in a
    `DBN` it stands under the top RBM.
    """
    machine = model.top if isinstance(model, DBN) else model
    generator, start = stream(generator, machine.weights[0].device), ais_base(machine, data)
    spacing = path_lengths(start, machine, generator=generator)
    ladder = ParallelTempering.between(start, *spacing, chains=count, generator=generator)
    moves = _climbs(ladder, machine, progress(range(gibbs_steps), "sampling"), generator)
    return visible_rows(model, moves, generator)


@torch.no_grad()
def _climbs(
    ladder: ParallelTempering, machine: Machine, steps: Iterable[int], generator: Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in steps:
        ladder.advance(machine, 1, generator=generator)
        yield ladder.top, machine.gibbs_with_means(ladder.top, generator=generator)[1]
