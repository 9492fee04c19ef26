"""Annealed importance sampling, in both directions, with a verdict."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor

from ..machines import Bipartite, Path
from ..sampling import run
from ..units import Quadratic
from .estimate import Estimate

ENOUGH = 0.1  # the share of effective chains below which three errors no longer cover the truth
CLOSE = 1.0  # nats by which the two directions may differ
Rungs = Sequence[tuple[float, float]]
Watch = Callable[[Rungs], Iterable[tuple[float, float]]]


@torch.no_grad()
def anneal(
    machine: Bipartite,
    data: Tensor | None = None,
    *,
    chains: int = 200,
    rungs: int = 1000,
    burn: int = 200,
    watch: Watch = iter,
    generator: Generator | None = None,
) -> Estimate:
    """Return log Z in nats by annealed importance sampling over ``rungs`` evenly spaced machines (Neal, 2001).

    The first machine has no couplings, hidden biases of zero and, given ``data`` (rows, visible), visible biases
    from the data (Salakhutdinov & Murray, 2008).  The weights average to Z for any number of rungs; their spread
    gives the error, and a missed mode shows in neither.  So, given data, the same number of chains also runs
    backwards, from data rows after ``burn`` sweeps of the machine itself (Burda et al., 2015): the two directions err
    on opposite sides, and must agree.

    Verdict: ``reliable`` when at least a tenth of the chains are effective and the two directions differ by at most
    one nat; else ``unreliable``: take more rungs, then more chains.  ``watch`` wraps the rungs, for a progress bar.
    """
    start = base(machine, data)
    betas = list(pairwise(torch.linspace(0, 1, max(rungs, 2), dtype=torch.float64).tolist()))
    origin = float(start.fields_log_partition().double())
    forward = climb(start, machine, watch(betas), start.fields_sample(chains, generator=generator), generator=generator)
    value, error, ess = origin + _log_mean(forward), _error(forward), _effective(forward)
    reverse = float("nan")
    if data is not None:
        reverse = origin - _log_mean(_descend(start, machine, data, chains, betas, burn, watch, generator))
    verdict, reason = judge(ess, chains, value, reverse)
    return Estimate(value, error, "anneal", verdict, reason, chains, rungs, ess, reverse)


def _descend(
    start: Bipartite,
    machine: Bipartite,
    data: Tensor,
    chains: int,
    betas: Rungs,
    burn: int,
    watch: Watch,
    generator: Generator | None,
) -> Tensor:
    """Return the log-weights of chains from data rows, swept ``burn`` times, down the same rungs."""
    rows = data[torch.randint(len(data), (chains,), generator=generator, device=data.device)]
    backward = [(after, before) for before, after in reversed(betas)]
    state = run(machine, rows, burn, generator=generator)
    return climb(start, machine, watch(backward), state, generator=generator)


def anneal_until_reliable(
    machine: Bipartite,
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
def base(machine: Bipartite, data: Tensor | None = None) -> Bipartite:
    """Return the start of the path: no couplings, hidden biases of zero, visible biases from the data if given.

    Precisions stay those of the machine, so that every machine on the path can be normalised.
    """
    start = machine.decoupled()
    for leaf in start.odd.leaves():
        leaf.bias.zero_()
    if data is not None:
        start.match(data)
        for own, leaf in zip(machine.even.leaves(), start.even.leaves(), strict=True):
            if isinstance(own, Quadratic) and isinstance(leaf, Quadratic):
                leaf.bias.mul_(torch.exp(own.log_precision - leaf.log_precision))
                leaf.log_precision.copy_(own.log_precision)
    return start


@torch.no_grad()
def climb(
    start: Bipartite,
    end: Bipartite,
    betas: Iterable[tuple[float, float]],
    x: Tensor,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return the log-weights, float64 (chains,), of chains taken from rung to rung from their states ``x``.

    At each pair (before, after) a chain is weighed by the ratio of the two densities where it stands, and then
    swept at ``after``.  ``start`` has no couplings, so the fields at ``beta`` are ``beta`` times those at the end,
    and one product serves both weights and the sweep.
    """
    even, odd = Path(start.even, end.even), Path(start.odd, end.odd)
    log_weight = torch.zeros(x.shape[:-1], dtype=torch.float64, device=x.device)
    field = end.up(x)
    for before, after in betas:
        log_weight += even.at(before).energy(x) - odd.at(before).cgf(before * field)
        log_weight -= even.at(after).energy(x) - odd.at(after).cgf(after * field)
        y = odd.here.sample(after * field, generator=generator)
        x = even.here.sample(after * end.down(y), generator=generator)
        field = end.up(x)
    return log_weight


def _log_mean(log_weight: Tensor) -> float:
    return float(log_weight.logsumexp(0)) - math.log(len(log_weight))


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


def judge(ess: float, chains: int, value: float, reverse: float) -> tuple[str, str]:
    """Return the verdict and the reason for it."""
    if ess < ENOUGH * chains:
        return "unreliable", f"only {ess:.1f} of {chains} chains are effective: take more rungs"
    if math.isnan(reverse):
        return (
            "reliable",
            f"{ess:.0f} of {chains} chains are effective; no data were given to check the way back",
        )
    if abs(value - reverse) > CLOSE:
        return (
            "unreliable",
            f"the way back gives {reverse:.2f}, {abs(value - reverse):.1f} nats off: take more rungs",
        )
    return "reliable", f"{ess:.0f} of {chains} chains are effective and the way back gives {reverse:.2f}"
