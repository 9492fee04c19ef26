"""All draws, in float32 or better whatever the type of the logits.

Half-precision uniforms have so few bits that an event of probability 0.001 would happen four times too often.
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from . import counter, shards
from .stable import normal_cdf, wide

Seed = Generator | int | None
"""What draws may be asked to come from: a generator, the seed of a new one, or torch's own stream."""


def stream(seed: Seed, device: torch.device | str = "cpu") -> Generator | None:
    """Return a generator as it is, or a new one on the device that begins at a seed."""
    return seed if seed is None or isinstance(seed, Generator) else Generator(device).manual_seed(int(seed))


def uniform(like: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw uniforms in [0, 1) of the shape of ``like``, in float32 or better."""
    kind = torch.promote_types(like.dtype, torch.float32)
    return shards.draw(like.shape, lambda shape: torch.rand(shape, dtype=kind, device=like.device, generator=generator))


def bernoulli(field: Tensor, bias: Tensor | float = 0.0, *, generator: Generator | None = None) -> Tensor:
    """Draw 1 with probability σ(field + bias), else 0.

    The draw of a unit depends on its row, its place in it and one number from ``generator``: on no other row.
    """
    key = counter.key(field.device, generator)
    if not isinstance(bias, Tensor):
        bias = field.new_tensor(bias)
    kind = torch.promote_types(field.dtype, bias.dtype)
    return counter.bernoulli(field, bias, key).to(kind)


def binomial(logits: Tensor, trials: int, *, generator: Generator | None = None) -> Tensor:
    """Draw the number of successes in ``trials`` throws of probability σ(logits) each."""
    total = torch.zeros_like(logits)
    for _ in range(trials):
        total += bernoulli(logits, generator=generator)
    return total


def one_hot(logits: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw one of the last axis' entries with probability softmax(logits), as a one-hot vector."""
    scores = wide(logits)
    race = shards.draw(scores.shape, lambda shape: scores.new_empty(shape).exponential_(generator=generator))
    winner = (scores - race.log()).argmax(-1)  # the Gumbel trick: an entry of probability zero never wins
    return F.one_hot(winner, logits.shape[-1]).to(logits.dtype)


def normal(like: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw unit Gaussians of the shape of ``like``."""
    kind = torch.promote_types(like.dtype, torch.float32)
    return shards.draw(
        like.shape, lambda shape: torch.randn(shape, dtype=kind, device=like.device, generator=generator)
    ).to(like.dtype)


def positive_normal(z: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw from a unit Gaussian centered at ``z`` and cut at zero.

    The inverse of the upper tail is exact down to z = −30 in float64; below, the cut Gaussian is exponential
    of rate −z to within 1/z².
    """
    deep = z.double()
    u = 1 - uniform(deep, generator=generator)  # in (0, 1]
    body = deep - torch.special.ndtri(u * normal_cdf(deep))
    tail = u.log() / deep.clamp_max(-1)
    return torch.where(deep < -30, tail, body).clamp_min(0).to(z.dtype)


def choose(odds: Tensor, count: int, *, generator: Generator | None = None) -> Tensor:
    """Draw ``count`` indices with probabilities ``odds`` (which sum to one), by the inverse of their sum."""
    steps = odds.double().cumsum(0)
    u = uniform(steps.new_empty(count), generator=generator) * steps[-1]
    return torch.searchsorted(steps, u, right=True).clamp_max(len(odds) - 1)
