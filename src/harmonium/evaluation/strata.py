"""Weights of annealed chains, put together basin by basin."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LEAST = 1e-3  # the smallest relative error that is believed of a few chains
UNSEEN = 0.5  # chains that may have been missed: what happens to fewer than one in n, n chains do not show
SURE = 3.0  # errors by which another start must beat a basin's own to take its place
ALIKE = 2.0  # errors within which starts are pooled
NONE = -math.inf
HALVES = (slice(0, None, 2), slice(1, None, 2))


@dataclass(frozen=True)
class Strata:
    """log Z as a sum over basins, log Z = log Σ exp(parts), with errors in nats.

    ``parts`` and ``errors`` (basins,) are those of each basin, ``value`` and ``error`` those of the sum; ``ess``
    is the effective number of chains.
    """

    value: float
    error: float
    parts: Tensor
    errors: Tensor
    ess: float

    @property
    def shares(self) -> Tensor:
        """The share of Z in each basin."""
        return torch.exp(self.parts - self.value)


def forwards(log_weight: Tensor, end: Tensor, count: int) -> Strata:
    """Return log Z from chains led up to the machine from several starts, (starts, chains), the last ones the basins'.

    For any start E[weight · 1(the chain ends in basin k)] = Z_k, so that each basin may take whichever start serves it.
    It takes its own; those of the others that agree with it are pooled with it, by their errors, and one that finds
    significantly more replaces it.  One half of the chains decides what the other half counts for: chosen after the
    fact, the best of several would lean upward.
    """
    own = torch.arange(count) + len(log_weight) - count
    share = torch.zeros_like(log_weight)
    for here, there in (HALVES, HALVES[::-1]):
        values, errors = _table(log_weight, end, count, there)
        shares = torch.stack([_pool(*one) for one in zip(values.mT, errors.mT, own, strict=True)], 1)
        share[:, here] = shares.gather(1, end[:, here])
    return _sum(log_weight, share, end, count)


def backwards(log_weight: Tensor, stayed: Tensor, different: Tensor) -> Strata:
    """Return log Z from chains led down from states of the machine, (basins, states, chains) of log 1/weight.

    Given that it begins in basin k, E[1/weight] = P(k)/Z_k, where P(k), ``stayed``, is the share of the chains on the
    way up from the same start that end there.  Each Z_k asks only for states that stand for their basin.  The error
    counts the ``different`` ones among them, (basins,).
    """
    by_state = torch.logsumexp(-log_weight, -1) - math.log(log_weight.shape[-1])
    n = by_state.shape[1]
    share = stayed.clamp_min(0.5 / log_weight[0].numel())
    parts = math.log(n) - torch.logsumexp(by_state, 1) + share.log()
    errors = torch.tensor([relative_error(one, n) for one in by_state], dtype=torch.float64)
    errors = torch.sqrt(errors**2 * n / different + (1 - share) / share / log_weight[0].numel())
    value = float(parts.logsumexp(0))
    error = float((torch.exp(parts - value) * errors).square().sum().sqrt())
    return Strata(value, error, parts, errors, min(effective(one) for one in by_state))


def by_start(log_weight: Tensor, end: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return what each start alone says of each basin, and its error in nats, both (starts, basins)."""
    return _table(log_weight, end, count, slice(None))


def relative_error(log_weight: Tensor, n: int) -> float:
    """Return the standard error of the log of the mean of ``n`` weights, of which those given are not zero.

    To the spread of the weights it adds, in quadrature, how far the mean falls short of exp(μ + σ²/2), which it would
    be if the log-weights were normal: with few effective chains the largest weights have not been seen, and the spread
    of the others says nothing of them.  The addition is at most the spread over the root of the effective share.
    """
    if not len(log_weight):
        return math.inf
    spread = relative_spread(log_weight, n)
    return math.hypot(spread, shortfall(log_weight, spread)) if len(log_weight) > 2 else spread


def relative_spread(log_weight: Tensor, n: int) -> float:
    """Return the standard error of the mean of ``n`` weights, of which those given are not zero, by that mean."""
    weight = torch.exp(log_weight - log_weight.max())
    mean = float(weight.sum()) / n
    return math.sqrt(max(float(weight.square().sum()) / n - mean**2, 0.0) / max(n - 1, 1)) / mean


def shortfall(log_weight: Tensor, spread: float) -> float:
    """Return how far the log of the mean weight falls short of the log-normal one, at most so many spreads."""
    mean = float(log_weight.logsumexp(0)) - math.log(len(log_weight))
    short = float(log_weight.mean() + log_weight.var() / 2) - mean
    return min(max(short, 0.0), spread * (len(log_weight) / effective(log_weight)) ** 0.5)


def effective(log_weight: Tensor) -> float:
    """Return (Σw)²/Σw², the effective number of chains."""
    return float(torch.exp(2 * log_weight.logsumexp(0) - (2 * log_weight).logsumexp(0)))


def _table(log_weight: Tensor, end: Tensor, count: int, which: slice) -> tuple[Tensor, Tensor]:
    values = torch.full((len(log_weight), count), NONE, dtype=torch.float64)
    errors = torch.full_like(values, math.inf)
    for s, (weights, ends) in enumerate(zip(log_weight[:, which], end[:, which], strict=True)):
        for k in ends.unique().tolist():
            hits = weights[ends == k]
            values[s, k] = float(hits.logsumexp(0)) - math.log(len(weights))
            errors[s, k] = max(relative_error(hits, len(weights)), LEAST)
    return values, errors


def _pool(value: Tensor, error: Tensor, own: Tensor) -> Tensor:
    """Return the share of each start in one basin, (starts,), from what each says of it."""
    lowest, best = value - SURE * error.clamp_min(0.1), int(own)
    if bool(value[best] == NONE) or float(lowest.max()) > float(value[best] + SURE * error[best]):
        best = int(lowest.argmax()) if bool((value > NONE).any()) else best
    near = (value - value[best]).abs() <= ALIKE * torch.hypot(error, error[best])
    near[best] = True
    share = torch.where(near, error.clamp_max(10) ** -2, torch.zeros_like(error))
    return share / share.sum()


def _sum(log_weight: Tensor, share: Tensor, end: Tensor, count: int) -> Strata:
    """Return the sum over starts of their mean weights times what each chain counts for, basin by basin."""
    n, counted = log_weight.shape[1], log_weight + share.log()
    value = float(counted.logsumexp((0, 1))) - math.log(n)
    parts, errors, lacking = torch.full((count,), NONE).double(), torch.full((count,), math.inf).double(), 0.0
    for k in end.unique().tolist():
        inside = torch.where(end == k, counted, torch.full_like(counted, NONE))
        parts[k] = inside.logsumexp((0, 1)) - math.log(n)
        lacks = _lacks(log_weight, inside, float(parts[k]) + math.log(n))
        errors[k] = math.hypot(_spread(inside), lacks)
        lacking += (lacks * math.exp(float(parts[k]) - value)) ** 2
    error = math.hypot(_spread(counted), math.sqrt(lacking), UNSEEN / n)
    return Strata(value, error, parts, errors, effective(counted.flatten()))


def _lacks(log_weight: Tensor, inside: Tensor, total: float) -> float:
    """Return the share by which the weights of a basin, exp(``total``) in all, fall short of their log-normal value."""
    short = []
    for weights, counted in zip(log_weight, inside, strict=True):
        for half in HALVES:
            hits, used = weights[half][counted[half] > NONE], counted[half]
            if len(hits) > 2:
                share = math.exp(float(used.logsumexp(0)) - total)
                short.append(share * shortfall(hits, relative_spread(hits, len(used))))
    return math.sqrt(sum(one**2 for one in short))


def _spread(counted: Tensor) -> float:
    """Return the relative standard error of the sum over starts of their mean weights."""
    weight = torch.exp(counted - counted.max())
    return float((weight.var(1) / weight.shape[1]).sum().sqrt() / weight.mean(1).sum())
