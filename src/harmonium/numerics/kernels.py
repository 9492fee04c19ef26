"""Passes over all entries as loops, compiled by numba; importing this costs a second."""

import numpy as np
import torch
from numba import njit, types
from numba.extending import overload
from torch import Tensor

from .random import GOLDEN, LEAST, MIXERS, POWERS, SMALL_MIXERS, WEYL

f4, i4, u4, u8 = np.float32, np.int32, np.uint32, np.uint64
_GOLDEN, _WEYL = u8(GOLDEN), u4(WEYL & 0xFFFFFFFF)
_A, _B = u8(MIXERS[0]), u8(MIXERS[1])
_SMALL_A, _SMALL_B = u4(SMALL_MIXERS[0]), u4(SMALL_MIXERS[1])
_P0, _P1, _P2, _P3, _P4, _P5, _P6 = (f4(factor) for factor in POWERS)
_LOG2_E, _LEAST, _STEP = f4(np.log2(np.e)), f4(LEAST), f4(2.0**-31)


def draw(field: Tensor, bias: Tensor, key: Tensor) -> Tensor:
    """Return the draws of a table, (rows, units), and a row of biases: those of ``random``, to the bit."""
    out = np.empty(field.shape, np.float32)
    _draw(_array(field), _array(bias), key.numpy().view(np.uint64)[()], out)
    return torch.from_numpy(out)


def logistic(field: Tensor, bias: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what ``stable.logistic`` does, but for rounding."""
    mean = np.empty(field.shape, np.uint16 if field.dtype == torch.bfloat16 else np.float32)
    total = np.zeros(field.shape[1], np.float32)
    cgf = _logistic(_array(field), _array(bias), _array(weights), mean, total)
    return torch.from_numpy(mean).view(field.dtype), torch.from_numpy(total), torch.tensor(cgf, dtype=torch.float32)


def softplus_sum(field: Tensor, bias: Tensor) -> Tensor:
    """Return the sums of log(1 + exp(field + bias)) over each row."""
    total = np.empty(len(field), np.float32)
    _softplus_sum(_array(field), _array(bias), total)
    return torch.from_numpy(total)


def _array(x: Tensor) -> np.ndarray:
    """Return the entries as float32, or where they are bfloat16 as their 16 bits."""
    x = x.detach().contiguous()
    return x.view(torch.uint16).numpy() if x.dtype == torch.bfloat16 else x.float().numpy()


def _wide(x):  # type: ignore[no-untyped-def]
    """Return an entry of `_array` as float32."""


@overload(_wide, inline="always")
def _(x):  # type: ignore[no-untyped-def]
    if isinstance(x, types.Integer):
        return lambda x: u4(u4(x) << u4(16)).view(np.float32)
    return lambda x: x


def _put(x, into):  # type: ignore[no-untyped-def]
    """Copy a row of float32 into one of `_array`, rounded to the nearest bfloat16 where that is what it holds."""


@overload(_put, inline="always")
def _(x, into):  # type: ignore[no-untyped-def]
    def rounded(x, into):  # type: ignore[no-untyped-def]
        bits = x.view(np.uint32)
        for unit in range(len(bits)):
            into[unit] = u4(bits[unit] + u4(0x7FFF) + u4(u4(bits[unit] >> u4(16)) & u4(1))) >> u4(16)

    def plain(x, into):  # type: ignore[no-untyped-def]
        for unit in range(len(x)):
            into[unit] = x[unit]

    return rounded if isinstance(into.dtype, types.Integer) else plain


@njit(cache=True, nogil=True)
def _mix(x):  # type: ignore[no-untyped-def]
    x = u4((x ^ (x >> u4(16))) * _SMALL_A)
    x = u4((x ^ (x >> u4(15))) * _SMALL_B)
    return u4(x ^ (x >> u4(16)))


@njit(cache=True, nogil=True)
def exp(x):  # type: ignore[no-untyped-def]
    """Return eˣ to 2e-7 of it, for x of 0 or less."""
    power = max(x * _LOG2_E, _LEAST)
    whole = np.floor(power + f4(0.5))
    rest = power - whole
    found = _P6 * rest + _P5
    found = found * rest + _P4
    found = found * rest + _P3
    found = found * rest + _P2
    found = found * rest + _P1
    found = found * rest + _P0
    return found * i4((i4(whole) + i4(127)) << i4(23)).view(np.float32)


@njit(cache=True, nogil=True)
def _row_words(key, row):  # type: ignore[no-untyped-def]
    z = u8(key + u8(row + 1) * _GOLDEN)
    z = u8((z ^ (z >> u8(30))) * _A)
    z = u8((z ^ (z >> u8(27))) * _B)
    z = u8(z ^ (z >> u8(31)))
    return u4(z & u8(0xFFFFFFFF)), u4(z >> u8(32))


@njit(cache=True, nogil=True)
def _uniform(low, high, place):  # type: ignore[no-untyped-def]
    x = _mix(u4(_mix(u4(u4(place) * _WEYL + low)) + high))
    return (f4(i4(x >> u4(1))) + f4(0.5)) * _STEP


@njit(cache=True, nogil=True)
def draw_row(field, bias, least, key, row, out):  # type: ignore[no-untyped-def]
    """Draw a row of units that are ``least`` (0 or -1) or 1, given its number."""
    (low, high), span = _row_words(key, row), f4(1) - least
    for unit in range(len(bias)):
        u = _uniform(low, high, unit)
        logit = span * (_wide(field[unit]) + bias[unit])
        odds = exp(-abs(logit))
        drawn = f4(((odds + f4(1)) * u < odds) != (logit > f4(0)))
        out[unit] = least + span * drawn if logit == logit else logit


@njit(cache=True, nogil=True)
def _draw(field, bias, key, out):  # type: ignore[no-untyped-def]
    for row in range(field.shape[0]):
        draw_row(field[row], bias, f4(0), key, row, out[row])


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def log_sum(field, bias, odds):  # type: ignore[no-untyped-def]
    """Return Σ log(1 + eˣ) = Σ max(x, 0) + log Π (1 + e⁻ˡˣˡ), a product of numbers from 1 to 2, given e⁻ˡˣˡ."""
    above, logs = f4(0), 0.0
    for unit in range(len(field)):
        above += max(_wide(field[unit]) + bias[unit], f4(0))
    for first in range(0, len(field), 512):
        product, last = 1.0, min(first + 512, len(field))
        for begin in range(first, last, 64):
            part = f4(1)
            for unit in range(begin, min(begin + 64, last)):
                part *= f4(1) + odds[unit]
            product *= np.float64(part)
        logs += np.log(product)
    return above + logs


@njit(cache=True, nogil=True, error_model="numpy")
def _logistic(field, bias, weights, mean, total):  # type: ignore[no-untyped-def]
    odds, shares, cgf = np.empty(field.shape[1], np.float32), np.empty(field.shape[1], np.float32), 0.0
    for row in range(field.shape[0]):  # several short loops, which become vector instructions where one would not
        for unit in range(field.shape[1]):
            odds[unit] = exp(-abs(_wide(field[row, unit]) + bias[unit]))
        for unit in range(field.shape[1]):
            likelier = weights[row] / (f4(1) + odds[unit])
            shares[unit] = likelier if _wide(field[row, unit]) + bias[unit] > f4(0) else odds[unit] * likelier
        for unit in range(field.shape[1]):
            total[unit] += shares[unit]
        _put(shares, mean[row])
        cgf += weights[row] * log_sum(field[row], bias, odds)
    return cgf


@njit(cache=True, nogil=True, error_model="numpy")
def _softplus_sum(field, bias, total):  # type: ignore[no-untyped-def]
    odds = np.empty(field.shape[1], np.float32)
    for row in range(field.shape[0]):
        for unit in range(field.shape[1]):
            odds[unit] = exp(-abs(_wide(field[row, unit]) + bias[unit]))
        total[row] = log_sum(field[row], bias, odds)
