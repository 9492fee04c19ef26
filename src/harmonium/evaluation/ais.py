"""Annealed importance sampling (AIS), basin by basin and in both directions, with a bracket and a verdict."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ..arguments import Count, checked
from ..machines import InterpolationPath, Machine, abreast, ais_base, check_normalizable
from ..numerics import Seed, stream
from ..progress import Progress, silent
from ..sampling import BETAS, lengths, space_evenly
from ..units import Rows
from .basins import Survey, survey
from .certificate import certificate, certificate_of_rows
from .estimate import Estimate
from .strata import backwards, forwards
from .verdict import Evidence

PILOT = 16  # chains of each start that measure its path
WORK = 2.4  # chains of all kinds that a chain asked for stands for: no more than three sets of them
AGAIN = 4  # chains that are led down from each state
FEWEST = 12  # chains of a start
MOST = 64_000  # temperatures that are tried
BASINS = 8  # basins that are told apart at first


@checked
@torch.no_grad()
def ais(
    machine: Machine,
    data: Rows | None = None,
    *,
    chains: Count = 200,
    n_betas: Count = 1000,
    burn: int = 200,
    basins: int = BASINS,
    progress: Progress = silent,
    generator: Seed = None,
) -> Estimate:
    """Return log Z in nats by annealed importance sampling over ``n_betas`` machines from several starts (Neal, 2001).

    The states are cut into at most ``basins`` + 1 basins between which chains do not pass (`survey`), and Z = Σ Z_k is
    put together from them.  Chains are led

    - forwards from a start of each basin's own, independent units under its mean fields, and from two that know of no
      basin: independent units with the biases of the ``data`` (rows, visible), if given (Salakhutdinov & Murray, 2008),
      and with the machine's own, which meets what it has become away from the data;
    - backwards from states of the machine in each basin, after ``burn`` Gibbs steps, to its own start.

    Each start has temperatures of its own, spaced by the thermodynamic length of its path.  P(log Ẑ > log Z + b) ≤ e⁻ᵇ
    holds for the sum: what no start finds leaves it too low.

    Verdict: ``consistent`` when the ways up and back agree in every basin, no start finds more, no state met is heavier
    than the estimate allows, all evaluated in errors; else ``inconsistent``, with the test that failed in ``reason``.

    Args:
        data: rows, (rows, visible), to set a start's biases and to find basins from; none if left out.
        chains, n_betas: how many chains, of all starts together about, and how many temperatures a path.
        progress: wraps the steps, for a progress bar.

    Raises:
        InputError: for a machine that has no normalizer.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(9, 4, generator=0)
        >>> found, exact = hm.evaluation.ais(rbm, n_betas=50, generator=0), hm.evaluation.log_partition(rbm)
        >>> abs(found.value - exact.value) < 0.01, found.verdict
        (True, 'consistent')
    """
    check_normalizable(machine)
    generator = stream(generator, machine.weights[0].device)
    plan = _Plan(machine, None if data is None else machine.as_rows(data, "data"), chains, burn, progress, generator)
    return plan.round(n_betas, basins)[0]


@checked
def ais_until_consistent(
    machine: Machine,
    data: Rows | None = None,
    *,
    chains: Count = 200,
    n_betas: Count = 1000,
    most: int = MOST,
    burn: int = 200,
    max_time: float | None = None,
    progress: Progress = silent,
    generator: Seed = None,
) -> Iterator[Estimate]:
    """Yield estimates, each with four times as many temperatures, twice as many basins and all states met before.

    ``data`` are rows, (rows, visible), as in `ais`.  It ends with one that is consistent, when ``most`` temperatures
    are passed, or when the next would pass ``max_time`` seconds.
    """
    check_normalizable(machine)
    generator = stream(generator, machine.weights[0].device)
    plan = _Plan(machine, None if data is None else machine.as_rows(data, "data"), chains, burn, progress, generator)
    basins, met, began = BASINS, None, time.perf_counter()
    while n_betas <= most:
        since = time.perf_counter()
        estimate, met = plan.round(n_betas, basins, met)
        yield estimate
        spent = time.perf_counter() - since
        if estimate.verdict == "consistent" or (max_time and time.perf_counter() - began + 4 * spent > max_time):
            return
        n_betas, basins = 4 * n_betas, 2 * basins


@dataclass(frozen=True)
class _Plan:
    """What all rounds share."""

    machine: Machine
    data: Tensor | None
    chains: int
    burn: int
    progress: Progress
    generator: Generator | None

    @torch.no_grad()
    def round(self, n_betas: int, basins: int, met: Tensor | None = None) -> tuple[Estimate, Tensor]:
        """Return an estimate, and states for the next one to begin from."""
        known = (
            [ais_base(self.machine)]
            if self.data is None
            else [ais_base(self.machine, self.data), ais_base(self.machine)]
        )
        found = survey(self.machine, known, self.data, most=basins, burn=self.burn, met=met, generator=self.generator)
        count = found.basins.count
        starts, spacing = self._starts(known, found)
        n = max(AGAIN * round(WORK * self.chains / (len(starts) + count) / AGAIN), FEWEST)
        x = torch.stack([start.sample_independent(n, generator=self.generator) for start in starts])
        drawn = [found.draw(k, n // AGAIN, generator=self.generator) for k in range(count)]
        y = torch.stack([states for states, _ in drawn]).repeat_interleave(AGAIN, 1)
        both = abreast([*starts, *starts[-count:]])
        table = torch.stack([space_evenly(BETAS, length, max(n_betas, 2)) for length in spacing.unbind(1)], 1)
        steps = torch.cat([table, table[:, -count:].flip(0)], 1).to(x)
        label = f"annealing over {n_betas:,} temperatures from {len(starts)} starts, up and back"
        weights, last = climb(
            both, self.machine, self.progress(steps, label), torch.cat([x, y]), generator=self.generator
        )
        different = torch.tensor([members for _, members in drawn])
        evidence = self._weigh(weights, last, starts, found, different)
        met_now = torch.cat([last[: len(starts)], y]).flatten(0, 1)
        return _estimate(evidence, len(starts) * n, n_betas, found), met_now

    def _starts(self, known: list[Machine], found: Survey) -> tuple[list[Machine], Tensor]:
        """Return all starts, those of the basins last, and the lengths of their paths, (gaps, starts).

        The start of a basin has its mean fields or its means, whichever leads to the machine by the shorter path.
        """
        inside = [found.inside(k) for k in range(found.basins.count)]
        fields = [self.machine.independent(x) for x in inside]
        means = [ais_base(self.machine, x[:, : self.machine.visible.width]) for x in inside]
        tried = [*known, *fields, *(means if not self.machine.latent else [])]
        x = torch.stack([start.sample_independent(PILOT, generator=self.generator) for start in tried])
        spacing, _ = lengths(abreast(tried), self.machine, x, generator=self.generator)
        total, first, count = spacing.sum(0), len(known), len(fields)
        chosen = [*range(first)]
        for k in range(first, first + count):
            other = k + count
            chosen.append(other if other < len(tried) and bool(total[other] < total[k]) else k)
        return [tried[i] for i in chosen], spacing[:, chosen]

    def _weigh(
        self, weights: Tensor, last: Tensor, starts: list[Machine], found: Survey, different: Tensor
    ) -> Evidence:
        count = found.basins.count
        zero = torch.stack([start.log_partition_independent().double() for start in starts])
        climbs, falls = weights[: len(starts)] + zero[:, None], zero[-count:, None] - weights[len(starts) :]
        falls = falls.unflatten(1, (-1, AGAIN))
        ends = found.basins.of(last[: len(starts)])
        stayed = (ends[-count:] == torch.arange(count, device=ends.device)[:, None]).double().mean(1)
        states = torch.cat([found.met, last.flatten(0, 1)])
        held = certificate(self.machine, states, generator=self.generator)
        if self.data is not None:
            held = max(held, certificate_of_rows(self.machine, self.data))
        climbs, falls, ends, stayed = (found.cpu() for found in (climbs, falls, ends, stayed))
        return Evidence(forwards(climbs, ends, count), backwards(falls, stayed, different), climbs, ends, falls, held)


@torch.no_grad()
def climb(
    start: Machine, end: Machine, betas: Iterable[Tensor], x: Tensor, *, generator: Seed = None
) -> tuple[Tensor, Tensor]:
    """Return the log-weights, float64 (starts, chains), of chains led from their states ``x``, and where they stand.

    ``betas`` gives the place on the path of each of the starts that lie `abreast`, (starts,), step by step: rising to
    1, or falling to 0.  From one to the next a chain is weighed by the ratio of the two densities where it stands, and
    before the next step it is moved at the new one.
    """
    generator = stream(generator, x.device)
    path, before, first = InterpolationPath(start, end), None, True
    log_weight = torch.zeros(x.shape[:-1], dtype=torch.float64, device=x.device)
    for after in (beta.to(x)[:, None, None] for beta in betas):
        if before is not None:
            here = path.at(before)
            x = x if first else here.gibbs(x, generator=generator)
            log_weight += here.free_energy(x)
            log_weight -= path.at(after).free_energy(x)
            first = False
        before = after
    return log_weight, x


def _estimate(evidence: Evidence, chains: int, n_betas: int, found: Survey) -> Estimate:
    low, high = evidence.bracket
    verdict, reason = evidence.verdict()
    up, down, shares = evidence.up, evidence.down, tuple(evidence.up.shares.tolist())
    return Estimate(
        evidence.value, evidence.error, "ais", verdict, reason, chains, n_betas, up.ess, down.value, down.error,
        low, high, evidence.certificate, found.basins, shares,
    )  # fmt: skip
