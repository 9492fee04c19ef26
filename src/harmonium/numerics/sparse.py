"""Products of states of bits with weights as sums of the rows that are on, compiled by numba.

States of 0 and 1 that are mostly 0 ask for fewer additions than a product of matrices has; where most of a row is on,
what is off is taken from the sum of all.  Spins count twice what is on, less the sum of all.  Every number is summed in
one order, whatever the batch and the threads.
"""

import numpy as np
from numba import njit

from .kernels import draw_row, exp, log_sum
from .vectors import sums, turn

f4 = np.float32
UNITS = 64  # whose states are turned at a time
TOGETHER = 64  # rows that meet a part of a table while it lies in the cache


@njit(cache=True, nogil=True)
def sharp(x, low, count):  # type: ignore[no-untyped-def]
    """Say whether ``count`` columns of a table are ``low`` or 1, and those behind them 0 or 1."""
    for row in range(x.shape[0]):
        other = 0
        for unit in range(count):
            other += (x[row, unit] != f4(1)) & (x[row, unit] != low)
        for unit in range(count, x.shape[1]):
            other += (x[row, unit] != f4(1)) & (x[row, unit] != f4(0))
        if other:
            return False
    return True


@njit(cache=True, nogil=True)
def _list(row, value, first, last, places):  # type: ignore[no-untyped-def]
    """Write where a row has a value, and return in how many places."""
    found = 0
    for unit in range(first, last):
        places[found] = unit
        found += row[unit] == value
    return found


@njit(cache=True, nogil=True)
def total(table, into):  # type: ignore[no-untyped-def]
    """Write the sum of all rows of a table."""
    rows = table.shape[0]
    sums(table, np.arange(rows).astype(np.int32).reshape(1, rows), np.full(1, rows), into.reshape(1, len(into)))


@njit(cache=True, nogil=True, error_model="numpy")
def _products(x, low, count, table, whole, places, into):  # type: ignore[no-untyped-def]
    """Write Σ row·table over ``count`` places of two values for some rows, and the marks behind these places.

    ``whole`` is Σ table over the places, or NaN until it is asked for.
    """
    rows = x.shape[0]
    counts, flipped = np.empty(rows, np.int64), np.zeros(rows, np.bool_)
    for row in range(rows):
        counts[row] = _list(x[row], f4(1), 0, count, places[row])
        if 2 * counts[row] > count:
            counts[row], flipped[row] = _list(x[row], low, 0, count, places[row]), True
    sums(table, places, counts, into)
    for row in range(rows):
        if flipped[row] or low < f4(0):
            if whole[0] != whole[0]:
                total(table[:count], whole)
            span, part = (low - f4(1), f4(1)) if flipped[row] else (f4(1) - low, low)
            for unit in range(into.shape[1]):
                into[row, unit] = span * into[row, unit] + part * whole[unit]
        _mark(x[row], count, table, places[row], into[row])


@njit(cache=True, nogil=True)
def _mark(row, count, table, places, into):  # type: ignore[no-untyped-def]
    """Add the rows of a table of what is on behind the first ``count`` places."""
    for k in range(_list(row, f4(1), count, len(row), places)):
        for unit in range(len(into)):
            into[unit] += table[places[k], unit]


@njit(cache=True, nogil=True, error_model="numpy")
def fields(x, low, count, table, first, last, out):  # type: ignore[no-untyped-def]
    """Write the products of states with a table; what stands behind the first ``count`` units is 0 or 1."""
    places, whole = np.empty((TOGETHER, len(table) + 1), np.int32), np.full(table.shape[1], np.nan, f4)
    for begin in range(first, last, TOGETHER):
        end = min(begin + TOGETHER, last)
        _products(x[begin:end], low, count, table, whole, places, out[begin:end])


@njit(cache=True, nogil=True, error_model="numpy")
def gibbs(x, weight, down, bias, upper_bias, low, upper_low, keys, first, last, out):  # type: ignore[no-untyped-def]
    """Write visible states after the Gibbs steps of some keys; behind the units the fields on a label."""
    width, units, count = weight.shape[0], weight.shape[1], len(bias)
    places = np.empty((TOGETHER, max(width, units) + 1), np.int32)
    up, h, field = np.empty((TOGETHER, units), f4), np.empty((TOGETHER, units), f4), np.empty((TOGETHER, width), f4)
    whole, lower_whole = np.full(units, np.nan, f4), np.full(width, np.nan, f4)
    for begin in range(first, last, TOGETHER):
        end = min(begin + TOGETHER, last)
        v, n = out[begin:end], end - begin
        v[:] = x[begin:end]
        for k in range(0, len(keys), 2):
            _products(v, low, count, weight, whole, places, up)
            for row in range(n):
                draw_row(up[row], upper_bias, upper_low, keys[k], begin + row, h[row])
            _products(h[:n], upper_low, units, down, lower_whole, places, field)
            for row in range(n):
                if not dot(h[row], h[row]) >= f4(0):  # what is not a number was drawn
                    field[row] = np.nan
                draw_row(field[row], bias, low, keys[k + 1], begin + row, v[row])
        v[:, count:] = field[:n, count:]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def dot(x, y):  # type: ignore[no-untyped-def]
    """Return Σ x·y."""
    found = f4(0)
    for place in range(len(x)):
        found += x[place] * y[place]
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def means(positive, negative, here, there, weight, count, low, bias, upper_low, first, last, mean, cgf):  # type: ignore[no-untyped-def]
    """Write share·m and share·cgf for states of both phases, one below the other, of the shares ``here``, ``there``."""
    places, odds = np.empty((TOGETHER, weight.shape[0] + 1), np.int32), np.empty(len(bias), f4)
    whole, span, none, rows = np.full(len(bias), np.nan, f4), f4(1) - upper_low, np.zeros(len(bias), f4), len(positive)
    begin = first
    while begin < last:
        ahead = begin < rows
        x, share, start, end = (positive, here, 0, min(last, rows)) if ahead else (negative, there, rows, last)
        end = min(begin + TOGETHER, end)
        _products(x[begin - start : end - start], low, count, weight, whole, places, mean[begin:end])
        for row in range(begin, end):
            out = mean[row]
            for unit in range(len(bias)):
                out[unit] = span * (out[unit] + bias[unit])
                odds[unit] = exp(-abs(out[unit]))
            cgf[row] = share * (log_sum(out, none, odds) + dot(out, none + upper_low / span))
            for unit in range(len(bias)):
                likelier = f4(1) / (f4(1) + odds[unit])
                out[unit] = share * (upper_low + span * (likelier if out[unit] > f4(0) else odds[unit] * likelier))
        begin = end


@njit(cache=True, nogil=True, error_model="numpy")
def biases(positive, negative, here, there, mean, cgf, ahead, both):  # type: ignore[no-untyped-def]
    """Write the means of all units in the positive phase and the gradients of all biases; return the sum of ``cgf``."""
    width, rows, behind = positive.shape[1], len(positive), np.empty(len(both), f4)
    total(positive, ahead[:width])
    total(negative, behind[:width])
    total(mean[:rows], ahead[width:])
    total(mean[rows:], behind[width:])
    for unit in range(len(both)):
        one, other = (here, there) if unit < width else (f4(1), f4(1))
        ahead[unit] *= -one
        both[unit] = other * behind[unit] - ahead[unit]
    found = 0.0
    for row in range(len(cgf)):
        found += cgf[row]
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def gradient(positive, negative, count, low, mean, biases, offsets, first, last, into, centered, finite):  # type: ignore[no-untyped-def]
    """Write Σ x·mean over both phases for some blocks of `UNITS` visible units, given the gradients of all biases.

    With ``offsets`` of all units it is that of the centered machine, and row ``block`` of ``centered`` what the biases
    lose by it: its own units, and its part of what the hidden ones lose.  ``finite`` gets sums of all entries.
    """
    width, ahead, rows = positive.shape[1], len(positive), len(positive) + len(negative)
    places, states = np.empty((UNITS, rows + 1), np.int32), np.empty((UNITS, rows), f4)
    upper, ones = biases[width:].copy(), np.ones(into.shape[1], f4)
    for block in range(first, last):
        begin, end = block * UNITS, min(width, (block + 1) * UNITS)
        turn(positive, begin, end, states, 0)
        turn(negative, begin, end, states, ahead)
        middle = max(begin, min(end, count))  # where a label begins, whose states are 0 or 1
        for start, stop, least in ((begin, middle, low), (middle, end, f4(0))):
            x = states[start - begin : stop - begin]
            _products(x, least, rows, mean, upper, places, into[start:stop])
        for unit in range(begin, end):
            row = into[unit]
            if len(offsets):
                below, above = offsets[unit], offsets[width:]
                for place in range(len(row)):
                    row[place] -= biases[unit] * above[place] + below * upper[place]
                    centered[block, width + place] += below * row[place]
                centered[block, unit] = dot(row, above)
            finite[block] += dot(row, ones)
