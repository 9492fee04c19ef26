"""Stable functions, and the only room that draws random numbers.

Every draw is made in float32 or better whatever the type of the logits: half-precision uniforms have so few
bits that an event of probability 0.001 would happen four times too often.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def wide(x: Tensor) -> Tensor:
    """Return ``x`` in float32, or in float64 if it is already."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + eˣ), correct to rounding in float64 too (torch switches to x at 20, losing 2e-9)."""
    return F.softplus(x, threshold=40)


def log_two_cosh(x: Tensor) -> Tensor:
    """Return log(eˣ + e⁻ˣ) without overflow."""
    size = x.abs()
    return size + torch.log1p(torch.exp(-2 * size))


def normal_cdf(z: Tensor) -> Tensor:
    """Return Φ(z) by erfc; ``torch.special.ndtr`` is 0 below z ≈ −9."""
    return 0.5 * torch.erfc(-z / math.sqrt(2))


def log_half_line(z: Tensor) -> Tensor:
    """Return log ∫₀^∞ exp(zt − t²/2) dt, the log-mass of a unit Gaussian's positive half under a field ``z``."""
    scaled = torch.special.erfcx(-z.clamp_max(0) / math.sqrt(2))  # exp(z²/2) · 2Φ(z), safe where z < 0
    right = torch.special.log_ndtr(z.clamp_min(0)) + 0.5 * z.clamp_min(0) ** 2
    return torch.where(z < 0, torch.log(scaled / 2), right) + HALF_LOG_2PI


def hazard(z: Tensor) -> Tensor:
    """Return φ(z)/Φ(z), the amount by which cutting at zero lifts the mean of a unit Gaussian centred at ``z``."""
    left = math.sqrt(2 / math.pi) / torch.special.erfcx(-z.clamp_max(0) / math.sqrt(2))
    density = torch.exp(-0.5 * z.clamp_min(0) ** 2 - HALF_LOG_2PI)
    return torch.where(z < 0, left, density / normal_cdf(z.clamp_min(0)))


def uniform(like: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw uniforms in [0, 1) of the shape of ``like``, in float32 or better."""
    kind = torch.promote_types(like.dtype, torch.float32)
    return torch.rand(like.shape, dtype=kind, device=like.device, generator=generator)


def bernoulli(logits: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw 1 with probability σ(logits), else 0."""
    odds = torch.sigmoid(wide(logits))
    return (uniform(logits, generator=generator) < odds).to(logits.dtype)


def binomial(logits: Tensor, trials: int, *, generator: Generator | None = None) -> Tensor:
    """Draw the number of successes in ``trials`` throws of probability σ(logits) each."""
    odds = torch.sigmoid(wide(logits))
    total = torch.zeros_like(odds)
    for _ in range(trials):
        total += uniform(logits, generator=generator) < odds
    return total.to(logits.dtype)


def one_hot(logits: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw one of the last axis' entries with probability softmax(logits), as a one-hot vector."""
    scores = wide(logits)
    race = torch.empty_like(scores).exponential_(generator=generator)
    winner = (scores - race.log()).argmax(-1)  # the Gumbel trick: an entry of probability zero never wins
    return F.one_hot(winner, logits.shape[-1]).to(logits.dtype)


def normal(like: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw unit Gaussians of the shape of ``like``."""
    kind = torch.promote_types(like.dtype, torch.float32)
    return torch.randn(like.shape, dtype=kind, device=like.device, generator=generator).to(like.dtype)


def positive_normal(z: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw from a unit Gaussian centred at ``z`` and cut at zero.

    The inverse of the upper tail is exact down to z = −30 in float64; below, the cut Gaussian is exponential
    of rate −z to within 1/z².
    """
    deep = z.double()
    u = 1 - torch.rand(z.shape, dtype=torch.float64, device=z.device, generator=generator)  # in (0, 1]
    body = deep - torch.special.ndtri(u * normal_cdf(deep))
    tail = u.log() / deep.clamp_max(-1)
    return torch.where(deep < -30, tail, body).clamp_min(0).to(z.dtype)


def choose(odds: Tensor, count: int, *, generator: Generator | None = None) -> Tensor:
    """Draw ``count`` indices with probabilities ``odds`` (which sum to one), by the inverse of their sum."""
    steps = odds.double().cumsum(0)
    u = torch.rand(count, dtype=torch.float64, device=odds.device, generator=generator) * steps[-1]
    return torch.searchsorted(steps, u, right=True).clamp_max(len(odds) - 1)


def log_mean_exp(x: Tensor, dim: int = 0) -> Tensor:
    """Return log of the mean of eˣ along ``dim``."""
    return torch.logsumexp(x, dim) - math.log(x.shape[dim])


def bennett(forward: Tensor, backward: Tensor) -> tuple[float, float]:
    """Return log Z_b − log Z_a, and its standard error, from the work of states of a and of b (Bennett, 1976).

    ``forward`` holds F_b − F_a at states of a, ``backward`` F_a − F_b at states of b, in float64.  The difference d
    makes the two sums of σ(∓(work ± d ± log(n_a/n_b))) equal, and is found by halving.  The error is that of
    independent states (Shirts & Chodera, 2008).
    """
    bias = math.log(len(forward) / len(backward))
    ends = torch.cat([-forward, backward])
    low, high = float(ends.min()) - 40, float(ends.max()) + 40
    for _ in range(60):
        d = (low + high) / 2
        more = torch.sigmoid(-(bias + forward + d)).sum() > torch.sigmoid(bias - backward + d).sum()
        low, high = (d, high) if bool(more) else (low, d)
    here, there = torch.sigmoid(-(bias + forward + d)), torch.sigmoid(bias - backward + d)
    spread = sum(float(f.var(correction=0) / f.mean() ** 2) / len(f) for f in (here, there))
    return d, math.sqrt(spread)
