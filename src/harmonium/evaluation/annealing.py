"""Annealed importance sampling, in both directions, with a bracket and a verdict."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor

from .. import numerics
from ..machines import Bipartite, Machine, Path
from ..sampling import Tempered, measured, run
from ..units import Quadratic
from .estimate import Estimate

ENOUGH = 0.1  # the share of effective chains below which three errors no longer cover the truth
CLOSE = 1.0  # nats by which the two directions may differ
Rungs = Sequence[tuple[float, float]]
Watch = Callable[[Rungs], Iterable[tuple[float, float]]]


@torch.no_grad()
def anneal(
    machine: Machine,
    data: Tensor | None = None,
    *,
    chains: int = 200,
    rungs: int = 1000,
    burn: int = 200,
    watch: Watch = iter,
    generator: Generator | None = None,
) -> Estimate:
    """Return log Z in nats by annealed importance sampling over ``rungs`` evenly spaced machines (Neal, 2001).

    The first machine has no couplings, hidden biases of zero and visible biases from the ``data`` (rows, visible), if
    given (Salakhutdinov & Murray, 2008).  Three sets of chains run:

    - forwards: the weights average to Z for any number of rungs, P(log Ẑ > log Z + b) ≤ e⁻ᵇ, and their spread gives the
      error; but a region that no chain finds shows in neither, and leaves the value too low;
    - backwards, from states of the machine: data rows after ``burn`` sweeps (Burda et al., 2015), or, without data,
      tempered chains after as many; these err on the other side;
    - given data, forwards from the machine's own visible biases, which meets what it has become away from the data.
      The higher of two starts that disagree is believed.

    Verdict: ``reliable`` when at least a tenth of the chains are effective and all agree within a nat; else
    ``unreliable``: take more rungs, then more chains.  ``watch`` wraps the rungs, for a progress bar.
    """
    start, alone = base(machine, data if data is None else machine.admit(data, "data")), base(machine)
    betas = list(pairwise(torch.linspace(0, 1, max(rungs, 2), dtype=torch.float64).tolist()))
    plan = _Plan(machine, betas, chains, burn, watch, generator)
    forward, away = plan.ascend(start), False
    back = plan.descend(start, plan.tempered(start) if data is None else plan.burnt(data))
    if data is not None:
        blind = plan.ascend(alone)
        away = blind.value > forward.value + CLOSE
        forward = blind if away else forward
    verdict, reason = judge(forward.ess, chains, forward.value, -back.value, away=away)
    return Estimate(
        forward.value, forward.error, "anneal", verdict, reason, chains, rungs, forward.ess, -back.value, back.error
    )


@dataclass(frozen=True)
class _Plan:
    """What all sets of chains share."""

    machine: Machine
    betas: Rungs
    chains: int
    burn: int
    watch: Watch
    generator: Generator | None

    def ascend(self, start: Machine) -> Estimate:
        """Return log Z from chains led from ``start`` to the machine."""
        x = start.fields_sample(self.chains, generator=self.generator)
        weights = climb(start, self.machine, self.watch(self.betas), x, generator=self.generator)
        return _estimate(weights + start.fields_log_partition().double())

    def descend(self, start: Machine, x: Tensor) -> Estimate:
        """Return −log Z from chains led from states ``x`` of the machine down to ``start``."""
        down = [(after, before) for before, after in reversed(self.betas)]
        weights = climb(start, self.machine, self.watch(down), x, generator=self.generator)
        return _estimate(weights - start.fields_log_partition().double())

    def burnt(self, data: Tensor) -> Tensor:
        """Return states of the machine: data rows, swept."""
        drawn = torch.randint(len(data), (self.chains,), generator=self.generator, device=data.device)
        x = self.machine.infer(data[drawn], generator=self.generator)
        return run(self.machine, x, self.burn, generator=self.generator)

    def tempered(self, start: Machine) -> Tensor:
        """Return states of the machine: the highest rung of a ladder from ``start``, swept and swapped."""
        path = measured(start, self.machine, generator=self.generator)
        ladder = Tempered.between(start, *path, self.chains, self.burn, generator=self.generator)
        return ladder(self.machine, ladder.chains[-1], generator=self.generator)


def anneal_until_reliable(
    machine: Machine,
    data: Tensor | None = None,
    *,
    rungs: int = 1000,
    most: int = 64_000,
    **settings: Any,
) -> Iterator[Estimate]:
    """Yield estimates with four times as many rungs each, until one is reliable or ``most`` rungs are passed."""
    while rungs <= most:
        estimate = anneal(machine, data, rungs=rungs, **settings)
        yield estimate
        if estimate.verdict == "reliable":
            return
        rungs *= 4


@torch.no_grad()
def base(machine: Machine, data: Tensor | None = None) -> Machine:
    """Return the start of the path: no couplings, hidden biases of zero, visible biases from the data if given.

    Precisions stay those of the machine, so that every machine on the path can be normalised.
    """
    start = machine.decoupled()
    rows = start.layers[1:] if isinstance(start, Bipartite) else start.latent
    for leaf in (leaf for row in rows for leaf in row.leaves()):
        leaf.bias.zero_()
    if data is not None:
        start.match(data)
        for own, leaf in zip(machine.visible.leaves(), start.visible.leaves(), strict=True):
            if isinstance(own, Quadratic) and isinstance(leaf, Quadratic):
                leaf.bias.mul_(torch.exp(own.log_precision - leaf.log_precision))
                leaf.log_precision.copy_(own.log_precision)
    return start


@torch.no_grad()
def climb(
    start: Machine,
    end: Machine,
    betas: Iterable[tuple[float, float]],
    x: Tensor,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return the log-weights, float64 (chains,), of chains taken from rung to rung from their states ``x``.

    At each pair (before, after) a chain is weighed by the ratio of the two densities where it stands, and then
    swept at ``after``.
    """
    path = Path(start, end)
    log_weight = torch.zeros(x.shape[:-1], dtype=torch.float64, device=x.device)
    for before, after in betas:
        log_weight += path.at(before).free_energy(x)
        log_weight -= path.at(after).free_energy(x)
        x = path.here.gibbs(x, generator=generator)
    return log_weight


def _estimate(log_weight: Tensor) -> Estimate:
    return Estimate(_log_mean(log_weight), _error(log_weight), "anneal", ess=_effective(log_weight))


def _log_mean(log_weight: Tensor) -> float:
    return float(numerics.log_mean_exp(log_weight))


def _effective(log_weight: Tensor) -> float:
    """Return (Σw)²/Σw², the effective number of chains."""
    return float(torch.exp(2 * log_weight.logsumexp(0) - (2 * log_weight).logsumexp(0)))


def _error(log_weight: Tensor) -> float:
    """Return the standard error of the log of the mean weight.

    To the spread of the weights it adds, in quadrature, how far the mean falls short of exp(μ + σ²/2), which it would
    be if the log-weights were normal: with few effective chains the largest weights have not been seen, and the spread
    of the others says nothing of them.  The addition is at most the spread over the root of the effective share.
    """
    weight = torch.exp(log_weight - log_weight.max())
    spread = float(weight.std() / weight.mean()) / len(weight) ** 0.5
    short = float(log_weight.mean() + log_weight.var() / 2) - _log_mean(log_weight)
    most = spread * (len(weight) / _effective(log_weight)) ** 0.5
    return math.hypot(spread, min(max(short, 0.0), most))


def judge(ess: float, chains: int, value: float, reverse: float, *, away: bool = False) -> tuple[str, str]:
    """Return the verdict and the reason for it; ``away``: chains that did not start from the data found more."""
    if away:
        return "unreliable", "chains started away from the data find more of Z: the machine has grown modes elsewhere"
    if ess < ENOUGH * chains:
        return "unreliable", f"only {ess:.1f} of {chains} chains are effective: take more rungs"
    if abs(value - reverse) > CLOSE:
        return "unreliable", f"the way back gives {reverse:.2f}, {abs(value - reverse):.1f} nats off: take more rungs"
    return "reliable", f"{ess:.0f} of {chains} chains are effective and the way back gives {reverse:.2f}"
