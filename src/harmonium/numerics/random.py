"""All random draws, in float32 or better whatever the type of the logits.

Half-precision uniforms have so few bits that an event of probability 0.001 would happen four times too often.
Bernoulli units draw by counting: what a unit draws is a hash of a key, its row and its place in the row.  A row draws
the same in whatever batch it runs, and in both forms: by tensor operations here, and in `kernels`.
"""

import math
import sys
from collections.abc import Sequence
from numbers import Integral
from types import ModuleType

import torch
from torch import Generator, Tensor

from ..arguments import brief
from ..errors import InputError
from . import distributed
from .stable import entrywise, lower_tail, normal_cdf, upcast

GOLDEN = 0x9E3779B97F4A7C15  # odd, and near 2^64 over the golden ratio: consecutive multiples lie far apart
WEYL = GOLDEN >> 32 | 1
MIXERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of 64 bits (Steele, Lea & Flood, 2014)
SMALL_MIXERS = (0x7FEB352D, 0x846CA68B)  # of 32 bits (Wellons, 2018)
POWERS = tuple(math.log(2) ** n / math.factorial(n) for n in range(7))  # 2^f to 2e-7 for |f| ≤ 1/2
LEAST = -126.0  # the exponent of the smallest normal float32
BLOCK = 2**15  # draws at a time, so that they stay in the cache
WARM = 2**23  # entries by tensor operations before the kernels are called; a call counts as 2^12 at least

_seen = 0


Seed = Generator | int | None
"""What draws may be asked to come from: a generator, the seed of a new one, or torch's own stream."""


def stream(seed: Seed, device: torch.device | str = "cpu") -> Generator | None:
    """Return a generator as it is, or a new one on the device that begins at a seed."""
    if seed is None or isinstance(seed, Generator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**63:
        raise InputError(f"the seed is {brief(seed)} where a whole number of 0 or more was expected")
    return Generator(device).manual_seed(int(seed))


def uniform(like: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw uniforms in [0, 1) of the shape of ``like``, in float32 or better."""
    kind = torch.promote_types(like.dtype, torch.float32)
    return distributed.draw(
        like.shape, lambda shape: torch.rand(shape, dtype=kind, device=like.device, generator=generator)
    )


def uniforms(shape: Sequence[int], *, generator: Generator | None = None) -> Tensor:
    """Draw float32 uniforms in [0, 1) where the generator lies, the same in all processes."""
    return torch.rand(shape, dtype=torch.float32, device=_home(generator), generator=generator)


def integers(high: int, count: int, *, generator: Generator | None = None) -> Tensor:
    """Draw ``count`` of the whole numbers 0 … high − 1 where the generator lies, the same in all processes."""
    return torch.randint(high, (count,), device=_home(generator), generator=generator)


def permutation(count: int, *, generator: Generator | None = None) -> Tensor:
    """Draw an order of 0 … count − 1 where the generator lies, the same in all processes."""
    return torch.randperm(count, device=_home(generator), generator=generator)


def _home(generator: Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device


def bernoulli(field: Tensor, bias: Tensor | float = 0.0, *, generator: Generator | None = None) -> Tensor:
    """Draw 1 with probability σ(field + bias), else 0.

    The draw of a unit depends on its row, its place in it and one number from ``generator``: on no other row.
    """
    chosen = key(field.device, generator)
    if not isinstance(bias, Tensor):
        bias = field.new_tensor(bias)
    kind = torch.promote_types(field.dtype, bias.dtype)
    return keyed_bernoulli(field, bias, chosen).to(kind)


def binomial(logits: Tensor, trials: int, *, generator: Generator | None = None) -> Tensor:
    """Draw the number of successes in ``trials`` throws of probability σ(logits) each, worked in float64.

    What is not a number draws what is not a number.
    """
    odds = torch.sigmoid(logits.detach().double())

    def fill(p: Tensor) -> Tensor:
        return torch.binomial(torch.full_like(p, trials), p, generator=generator)

    return distributed.draw_given(odds, fill).to(logits.dtype)


def one_hot(logits: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw one of the last axis' entries with probability softmax(logits), as a one-hot vector; none of odds zero."""
    return torch.zeros_like(logits).scatter_(-1, winners(logits, generator=generator), 1.0)


def winners(logits: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw what `one_hot` draws, as the number of the entry, (..., 1)."""
    steps = upcast(logits.detach()).softmax(-1).cumsum(-1)
    u = (1 - uniform(steps[..., :1], generator=generator)) * steps[..., -1:]  # above 0, and no more than the sum
    return torch.searchsorted(steps, u).clamp_max(logits.shape[-1] - 1)  # what is not a number is beyond


def normal(like: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw unit Gaussians of the shape of ``like``."""
    kind = torch.promote_types(like.dtype, torch.float32)
    return distributed.draw(
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


def normal_between(low: Tensor, high: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Draw from a unit Gaussian cut to [low, high], by the inverse of its distribution function in the nearer tail.

    That is exact up to 30 deviations in float64; beyond, the cut Gaussian is exponential to within 1/z².
    """
    first, last, sign = lower_tail(low.double(), high.double())
    u = 1 - uniform(first, generator=generator)  # in (0, 1]
    bottom, top = normal_cdf(first), normal_cdf(last)
    body = torch.special.ndtri(bottom + u * (top - bottom))
    rate = -last.clamp_max(-1)
    rest = torch.exp(-rate * (last - first))
    tail = last + torch.log(rest + u * (1 - rest)) / rate
    drawn = torch.where(last < -30, tail, body)
    return (sign * torch.minimum(torch.maximum(drawn, first), last)).to(low.dtype)


def categorical(odds: Tensor, count: int, *, generator: Generator | None = None) -> Tensor:
    """Draw ``count`` indices with probabilities ``odds`` (which sum to one), by the inverse of their sum."""
    steps = odds.double().cumsum(0)
    u = uniform(steps.new_empty(count), generator=generator) * steps[-1]
    return torch.searchsorted(steps, u, right=True).clamp_max(len(odds) - 1)


def key(device: torch.device, generator: Generator | None) -> Tensor:
    """Draw a key of 64 bits."""
    return torch.randint(-(2**63), 2**63 - 1, (), dtype=torch.int64, device=device, generator=generator)


def keys(count: int, rows: int, device: torch.device, generator: Generator | None) -> Tensor:
    """Draw the keys of several draws of a table of ``rows``, one after the other."""
    drawn = torch.randint(-(2**63), 2**63 - 1, (count,), dtype=torch.int64, device=device, generator=generator)
    return _own(drawn, rows)


def _own(key: Tensor, rows: int) -> Tensor:
    """Return a key as it is for this process's rows, which count on from those of the processes before it."""
    first = distributed.first_row(rows)
    return key + _signed(first * GOLDEN % 2**64, 64) if first else key


def keyed_bernoulli(field: Tensor, bias: Tensor, key: Tensor) -> Tensor:
    """Return 1 with probability σ(field + bias) to 2⁻³¹, else 0, in float32; rows count over all axes but the last.

    What is not a number draws what is not a number, so that it is noticed.
    """
    bias = bias.float()
    if bias.ndim != 1:
        field, bias = field.float() + bias, bias.new_zeros((field.shape or (1,))[-1])
    table = field.reshape(-1, len(bias))
    return _form(table).draw(table, bias, _own(key, len(table))).view(field.shape)


def _form(table: Tensor) -> ModuleType:
    """Return where `draw` is found: among the kernels once enough was drawn to be worth their second of compilation."""
    global _seen
    _seen += max(table.numel(), 2**12)
    return (entrywise(table) if table.is_cuda or _seen >= WARM else None) or sys.modules[__name__]


def draw(field: Tensor, bias: Tensor, key: Tensor) -> Tensor:
    """Return the draws of a table, (rows, units), by tensor operations."""
    logits, words, block = (field + bias).detach(), row_words(len(field), key), max(1, BLOCK // len(bias))
    if logits.device.type != "cpu" or len(logits) <= block:
        return _draw(logits, words)
    return torch.cat([_draw(*part) for part in zip(logits.split(block), words.split(block), strict=True)])


def row_words(count: int, key: Tensor) -> Tensor:
    """Return two words of 32 bits for each row, (count, 2), from the key and the number of the row."""
    x = key + torch.arange(1, count + 1, device=key.device) * _signed(GOLDEN, 64)
    x = (x ^ _right(x, 30, 64)) * _signed(MIXERS[0], 64)
    x = (x ^ _right(x, 27, 64)) * _signed(MIXERS[1], 64)
    return (x ^ _right(x, 31, 64)).view(torch.int32).view(count, 2)


def _draw(logits: Tensor, words: Tensor) -> Tensor:
    x = torch.arange(logits.shape[1], dtype=torch.int32, device=logits.device) * _signed(WEYL, 32) + words[:, :1]
    u = (_right(_mix(_mix(x) + words[:, 1:]), 1, 32).float() + 0.5) * 2.0**-31
    power = (-logits.abs() * math.log2(math.e)).clamp_min(LEAST)
    whole = (power + 0.5).floor()
    rest = power - whole
    odds = torch.full_like(rest, POWERS[-1])
    for factor in POWERS[-2::-1]:
        odds = odds * rest + factor
    odds = odds * (whole.int() + 127).bitwise_left_shift(23).view(torch.float32)  # exp(−|logit|)
    drawn = (((odds + 1) * u < odds) ^ (logits > 0)).float()  # the less likely value has probability odds / (1 + odds)
    return torch.where(logits.isnan(), logits, drawn)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _right(x, 16, 32)) * _signed(SMALL_MIXERS[0], 32)
    x = (x ^ _right(x, 15, 32)) * _signed(SMALL_MIXERS[1], 32)
    return x ^ _right(x, 16, 32)


def _right(x: Tensor, count: int, bits: int) -> Tensor:
    """Shift to the right, zeros coming in."""
    return (x >> count) & ((1 << bits - count) - 1)


def _signed(x: int, bits: int) -> int:
    return x - (1 << bits) if x >> bits - 1 else x
