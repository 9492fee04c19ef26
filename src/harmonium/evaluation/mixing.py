"""Do chains stand for the model?  A verdict with its reason and with advice."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor

from ..arguments import Count, checked
from ..machines import Machine, check_normalizable
from ..numerics import Seed, stream
from ..progress import Progress, silent
from ..sampling import ParallelTempering, TrajectoryTempering, gibbs_sample
from ..units import Rows
from .ais import ais
from .estimate import Estimate

RHAT = 1.05  # above it, by more than two of its errors, chains differ by more than their draws explain
ALPHA = 1e-4  # the rate of false alarms of one comparison, all statistics together
COMPONENTS = 4  # principal components of the states, beside their free energy
KEPT = 64  # draws of each chain that R-hat is taken from
HELD = 0.01  # the share of Z from which on a basin is given chains of its own
SENT = 20  # chains that are begun in such a basin
OFF = 4.0  # errors by which the occupation of a basin may differ from its share of Z
Move = Callable[[int], Tensor]


@dataclass(frozen=True)
class Mixing:
    """What chains say of themselves after ``gibbs_steps`` more Gibbs steps.

    ``verdict`` is ``mixed``; ``stuck`` where chains do not travel, or lie in other basins than the machine has its mass
    in; ``lagging`` where they do, but lay elsewhere than the model when they were given.  ``rhat`` is the largest
    split-R̂ of any statistic, ``rhat_error`` one standard error of it, and ``ess`` the smallest effective number of
    draws (Vehtari et al., 2021).  ``lag`` is the p-value of the given chains being like what became of them;
    ``needed`` the Gibbs steps after which chains from random states are, NaN where they never were; ``covered`` the
    share of Z in the basins that the given chains met.
    """

    verdict: str
    reason: str
    rhat: float
    rhat_error: float
    ess: float
    lag: float
    needed: float
    gibbs_steps: int
    covered: float


@checked
@torch.no_grad()
def mixing(
    machine: Machine,
    chains: Rows,
    sampler: ParallelTempering | TrajectoryTempering | None = None,
    *,
    data: Tensor | None = None,
    log_z: Estimate | None = None,
    gibbs_steps: Count = 10_000,
    begun_at: str | None = None,
    progress: Progress = silent,
    generator: Seed = None,
) -> Mixing:
    """Say whether ``chains``, (chains, width), stand for the machine, and whether its chains travel.

    They take Gibbs steps, ``gibbs_steps`` at most, and with them as many from states without couplings, and some from
    every basin that holds a hundredth of Z or more, by ``log_z``, an estimate of `ais`; where none is given a quick one
    is made, from the rows of ``data`` if there are any.  Given a `ParallelTempering` or `TrajectoryTempering` sampler,
    its ladder and a new one run instead.  After 128, 256, 512, … Gibbs steps the free energy and the leading principal
    components over the newer half are compared within chains and between them, until split-R̂ is at most `RHAT`; then
    the given chains as they were, and random ones as they went on, with what became of them (Kolmogorov & Smirnov); and
    how many of the given chains are in each basin with its share of Z.

    Where no training kept the chains, ``begun_at`` says what they start from, such as "training rows": they cannot lag
    then, and that the model lies elsewhere is told beside the verdict.

    Raises:
        InputError: for a machine that has no normalizer.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(9, 4, generator=0)
        >>> hm.evaluation.mixing(rbm, rbm.sample_independent(100, generator=0), generator=0).verdict
        'mixed'
    """
    check_normalizable(machine)
    chains = machine.as_states(chains, "chains")
    generator = stream(generator, chains.device)
    rows = chains[:, : machine.visible.width] if data is None else data
    if log_z is None or log_z.basins is None:
        log_z = ais(machine, rows, chains=100, n_betas=200, progress=progress, generator=generator)
    move = _mover(machine, chains, sampler, log_z, generator)
    states, moments, segment, rhat, off, ess = [move(0)], [0], KEPT, math.inf, 0.0, 0.0
    for _ in progress(range(max(math.floor(math.log2(gibbs_steps / KEPT)), 1) + 1), "chains"):
        draws = torch.stack([move(segment // KEPT) for _ in range(KEPT)])
        states.append(draws[-1])
        moments.append(moments[-1] + segment)
        rhat, off, ess = _agreement(_summaries(machine, draws, states[-1]))
        if len(moments) > 2 and rhat <= RHAT:
            break
        segment = moments[-1]
    seen, half = _summaries(machine, torch.stack(states), states[-1]), len(chains)
    lag = _alike(seen[0, :half], seen[-1, :half])
    fresh = seen[:, half : 2 * half]
    like = [t for t, x in zip(moments[:-1], fresh[:-1], strict=True) if _alike(x, seen[-1, half:]) >= ALPHA]
    apart = not rhat - 2 * off <= RHAT
    needed = math.nan if apart else min(like, default=moments[-1])
    misplaced, covered = _occupation(states[-1][:half], log_z)
    found = Mixing("", "", rhat, off, ess, lag, needed, moments[-1], covered)
    verdict, reason = _verdict(found, apart, misplaced, begun_at)
    return replace(found, verdict=verdict, reason=reason)


def _occupation(x: Tensor, log_z: Estimate) -> tuple[str, float]:
    """Return what is wrong with how many chains are in each basin, and the share of Z in the basins that they met."""
    assert log_z.basins is not None
    share = torch.tensor(log_z.shares, dtype=torch.float64)
    here = torch.bincount(log_z.basins.of(x).cpu(), minlength=len(share)).double() / len(x)
    covered = float(share[here > 0].sum().clamp_max(1))
    if log_z.verdict == "inconsistent":
        return "", covered
    unsure = (share * (1 - share) / len(x)).clamp_min(0) + (share * max(log_z.error, 0.1)) ** 2 + 1 / len(x) ** 2
    off = (here - share).abs() / unsure.sqrt()
    k = int(off.argmax())
    if float(off[k]) <= OFF:
        return "", covered
    return f"{float(here[k]):.0%} of the chains are in a basin that holds {float(share[k]):.2%} of the mass", covered


def _mover(
    machine: Machine,
    chains: Tensor,
    sampler: ParallelTempering | TrajectoryTempering | None,
    log_z: Estimate,
    generator: Generator | None,
) -> Move:
    """Return what takes the given chains, random ones and those of the basins so many Gibbs steps on, and gives all."""
    if sampler is None:
        fresh = machine.sample_independent(len(chains), generator=generator).to(chains)
        x, ready = torch.cat([chains, fresh, *_sent(machine, chains, log_z, generator)]), machine.rounded()

        def move(gibbs_steps: int) -> Tensor:
            nonlocal x
            x = gibbs_sample(ready, x, gibbs_steps, generator=generator)
            return x

        return move
    ladders = [copy.deepcopy(sampler), sampler.fresh(generator=generator)]

    def climb(gibbs_steps: int) -> Tensor:
        for ladder in ladders:
            ladder.advance(machine, gibbs_steps, generator=generator)
        return torch.cat([ladder.top for ladder in ladders])

    return climb


def _sent(machine: Machine, chains: Tensor, log_z: Estimate, generator: Generator | None) -> list[Tensor]:
    """Return states from which chains are begun in each basin that counts."""
    assert log_z.basins is not None
    counted = [k for k, share in enumerate(log_z.shares) if share >= HELD]
    starts = [machine.independent(log_z.basins.points(k)) for k in counted]
    return [start.sample_independent(SENT, generator=generator).to(chains) for start in starts]


def _summaries(machine: Machine, draws: Tensor, last: Tensor) -> Tensor:
    """Return the free energy and the principal components of ``draws``, (..., width) → (..., statistics)."""
    *_, axes = torch.linalg.svd(last - last.mean(0), full_matrices=False)
    return torch.cat([machine.free_energy(draws)[..., None], draws @ axes[:COMPONENTS].mT], -1).double()


def _agreement(seen: Tensor) -> tuple[float, float, float]:
    """Return the largest split-R̂ of statistics, (draws, chains, statistics), its error, and the effective draws.

    R̂² is (n − 1)/n + B/(nW) for n draws in each of M half chains; B, a variance of M means, has the relative error
    √(2/(M − 1)).
    """
    from arviz_stats.base import array_stats

    moving = seen[..., (seen.flatten(0, 1).std(0) > 1e-9 * seen.flatten(0, 1).abs().amax(0))].cpu().numpy()
    if not moving.shape[-1]:
        return 1.0, 0.0, float(seen.shape[0] * seen.shape[1])
    n, halves = len(seen) // 2, 2 * seen.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):  # chains that do not move at all
        rhat = float(max(array_stats.rhat(moving, chain_axis=1, draw_axis=0)))
        ess = float(min(array_stats.ess(moving, chain_axis=1, draw_axis=0)))
    if not math.isfinite(rhat):
        return math.inf, 0.0, ess
    return rhat, max(rhat**2 - (n - 1) / n, 0) * math.sqrt(2 / (halves - 1)) / (2 * rhat), ess


def _alike(a: Tensor, b: Tensor) -> float:
    """Return the smallest p-value of any statistic, (chains, statistics), times their number."""
    from scipy.stats import ks_2samp

    levels = [ks_2samp(x, y, method="asymp").pvalue for x, y in zip(a.mT.cpu(), b.mT.cpu(), strict=True)]
    return min(float(min(levels)) * len(levels), 1.0)


def _verdict(found: Mixing, apart: bool, misplaced: str, begun_at: str | None) -> tuple[str, str]:
    after, agreed = f"after {found.gibbs_steps:,} Gibbs steps", f"R-hat {found.rhat:.3f} ± {found.rhat_error:.3f}"
    if misplaced or apart:
        differ = misplaced or "chains still differ from each other"
        return "stuck", f"{after} {differ} ({agreed}): sample and train with tempered chains, `--sampler pt`"
    if found.lag < ALPHA and begun_at is None:
        return "lagging", (
            f"the chains lag the model: {found.gibbs_steps:,} Gibbs steps later they lie elsewhere (p = "
            f"{found.lag:.1g}): take more Gibbs steps an update, `--gibbs-steps`, or a smaller learning rate, `--lr`"
        )
    reason = (
        f"chains from {begun_at or 'the training'}, from every basin and from random states agree {after} ({agreed}, "
        f"{found.ess:,.0f} effective draws); samples from random states need about {found.needed:,.0f}"
    )
    return "mixed", reason + (
        f"; {begun_at} lie elsewhere than the model (p = {found.lag:.1g})" if found.lag < ALPHA else ""
    )
