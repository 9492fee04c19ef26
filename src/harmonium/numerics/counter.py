"""Draws by counting: what a unit draws is a hash of a key, its row and its place in the row.

A row draws the same in whatever batch it runs, and in both forms: by tensor operations here, and in `loops`.
"""

import math
import sys

import torch
from torch import Generator, Tensor

from . import hot, shards

GOLDEN = 0x9E3779B97F4A7C15  # odd, and near 2^64 over the golden ratio: consecutive multiples lie far apart
WEYL = GOLDEN >> 32 | 1
MIXERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of 64 bits (Steele, Lea & Flood, 2014)
SMALL_MIXERS = (0x7FEB352D, 0x846CA68B)  # of 32 bits (Wellons, 2018)
POWERS = tuple(math.log(2) ** n / math.factorial(n) for n in range(7))  # 2^f to 2e-7 for |f| ≤ 1/2
LEAST = -126.0  # the exponent of the smallest normal float32
BLOCK = 2**15  # draws at a time, so that they stay in the cache


def key(device: torch.device, generator: Generator | None) -> Tensor:
    """Draw a key of 64 bits."""
    return torch.randint(-(2**63), 2**63 - 1, (), dtype=torch.int64, device=device, generator=generator)


def bernoulli(field: Tensor, bias: Tensor, key: Tensor) -> Tensor:
    """Return 1 with probability σ(field + bias) to 2⁻³¹, else 0, in float32; rows count over all axes but the last.

    What is not a number draws what is not a number, so that it is noticed.
    """
    bias = bias.float()
    if bias.ndim != 1:
        field, bias = field.float() + bias, bias.new_zeros((field.shape or (1,))[-1])
    table = field.reshape(-1, len(bias))
    first = shards.first_row(len(table))
    if first:
        key = key + _signed(first * GOLDEN % 2**64, 64)
    form = hot.same(table) or sys.modules[__name__]
    return form.draw(table, bias, key).view(field.shape)


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
