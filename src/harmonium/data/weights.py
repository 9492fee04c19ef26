"""Weights of rows: whole ones are copies of a row, others the chances with which passes over the rows hold it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harmonium.errors import InputError

if TYPE_CHECKING:
    from harmonium.data.dataset import Dataset

SHARES = "rows count by their weights: a pass holds each as often as its share says, rounded up or down by chance"
COPIES = 10  # of a row on average, up to which whole weights are copies


def weights_of(given: Any, count: int, where: str) -> np.ndarray:
    """Return weights as float64, (count,); raises `InputError` where they are none, or all are zero."""
    values = np.asarray(given.numpy(force=True) if hasattr(given, "detach") else given)
    if values.shape != (count,) or values.dtype.kind not in "buif":
        given = f"weights of shape {values.shape} and type {values.dtype}"
        raise InputError(f"{where} has {given} where numbers of shape ({count},) were expected: give one a row")
    weights = values.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        place = f"the weight of row {wrong[0] + 1} of {where} is {weights[wrong[0]]:g}"
        raise InputError(f"{place} where a number of 0 or more was expected: correct it, or leave the row out")
    if not weights.any():
        raise InputError(f"the weights of {where} are all 0 where non-zero ones were expected: correct them")
    return weights


def by_weight(rows: "Dataset") -> "Dataset":
    """Return rows without those of weight 0; of whole weights copies without weights, others with their weights.

    Weights count in proportion: those that share a factor are divided by it.  What is made of them is in the notes.
    """
    if rows.weights is None:
        return rows
    rows = rows.select(np.flatnonzero(rows.weights))
    weights = rows.weights
    assert weights is not None
    if (weights != np.rint(weights)).any() or weights.max() >= 2**53:
        return rows.noted(SHARES)
    copies = weights.astype(np.int64)
    copies //= np.gcd.reduce(copies)
    if copies.sum() > COPIES * len(rows):
        return rows.noted(SHARES)
    found = replace(rows, weights=None).select(np.arange(len(rows)).repeat(copies))
    return found.noted(f"{len(rows)} rows count as {len(found)}, by their whole weights")


def shares_of(weights: np.ndarray, start: float) -> np.ndarray:
    """Return the numbers of the rows of one pass, (rows,): one of share p of all weight ⌊rows · p⌋ or ⌈rows · p⌉ times.

    Of a ``start`` that is uniform between 0 and 1 the mean number is rows · p exactly: systematic sampling (Madow and
    Madow, 1944).
    """
    count, ends = len(weights), np.cumsum(weights / weights.sum())
    places = (np.arange(count) + start) / count
    return np.searchsorted(ends, places, side="right").clip(max=count - 1)
