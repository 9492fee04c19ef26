"""Do chains stand for the model?  A verdict with its reason and with advice."""

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ..machines import Machine
from ..sampling import Tempered, Trajectory, run

RHAT = 1.05  # above it chains differ by more than their draws explain
ALPHA = 1e-4  # the rate of false alarms of one comparison, all statistics together
COMPONENTS = 4  # principal components of the states, beside their free energy
KEPT = 64  # draws of each chain that R-hat is taken from
Watch = Callable[[range], Iterable[int]]
Move = Callable[[int], Tensor]


@dataclass(frozen=True)
class Equilibrium:
    """What chains say of themselves after ``sweeps`` more sweeps.

    ``verdict`` is ``mixed``; ``stuck`` where chains do not travel; ``lagging`` where they do, but lay elsewhere than
    the model when they were given.  ``rhat`` is the largest split-R̂ and ``ess`` the smallest effective number of draws
    of any statistic (Vehtari et al., 2021).  ``lag`` is the p-value of the given chains being like what became of
    them; ``needed`` the sweeps after which chains from random states are, NaN where they never were.
    """

    verdict: str
    reason: str
    rhat: float
    ess: float
    lag: float
    needed: float
    sweeps: int


@torch.no_grad()
def equilibrium(
    machine: Machine,
    chains: Tensor,
    sampler: Tempered | Trajectory | None = None,
    *,
    sweeps: int = 10_000,
    watch: Watch = iter,
    generator: Generator | None = None,
) -> Equilibrium:
    """Say whether ``chains``, (chains, width), stand for the machine, and whether its chains travel.

    They and as many from states without couplings take Gibbs sweeps, ``sweeps`` at most; given a `Tempered` or
    `Trajectory` sampler, its ladder and a new one run instead.  After 128, 256, 512, … sweeps the free energy and the
    leading principal components over the newer half are compared within chains and between them, until split-R̂ is at
    most `RHAT`; then the given chains as they were, and random ones as they went on, with what became of them
    (Kolmogorov & Smirnov).
    """
    move = _mover(machine, chains, sampler, generator)
    states, moments, segment, rhat, ess = [move(0)], [0], KEPT, math.inf, 0.0
    for _ in watch(range(max(math.floor(math.log2(sweeps / KEPT)), 1) + 1)):
        draws = torch.stack([move(segment // KEPT) for _ in range(KEPT)])
        states.append(draws[-1])
        moments.append(moments[-1] + segment)
        rhat, ess = _agreement(_summaries(machine, draws, states[-1]))
        if len(moments) > 2 and rhat <= RHAT:
            break
        segment = moments[-1]
    seen, half = _summaries(machine, torch.stack(states), states[-1]), len(chains)
    lag = _alike(seen[0, :half], seen[-1, :half])
    like = [t for t, x in zip(moments[:-1], seen[:-1], strict=True) if _alike(x[half:], seen[-1, half:]) >= ALPHA]
    needed = min(like, default=moments[-1]) if rhat <= RHAT else math.nan
    return Equilibrium(*_verdict(rhat, ess, lag, needed, moments[-1]), rhat, ess, lag, needed, moments[-1])


def _mover(
    machine: Machine, chains: Tensor, sampler: Tempered | Trajectory | None, generator: Generator | None
) -> Move:
    """Return what takes the given chains and random ones so many sweeps on, and returns both under each other."""
    if sampler is None:
        x = torch.cat([chains, machine.fields_sample(len(chains), generator=generator).to(chains)])

        def move(sweeps: int) -> Tensor:
            nonlocal x
            x = run(machine, x, sweeps, generator=generator)
            return x

        return move
    ladders = [copy.deepcopy(sampler), sampler.fresh(generator=generator)]

    def climb(sweeps: int) -> Tensor:
        for ladder in ladders:
            ladder.advance(machine, sweeps, generator=generator)
        return torch.cat([ladder.top for ladder in ladders])

    return climb


def _summaries(machine: Machine, draws: Tensor, last: Tensor) -> Tensor:
    """Return the free energy and the principal components of ``draws``, (..., width) → (..., statistics)."""
    *_, axes = torch.linalg.svd(last - last.mean(0), full_matrices=False)
    return torch.cat([machine.free_energy(draws)[..., None], draws @ axes[:COMPONENTS].mT], -1).double()


def _agreement(seen: Tensor) -> tuple[float, float]:
    """Return the largest split-R̂ and the smallest effective sample size of statistics, (draws, chains, statistics)."""
    from arviz_stats.base import array_stats

    moving = seen[..., (seen.flatten(0, 1).std(0) > 1e-9 * seen.flatten(0, 1).abs().amax(0))].numpy()
    if not moving.shape[-1]:
        return 1.0, float(seen.shape[0] * seen.shape[1])
    rhat = array_stats.rhat(moving, chain_axis=1, draw_axis=0)
    ess = array_stats.ess(moving, chain_axis=1, draw_axis=0)
    return (math.inf if math.isnan(max(rhat)) else float(max(rhat))), float(min(ess))


def _alike(a: Tensor, b: Tensor) -> float:
    """Return the smallest p-value of any statistic, (chains, statistics), times their number."""
    from scipy.stats import ks_2samp

    levels = [ks_2samp(x, y, method="asymp").pvalue for x, y in zip(a.mT, b.mT, strict=True)]
    return min(float(min(levels)) * len(levels), 1.0)


def _verdict(rhat: float, ess: float, lag: float, needed: float, sweeps: int) -> tuple[str, str]:
    if not rhat <= RHAT:
        return "stuck", (
            f"after {sweeps:,} sweeps chains still differ from each other (R-hat {rhat:.2f}): "
            "sample and train with tempered chains"
        )
    if lag < ALPHA:
        return "lagging", (
            f"the chains lag the model: {sweeps:,} sweeps later they lie elsewhere (p = {lag:.1g}): "
            "take more sweeps an update or a smaller learning rate"
        )
    return "mixed", (
        f"chains from the data and from random states agree after {sweeps:,} sweeps (R-hat {rhat:.2f}, {ess:,.0f} "
        f"effective draws); samples from random states need about {needed:,.0f}"
    )
