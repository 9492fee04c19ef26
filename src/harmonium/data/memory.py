"""Rows that lie in memory: arrays, tensors, lists, sparse matrices and frames."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from harmonium.data.cells import as_number, as_text
from harmonium.data.images import in_gray
from harmonium.data.mixed import table_of
from harmonium.data.sheet import Sheet, as_table
from harmonium.data.table import Form, Table
from harmonium.errors import InputError

MOST_DENSE = 2**31  # bytes that a sparse matrix may fill


def in_memory(
    rows: Any,
    labels: Any,
    name: str,
    wanted: str | None = None,
    like: Form | None = None,
    columns: Mapping[str, Any] | None = None,
    source: str = "",
) -> Table:
    """Return the table of rows in memory; columns of a frame are features, labels and ids by the rules of a file."""
    source = source or name
    framed = _as_frame(rows, name)
    if hasattr(framed, "columns") and hasattr(framed, "__getitem__"):
        return _framed(framed, labels, name, source, wanted, like, columns)
    if hasattr(rows, "detach"):
        rows = rows.numpy(force=True)
    array = dense(rows, name) if hasattr(rows, "tocsr") else np.asanyarray(rows)
    if array.dtype.kind == "O" and array.ndim == 2:
        names = [*map(str, range(array.shape[1]))]
        found = table_of(_sheet(names, [*array.T])._replace(names=()), name, source, wanted, like, columns=columns)
        return found if labels is None else found._replace(labels=labels)
    return with_label_column(Table(array, labels, name, source), wanted, like, columns)


def _as_frame(rows: Any, name: str) -> Any:
    """Return a frame of a library that narwhals knows as it gives it, and all else as it is."""
    try:
        return nw.from_native(rows, eager_only=True, pass_through=True)
    except DuplicateError:
        raise InputError(f"several columns of {name} have one name: give each column its own") from None


def with_label_column(
    found: Table, wanted: str | None, like: Form | None = None, columns: Mapping[str, Any] | None = None
) -> Table:
    """Return an array, in gray if it holds colors, with one column as labels where one is asked for.

    An array with holes, or of whose ``columns`` something is said, becomes a table with a schema.
    """
    found = in_gray(found)
    if like is not None:
        wanted = None if found.labels is not None else like.label_column
    if _is_table(found.array, like, columns):
        own = "none" if found.labels is not None else wanted
        made = table_of(Sheet(found.array), found.name, found.source, own, like, columns=columns)
        labels = made.labels if found.labels is None else found.labels
        return made._replace(labels=labels, held_out=found.held_out)
    if wanted in (None, "", "none"):
        return found._replace(label_column=wanted or "")
    if found.labels is not None or found.array.ndim != 2:
        return without_columns(found, wanted, columns)
    parted = as_table(Sheet(found.array), found.name, found.source, wanted, like)
    return parted._replace(levels=found.levels, held_out=found.held_out)


def _is_table(array: np.ndarray, like: Form | None, columns: Mapping[str, Any] | None) -> bool:
    """Say whether an array is a table of columns of their own kinds: it is said, or it has holes."""
    if array.ndim != 2 or not array.size:
        return False
    if like is not None:
        return like.schema is not None
    return columns is not None or (array.dtype.kind == "f" and bool(np.isnan(array.min())))


def without_columns(found: Table, wanted: str | None, columns: Mapping[str, Any] | None = None) -> Table:
    """Return a table as it is; raises `InputError` where a column of it was to be the labels, or of some kind."""
    if columns:
        given = f"the kind of the column {next(iter(columns))!r} was given where {found.source} has no columns of names"
        raise InputError(f"{given}: leave it out")
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


def read_parquet(path: Path) -> Any:
    """Return the frame of a parquet file; raises `InputError` where no library is there that reads it."""
    for library in ("polars", "pandas"):
        try:
            return importlib.import_module(library).read_parquet(path)
        except ImportError:
            continue
        except Exception as error:
            line = " ".join(str(error).split())[:200]
            raise InputError(f"{path} cannot be read as parquet ({line}): write it again") from None
    raise InputError(f"{path} needs polars, or pandas with pyarrow, to be read: pip install polars, or save it as .csv")


def _framed(
    frame: Any, labels: Any, name: str, source: str, wanted: str | None, like: Form | None,
    columns: Mapping[str, Any] | None,
) -> Table:  # fmt: skip
    if len(set(frame.columns)) < len(frame.columns):
        raise InputError(f"several columns of {name} have one name: give each column its own")
    series = [frame.get_column(one) if isinstance(frame, nw.DataFrame) else frame[one] for one in frame.columns]
    sheet = _sheet([*map(str, frame.columns)], [_values(one) for one in series])
    levels = {i: _categories(one) for i, one in enumerate(series) if isinstance(one, nw.Series)}
    wanted = "none" if labels is not None else wanted
    known = {i: found for i, found in levels.items() if found}
    found = table_of(sheet._replace(levels=known), name, source, wanted, like, columns=columns)
    ids = _index(frame.to_native() if isinstance(frame, nw.DataFrame) else frame, found.ids)
    return found._replace(labels=found.labels if labels is None else labels, ids=ids)


def _sheet(names: list[str], columns: list[np.ndarray]) -> Sheet:
    """Return the sheet of columns of any types."""
    numbers, whole = [_floats(column) for column in columns], {column.dtype for column in columns}
    return Sheet(
        np.stack(columns, 1) if len(whole) == 1 and whole.pop().kind in "uif" else np.stack(numbers, 1),
        names=tuple(names),
        words={i: as_text(column) for i, column in enumerate(columns) if column.dtype.kind not in "uif"},
        truths=frozenset(i for i, column in enumerate(columns) if column.dtype.kind == "b"),
        indexed=True,
    )


def _categories(series: "nw.Series[Any]") -> tuple[str, ...]:
    """Return the levels of a column of categories that it holds, in its own order; none of another column."""
    if series.dtype not in (nw.Categorical, nw.Enum):
        return ()
    held = {str(word) for word in series.drop_nulls().unique().to_list()}
    return tuple(level for level in map(str, series.cat.get_categories().to_list()) if level in held)


def _values(column: Any) -> np.ndarray:
    values = np.asarray(column.to_numpy() if isinstance(column, nw.Series) else column)
    if values.dtype.kind == "O":
        held = values.tolist()
        if all(isinstance(value, bool | np.bool_) for value in held):
            return values.astype(bool)
        if all(isinstance(value, int | float | np.number) for value in held):
            return values.astype(np.float64)
    return values


def _floats(column: np.ndarray) -> np.ndarray:
    if column.dtype.kind in "buif":
        return column.astype(np.float64)
    return np.array([as_number(word) for word in as_text(column).tolist()])


def _index(frame: Any, ids: np.ndarray | None) -> np.ndarray | None:
    """Return the index of a frame as ids, unless it only counts the rows."""
    if ids is not None or not hasattr(frame, "index"):
        return ids
    index = np.asarray(frame.index)
    return None if np.array_equal(index, np.arange(len(index))) else index.astype(str)
