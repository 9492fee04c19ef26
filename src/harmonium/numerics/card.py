"""The draws of `random` as one kernel of a graphics card, written in triton: the same bits as everywhere."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .random import LEAST, POWERS, SMALL_MIXERS, WEYL, row_words

BLOCK = 1024
_WEYL, _A, _B = (tl.constexpr(number & 0xFFFFFFFF) for number in (WEYL, *SMALL_MIXERS))
_P0, _P1, _P2, _P3, _P4, _P5, _P6 = (tl.constexpr(power) for power in POWERS)
_LOG2_E, _LEAST, _STEP = tl.constexpr(1.4426950408889634), tl.constexpr(LEAST), tl.constexpr(2.0**-31)


def draw(field: Tensor, bias: Tensor, key: Tensor) -> Tensor:
    """Return the draws of a table, (rows, units), and a row of biases: those of ``random``, to the bit."""
    rows, units = field.shape
    out = torch.empty((rows, units), dtype=torch.float32, device=field.device)
    grid = rows, triton.cdiv(units, BLOCK)
    words = row_words(rows, key)
    with torch.cuda.device_of(field):
        _draw[grid](field.contiguous(), bias.contiguous(), words, out, units, BLOCK=BLOCK, enable_fp_fusion=False)
    return out


@triton.jit
def _mix(x):  # type: ignore[no-untyped-def]
    x = (x ^ (x >> 16)) * _A
    x = (x ^ (x >> 15)) * _B
    return x ^ (x >> 16)


@triton.jit  # type: ignore[untyped-decorator]
def _draw(field, bias, words, out, units, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    unit = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = unit < units
    low = tl.load(words + 2 * row).to(tl.uint32, bitcast=True)
    high = tl.load(words + 2 * row + 1).to(tl.uint32, bitcast=True)
    x = _mix(_mix(unit.to(tl.uint32) * _WEYL + low) + high)
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
