"""The partition function that tempering knows."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from ..arguments import checked
from ..machines import Machine
from ..numerics import Seed, stream
from ..progress import Progress, silent
from ..sampling import ParallelTempering, TrajectoryTempering
from ..sampling.trajectory import LOST
from .ais import ais
from .certificate import certificate
from .estimate import Estimate
from .verdict import APART


@checked
@torch.no_grad()
def log_partition_from_trajectory(
    sampler: ParallelTempering | TrajectoryTempering,
    machine: Machine,
    data: Tensor | None = None,
    *,
    progress: Progress = silent,
    generator: Seed = None,
) -> Estimate:
    """Return log Z in nats by Bennett's ratio along the replicas of a ladder, at no cost in Gibbs steps.

    Each replica adds log Z_k − log Z_{k−1} from states of both (Bennett, 1976), the last term from the chains of the
    machine; the squares of the errors add up too.  The error trusts that the states of a replica are independent and
    lie where the machine has its mass, and a ladder that never met a mode cannot tell: so the value is held against
    `ais`, from the rows of ``data``, (rows, visible), if given, and against the states that were met.

    Verdict: ``consistent`` when annealing is, and agrees within the errors of both; else ``inconsistent``.

    Raises `InputError` for a machine that has no normalizer.
    """
    generator = stream(generator, machine.weights[0].device)
    value, error = sampler.log_partition(machine)
    second = ais(machine, data, progress=progress, generator=generator)
    second = second.at_least(certificate(machine, sampler.own, generator=generator))
    found = Estimate(value, error, "bennett", chains=len(sampler.own))
    verdict, reason = _verdict(found, second, sampler.overlap)
    return replace(
        second, value=value, error=error, method="bennett", verdict=verdict, reason=reason, chains=found.chains,
        reverse=second.value, reverse_error=second.error, ess=math.nan, n_betas=0,
        low=max(min(value - 3 * error, second.low), second.certificate), high=max(value + 3 * error, second.high),
    )  # fmt: skip


def _verdict(found: Estimate, second: Estimate, overlap: float) -> tuple[str, str]:
    apart = abs(found.value - second.value)
    told = f"annealing, as a second opinion, gives {second.value:.2f} ± {second.error:.2f}"
    if overlap < LOST:
        return "inconsistent", f"only {overlap:.0%} of the swaps are taken at the narrowest place of the ladder"
    if second.certificate > found.value + 3 * found.error:
        more = second.certificate - found.value
        return "inconsistent", f"states that were met hold {more:.2f} nats more: the ladder misses a mode; {told}"
    if second.verdict == "inconsistent":
        return "inconsistent", f"{told}, which is inconsistent itself: {second.reason}"
    if apart > APART * (found.error**2 + second.error**2) ** 0.5:
        return "inconsistent", f"{told}, {apart:.2f} nats off: a mode is missing on the ladder, or has too many chains"
    return "consistent", told
