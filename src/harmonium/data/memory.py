"""Rows that lie in memory: arrays, tensors, lists, sparse matrices and frames."""

from typing import Any

import numpy as np

from harmonium.data.images import in_gray
from harmonium.data.sheet import Sheet, as_table
from harmonium.data.table import Form, Table
from harmonium.errors import InputError

MOST_DENSE = 2**31  # bytes that a sparse matrix may fill


def in_memory(rows: Any, labels: Any, name: str, wanted: str | None = None, like: Form | None = None) -> Table:
    """Return the table of rows in memory; columns of a frame are features, labels and ids by the rules of a file."""
    if hasattr(rows, "columns") and hasattr(rows, "__getitem__"):
        return _framed(rows, labels, name, wanted, like)
    if hasattr(rows, "detach"):
        rows = rows.numpy(force=True)
    array = dense(rows, name) if hasattr(rows, "tocsr") else np.asanyarray(rows)
    return with_label_column(Table(array, labels, name, name), wanted, like)


def with_label_column(found: Table, wanted: str | None, like: Form | None = None) -> Table:
    """Return an array, in gray if it holds colors, with one column as labels where one is asked for."""
    found = in_gray(found)
    if like is not None:
        wanted = None if found.labels is not None else like.label_column
    if wanted in (None, "", "none"):
        return found._replace(label_column=wanted or "")
    if found.labels is not None or found.array.ndim != 2:
        return without_columns(found, wanted)
    parted = as_table(Sheet(found.array), found.name, found.source, wanted, like)
    return parted._replace(levels=found.levels, held_out=found.held_out)


def without_columns(found: Table, wanted: str | None) -> Table:
    """Return a table as it is; raises `InputError` where a column of it was to be the labels."""
    if wanted in (None, "none"):
        return found
    what = "labels beside its rows" if found.labels is not None else "no columns to choose from"
    raise InputError(f"--label-column {wanted} was given where {found.source} has {what}: leave it out")


def dense(matrix: Any, source: str) -> np.ndarray:
    """Return a sparse matrix as an array, whole numbers of a byte as uint8; raises `InputError` for one too large."""
    values = matrix.data
    byte = values.size == 0 or bool((values >= 0).all() and (values <= 255).all() and (values == values.round()).all())
    kind = np.dtype(np.uint8 if byte else np.float32)
    size = matrix.shape[0] * matrix.shape[1] * kind.itemsize
    if size > MOST_DENSE:
        given = f"{source} is a sparse matrix of {matrix.shape[0]}×{matrix.shape[1]}, which fills {size / 2**30:.1f} GB"
        raise InputError(f"{given} where at most {MOST_DENSE / 2**30:.0f} GB are taken: give fewer rows or columns")
    return np.ascontiguousarray(matrix.astype(kind).toarray())


def _framed(frame: Any, labels: Any, name: str, wanted: str | None, like: Form | None) -> Table:
    if len(set(frame.columns)) < len(frame.columns):
        raise InputError(f"several columns of {name} have one name: give each column its own")
    columns = [_values(frame[column]) for column in frame.columns]
    numbers = [_floats(column) for column in columns]
    whole = {column.dtype for column in columns} if columns else set()
    sheet = Sheet(
        np.stack(columns, 1) if len(whole) == 1 and whole.pop().kind in "uif" else np.stack(numbers, 1),
        names=tuple(map(str, frame.columns)),
        words={i: column.astype(str) for i, column in enumerate(columns) if column.dtype.kind not in "uif"},
        truths=frozenset(i for i, column in enumerate(columns) if column.dtype.kind == "b"),
        indexed=True,
    )
    found = as_table(sheet, name, name, "none" if labels is not None else wanted, like)
    return found._replace(labels=found.labels if labels is None else labels, ids=_index(frame, found.ids))


def _values(column: Any) -> np.ndarray:
    values = np.asarray(column)
    if values.dtype.kind == "O":
        held = values.tolist()
        if all(isinstance(value, bool | np.bool_) for value in held):
            return values.astype(bool)
        if all(isinstance(value, int | float | np.number) for value in held):
            return values.astype(np.float64)
    return values


def _floats(column: np.ndarray) -> np.ndarray:
    return column.astype(np.float64) if column.dtype.kind in "buif" else np.full(len(column), np.nan)


def _index(frame: Any, ids: np.ndarray | None) -> np.ndarray | None:
    """Return the index of a frame as ids, unless it only counts the rows."""
    if ids is not None or not hasattr(frame, "index"):
        return ids
    index = np.asarray(frame.index)
    return None if np.array_equal(index, np.arange(len(index))) else index.astype(str)
