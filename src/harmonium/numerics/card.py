"""Passes over all entries as kernels of a graphics card, in triton; draws are the same bits as everywhere."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .random import GOLDEN, LEAST, MIXERS, POWERS, SMALL_MIXERS, WEYL

BLOCK = 1024
TILE = 64, 64  # rows and units of a program that sums over both
_WEYL, _A, _B = (tl.constexpr(number & 0xFFFFFFFF) for number in (WEYL, *SMALL_MIXERS))
_GOLDEN, _WIDE_A, _WIDE_B = (tl.constexpr(number) for number in (GOLDEN, *MIXERS))
_P0, _P1, _P2, _P3, _P4, _P5, _P6 = (tl.constexpr(power) for power in POWERS)
_LOG2_E, _LEAST, _STEP = tl.constexpr(1.4426950408889634), tl.constexpr(LEAST), tl.constexpr(2.0**-31)


def draw(field: Tensor, bias: Tensor, key: Tensor) -> Tensor:
    """Return the draws of a table, (rows, units), and a row of biases: those of ``random``, to the bit."""
    rows, units = field.shape
    out = torch.empty((rows, units), dtype=torch.float32, device=field.device)
    grid = rows, triton.cdiv(units, BLOCK)
    with torch.cuda.device_of(field):
        _draw[grid](field.contiguous(), bias.contiguous(), key, out, units, BLOCK=BLOCK, enable_fp_fusion=False)
    return out


def logistic(field: Tensor, bias: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what ``stable.logistic`` does, but for rounding; sums are taken in one fixed order."""
    field, (rows, units), (high, wide) = field.contiguous(), field.shape, TILE
    mean, grid = torch.empty_like(field), (triton.cdiv(rows, high), triton.cdiv(units, wide))
    total, cgf = (torch.empty((grid[0], n), dtype=torch.float32, device=field.device) for n in (units, grid[1]))
    with torch.cuda.device_of(field):
        _logistic[grid](field, bias.contiguous(), weights, mean, total, cgf, rows, units, HIGH=high, WIDE=wide)
    return mean, total.sum(0), cgf.sum()


def softplus_sum(field: Tensor, bias: Tensor) -> Tensor:
    """Return the sums of log(1 + exp(field + bias)) over each row."""
    rows, units = field.shape
    total = torch.empty(rows, dtype=torch.float32, device=field.device)
    with torch.cuda.device_of(field):
        _softplus_sum[(rows,)](field.contiguous(), bias.contiguous(), total, units, BLOCK=BLOCK)
    return total


def written(x: Tensor, into: Tensor) -> Tensor:
    """Write a table into another, rounded to its type, and return the sums of its columns."""
    (rows, units), (high, wide) = x.shape, TILE
    grid = triton.cdiv(rows, high), triton.cdiv(units, wide)
    total = torch.empty((grid[0], units), dtype=torch.float32, device=x.device)
    with torch.cuda.device_of(x):
        _written[grid](x.contiguous(), into, total, rows, units, HIGH=high, WIDE=wide)
    return total.sum(0)


@triton.jit  # type: ignore[untyped-decorator]
def _written(x, into, total, rows, units, HIGH: tl.constexpr, WIDE: tl.constexpr):  # type: ignore[no-untyped-def]
    row = (tl.program_id(0) * HIGH + tl.arange(0, HIGH)).to(tl.int64)[:, None]
    unit = (tl.program_id(1) * WIDE + tl.arange(0, WIDE))[None, :]
    there = (row < rows) & (unit < units)
    found = tl.load(x + row * units + unit, mask=there, other=0.0)
    tl.store(into + row * units + unit, found.to(into.dtype.element_ty), mask=there)
    tl.store(total + tl.program_id(0) * units + unit, tl.sum(found, 0)[None, :], mask=unit < units)


@triton.jit
def _product(x, y):  # type: ignore[no-untyped-def]
    return x * y


@triton.jit  # type: ignore[untyped-decorator]
def _logistic(field, bias, weights, mean, total, cgf, rows, units, HIGH: tl.constexpr, WIDE: tl.constexpr):  # type: ignore[no-untyped-def]
    row = (tl.program_id(0) * HIGH + tl.arange(0, HIGH)).to(tl.int64)[:, None]
    unit = (tl.program_id(1) * WIDE + tl.arange(0, WIDE))[None, :]
    there = (row < rows) & (unit < units)
    share = tl.load(weights + row, mask=row < rows, other=0.0)
    logit = tl.load(field + row * units + unit, mask=there, other=0.0).to(tl.float32)
    logit += tl.load(bias + unit, mask=unit < units, other=0.0)
    odds = tl.exp(-tl.abs(logit))
    found = share * tl.where(logit > 0.0, 1.0, odds) / (1.0 + odds)
    tl.store(mean + row * units + unit, found.to(mean.dtype.element_ty), mask=there)
    tl.store(total + tl.program_id(0) * units + unit, tl.sum(found, 0)[None, :], mask=unit < units)
    logs = tl.log(tl.reduce(tl.where(there, 1.0 + odds, 1.0), 1, _product))[:, None]  # of a product of at most 2^WIDE
    above = tl.sum(tl.where(there & (logit > 0.0), logit, 0.0), 1)[:, None]
    summed = tl.sum(share * (above + logs))
    tl.store(cgf + tl.program_id(0) * tl.num_programs(1) + tl.program_id(1), summed)


@triton.jit  # type: ignore[untyped-decorator]
def _softplus_sum(field, bias, total, units, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    summed = tl.zeros((BLOCK,), tl.float32)
    for first in range(0, units, BLOCK):
        unit = first + tl.arange(0, BLOCK)
        there = unit < units
        logit = tl.load(field + row * units + unit, mask=there, other=0.0).to(tl.float32)
        logit += tl.load(bias + unit, mask=there, other=0.0)
        found = tl.where(logit > 0.0, logit, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(logit)))
        summed += tl.where(there, found, 0.0)
    tl.store(total + row, tl.sum(summed))


@triton.jit
def _mix(x):  # type: ignore[no-untyped-def]
    x = (x ^ (x >> 16)) * _A
    x = (x ^ (x >> 15)) * _B
    return x ^ (x >> 16)


@triton.jit  # type: ignore[untyped-decorator]
def _draw(field, bias, key, out, units, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    unit = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = unit < units
    word = tl.load(key).to(tl.uint64, bitcast=True) + (row + 1).to(tl.uint64) * _GOLDEN
    word = (word ^ (word >> 30)) * _WIDE_A
    word = (word ^ (word >> 27)) * _WIDE_B
    word = word ^ (word >> 31)
    x = _mix(_mix(unit.to(tl.uint32) * _WEYL + word.to(tl.uint32)) + (word >> 32).to(tl.uint32))
    u = ((x >> 1).to(tl.int32).to(tl.float32) + 0.5) * _STEP
    logit = tl.load(field + row * units + unit, mask=there).to(tl.float32) + tl.load(bias + unit, mask=there)
    power = tl.maximum(-tl.abs(logit) * _LOG2_E, _LEAST)
    whole = tl.floor(power + 0.5)
    rest = power - whole
    odds = _P6 * rest + _P5  # no multiplication is fused with an addition, here and below: the bits would be others
    odds = odds * rest + _P4
    odds = odds * rest + _P3
    odds = odds * rest + _P2
    odds = odds * rest + _P1
    odds = odds * rest + _P0
    odds = odds * ((whole.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)
    drawn = (((odds + 1.0) * u < odds) != (logit > 0.0)).to(tl.float32)
    tl.store(out + row * units + unit, tl.where(logit == logit, drawn, logit), mask=there)
