"""The cells of one column: which of them hold something, and what, as numbers where all of them are numbers."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

MISSING = ("", "na", "<na>", "n/a", "nan", "nat", "null", "none", "?", "-", ".")
DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?")
Level = str | int | float


class Cells(NamedTuple):
    """Cells of a column, (N,): floats, NaN where one is empty, or words; which hold something, and on which lines."""

    values: np.ndarray
    present: np.ndarray
    lines: Sequence[int] = ()

    @property
    def numeric(self) -> bool:
        """Whether all that is there are numbers."""
        return self.values.dtype.kind == "f"

    @property
    def held(self) -> np.ndarray:
        """What is there."""
        return self.values[self.present]

    def place(self, row: int) -> str:
        """Return where a cell stands, in words."""
        return f"line {self.lines[row]}" if self.lines else f"row {row + 1}"


def cells_of(
    column: Any, known: Iterable[Level] = (), numbers: np.ndarray | None = None, lines: Sequence[int] = ()
) -> Cells:
    """Return the cells of a column of any type; a word of `MISSING` is none, unless it is ``known`` as a level.

    ``numbers`` are those that words write where a reader has found them already, NaN for what writes none.
    """
    if isinstance(column, Cells):
        return column
    given = np.asarray(column)
    if given.dtype.kind in "iuf":
        values = given.astype(np.float64)
        return Cells(values, ~np.isnan(values), lines)
    words = np.strings.strip(as_text(given))
    found, place = np.unique(words, return_inverse=True)
    levels = {str(level) for level in known}
    present = np.array([word in levels or word.lower() not in MISSING for word in found.tolist()])[place]
    values = np.array([as_number(word) for word in found.tolist()])[place] if numbers is None else numbers
    if given.dtype.kind != "b" and not np.isnan(values[present]).any():
        return Cells(np.where(present, values, np.nan), present, lines)
    return Cells(words, present, lines)


def as_text(column: np.ndarray) -> np.ndarray:
    """Return cells as words, those of nothing as ""."""
    if column.dtype.kind == "M":
        whole = np.isnat(column) | (column == column.astype("M8[D]"))
        text = np.datetime_as_string(column, unit="D" if whole.all() else "m")
        return np.where(np.isnat(column), "", text)
    if column.dtype.kind == "O":
        cells = map(_scalar, column.tolist())
        return np.array(["" if cell is None or cell != cell else str(cell) for cell in cells], dtype=str)
    return column.astype(str)


def as_number(word: str) -> float:
    """Return the number that a word writes with a decimal point, NaN where it writes none."""
    try:
        return float(word) if word.isascii() and "_" not in word else np.nan
    except ValueError:
        return np.nan


def as_days(words: np.ndarray) -> np.ndarray:
    """Return dates such as 2024-02-29 or 2024-02-29 13:30 as days since 1970, NaN for what is no date."""
    found, place = np.unique(words, return_inverse=True)
    return np.array([_day(word) for word in found.tolist()])[place]


def as_dates(days: np.ndarray) -> np.ndarray:
    """Return days since 1970 as words; with minutes where some are no whole days."""
    minutes = np.rint(days * 1440).astype("M8[m]")
    return np.datetime_as_string(minutes, unit="m" if (minutes != minutes.astype("M8[D]")).any() else "D")


def plain(value: float) -> Level:
    """Return a number as it is written: without a point where it is whole."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


def _day(word: str) -> float:
    if not DATE.fullmatch(word):
        return np.nan
    try:
        return (datetime.fromisoformat(word) - datetime(1970, 1, 1)) / timedelta(days=1)
    except ValueError:
        return np.nan


def _scalar(cell: Any) -> Any:
    """Return a cell that may be compared: what compares to nothing, such as pandas' NA, is none."""
    try:
        return cell if isinstance(cell == cell, bool | np.bool_) else None
    except (TypeError, ValueError):
        return None
