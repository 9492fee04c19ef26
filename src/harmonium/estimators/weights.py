"""Weights of rows as numbers of copies."""

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from ..data import Dataset

FINE = 10  # copies of a row of mean weight, where weights are not whole


def counted(dataset: Dataset, sample_weight: Any = None) -> Dataset:
    """Return rows in the order of their values, each as often as its weight says: the order given does not matter.

    A weight of 2 is a row given twice, and one of 0 a row left out; weights that are not all whole are rounded to
    tenths of their mean.
    """
    order = _order(dataset)
    if sample_weight is None:
        return dataset.select(order)
    weight = _check_sample_weight(sample_weight, dataset.table, dtype=np.float64, ensure_non_negative=True)[order]
    if not (weight == np.rint(weight)).all():
        weight = _rounded(weight * FINE / weight.mean())
    return dataset.select(order.repeat(weight.astype(np.int64)))


def _rounded(weight: np.ndarray) -> np.ndarray:
    """Return whole numbers whose running sums are those of weights, rounded."""
    return np.diff(np.rint(weight.cumsum()), prepend=0)


def _order(dataset: Dataset) -> np.ndarray:
    """Return the order of rows by the bytes of their values, and of their labels."""
    table = dataset.rows if dataset.labels is None else np.column_stack([dataset.rows, dataset.labels])
    table = np.ascontiguousarray(table)
    return table.view(np.dtype((np.void, table.strides[0]))).ravel().argsort(kind="stable")
