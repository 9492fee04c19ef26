"""Rows in an order of their own, with their weights."""

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from ..data import Dataset, by_weight


def counted(dataset: Dataset, sample_weight: Any = None) -> Dataset:
    """Return rows in the order of their values, with their weights: the order given does not matter."""
    if sample_weight is not None:
        weights = _check_sample_weight(sample_weight, dataset.table, dtype=np.float64, ensure_non_negative=True)
        dataset = dataset.with_weights(weights)
        dataset = dataset.select(weights.argsort(kind="stable"))
    return by_weight(dataset.select(_order(dataset)))


def _order(dataset: Dataset) -> np.ndarray:
    """Return the order of rows by the bytes of their values, and of their labels."""
    table = dataset.rows if dataset.labels is None else np.column_stack([dataset.rows, dataset.labels])
    table = np.ascontiguousarray(table)
    return table.view(np.dtype((np.void, table.strides[0]))).ravel().argsort(kind="stable")
