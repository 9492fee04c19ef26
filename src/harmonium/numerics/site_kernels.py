"""A Gibbs step of coupled sites as loops, compiled by numba; see `sequential`."""

import numpy as np
from numba import njit

from .kernels import _row_words, _uniform, exp, f4
from .vectors import NARROW, sums

NONE, OTHER = -1, -2  # of a site: no entry but 0, and what is not a single 1
SPARSE = 8  # columns of which at most one is on where energies are sums over pairs


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = f4(0)
    for unit in range(len(a)):
        total += a[unit] * b[unit]
    return total


@njit(cache=True, nogil=True)
def _state(row, first, size):  # type: ignore[no-untyped-def]
    """Return the column of a site whose one entry is a 1, or `NONE` where all are 0, or `OTHER`."""
    found, total = NONE, f4(0)
    for column in range(first, first + size):
        total += abs(row[column])
        found = column if row[column] == f4(1) else found
    return found if total == (f4(1) if found >= 0 else f4(0)) else OTHER


@njit(cache=True, nogil=True)
def _field(row, states, start, size, block, places, counts, field):  # type: ignore[no-untyped-def]
    """Put what all other sites send to one into ``field``; ``block``, (width, states), are its couplings."""
    counts[0] = 0
    for other in range(len(start)):
        places[0, counts[0]] = states[other]
        counts[0] += states[other] >= 0
    sums(block, places, counts, field.reshape(1, len(field)))
    for other in range(len(start)):
        if states[other] == OTHER:
            for column in range(start[other], start[other] + size[other]):
                for state in range(len(field)):
                    field[state] += row[column] * block[column, state]


@njit(cache=True, nogil=True)
def _drawn(odds, u):  # type: ignore[no-untyped-def]
    """Turn logits into probabilities, and return the place that ``u`` falls on; −1 if one is not a number."""
    top = odds[0]
    for state in range(len(odds)):
        if odds[state] != odds[state]:
            return -1
        top = max(top, odds[state])
    total, best = f4(0), 0
    for state in range(len(odds)):
        odds[state] = exp(odds[state] - top)
    for state in range(len(odds)):
        total += odds[state]
        best = state if odds[state] > odds[best] else best
    below, found = f4(0), -1
    for state in range(len(odds)):
        below += odds[state]
        found = state if found < 0 and below > u * total else found
        odds[state] /= total
    return found if found >= 0 else best


@njit(cache=True, nogil=True)
def _is_still(still, first, end):  # type: ignore[no-untyped-def]
    count = 0
    for column in range(first, end if len(still) else first):
        count += still[column]
    return count == end - first


@njit(cache=True, nogil=True)
def _put(row, mean, first, end, still, values, odds, found):  # type: ignore[no-untyped-def]
    """Put the value that was found, and the mean, into the columns of a site that are free."""
    for column in range(first, end):
        if len(still) and still[column]:
            continue
        if found < 0:
            row[column] = mean[column] = f4(np.nan)
        elif len(values):
            row[column], mean[column] = values[found], _dot(odds, values)
        else:
            row[column], mean[column] = f4(column - first == found), odds[column - first]


@njit(cache=True, nogil=True)
def step(x, mean, start, size, choices, values, couplings, bias, scale, still, key, before, begin, stop):  # type: ignore[no-untyped-def]
    """Move every site of some rows once, in place, ``x`` and ``mean`` both (rows, width)."""
    states = np.empty((x.shape[0], len(start)), np.int64)
    for row in range(begin, stop):
        for site in range(len(start)):
            states[row, site] = _state(x[row], start[site], size[site])
    space = np.zeros(max(size.max(), choices.max(), NARROW), np.float32)
    block, places = np.zeros((x.shape[1], max(size.max(), NARROW)), np.float32), np.empty((1, len(start) + 1), np.int32)
    counts = np.zeros(1, np.int64)
    for site in range(len(start)):
        first, end, own = start[site], start[site] + size[site], values[site, : choices[site]]
        odds = space[: choices[site] or size[site]]
        if not choices[site]:
            block[:, : size[site]] = couplings[:, first:end]
        for row in range(begin, stop):
            held = still[row % len(still)]
            if _is_still(held, first, end):
                continue
            bases, beta, (low, high) = bias[row % len(bias)], scale[row % len(scale)], _row_words(key, row + before)
            if choices[site]:
                pull = bases[first] + beta * _dot(couplings[first], x[row])
                for choice in range(len(odds)):
                    odds[choice] = own[choice] * pull
            else:
                _field(x[row], states[row], start, size, block, places, counts, space[: block.shape[1]])
                for choice in range(len(odds)):
                    odds[choice] = bases[first + choice] + beta * odds[choice]
            found = _drawn(odds, _uniform(low, high, site))
            _put(x[row], mean[row], first, end, held, own, odds, found)
            states[row, site] = _state(x[row], first, size[site])


@njit(cache=True, nogil=True)
def energies(x, upper, out, begin, stop):  # type: ignore[no-untyped-def]
    """Write xᵀ·upper·x of some rows, (rows, width) → (rows,), the diagonal left out; NaN where most of a row is on."""
    places = np.empty(x.shape[1] + 1, np.int32)
    for row in range(begin, stop):
        found, total = 0, 0.0
        for column in range(x.shape[1]):
            places[found] = column
            found += x[row, column] != f4(0)
        if SPARSE * found > x.shape[1]:
            out[row] = np.nan
            continue
        for i in range(found):
            sent = f4(0)
            for j in range(i + 1, found):
                sent += upper[places[i], places[j]] * x[row, places[j]]
            total += x[row, places[i]] * sent
        out[row] = total
