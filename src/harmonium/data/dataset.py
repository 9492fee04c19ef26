"""Rows of one split, and the one place that decides what their values mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harmonium.data.batches import to_float
from harmonium.errors import InputError

if TYPE_CHECKING:
    import torch

MOST_LEVELS = 65535


class Table(NamedTuple):
    """What a file holds before its values are evaluated."""

    array: np.ndarray  # (N, width) or (N, height, width), any type of number
    labels: np.ndarray | None
    name: str
    source: str
    levels: int | None = None  # where the format itself says it: 255 for pictures
    held_out: int | None = None  # so many last rows are its own test set; None: it has no split of its own


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of one split, kept as they came: uint8 for gray, binary and count data, else float32.

    Where ``index`` is given they are those rows of the table, in that order: nothing is copied before it is needed,
    and a table may lie in a file that is larger than the memory.
    """

    name: str  # "mnist", or the file's stem
    split: str  # "train", "valid" or "test"
    table: np.ndarray = field(repr=False)  # (N, width), C-contiguous, uint8 or float32
    levels: int  # the value that means "fully on": 255, 16, 1; 0 for real values
    shape: tuple[int, ...]  # (28, 28) for pictures, (width,) otherwise
    labels: np.ndarray | None = field(repr=False)  # (N,) int64
    source: str  # the file or package it was read from
    index: np.ndarray | None = field(default=None, repr=False)  # the numbers of the split's rows in the table

    def __post_init__(self) -> None:
        if self.table.ndim != 2 or self.table.dtype not in (np.uint8, np.float32):
            raise InputError(
                f"rows of shape {self.table.shape} and type {self.table.dtype} were given where (N, width) of "
                "uint8 or float32 was expected: see harmonium.data.settle"
            )
        if math.prod(self.shape) != self.width:
            raise InputError(f"shape {self.shape} does not hold {self.width} values: pass the shape of one row")

    def __len__(self) -> int:
        return len(self.table if self.index is None else self.index)

    def __getitem__(self, number: int) -> torch.Tensor | tuple[torch.Tensor, int]:
        """Return a row as in `tensor`, (width,), with its label where there are any: what a ``DataLoader`` asks for."""
        place = range(len(self))[number]
        row = to_float(self.gather(slice(place, place + 1)), self.levels, "none")[0]
        return row if self.labels is None else (row, int(self.labels[place]))

    def gather(self, which: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return some rows of the split, or all, as they are stored: a copy, unless they lie together in the table."""
        return self.table[which if self.index is None else self.index[which]]

    @property
    def rows(self) -> np.ndarray:
        """All rows of the split as they are stored, (N, width)."""
        return self.gather()

    @property
    def width(self) -> int:
        """The number of values in a row."""
        return int(self.table.shape[1])

    @property
    def kind(self) -> str:
        """What the values are: ``"binary"``, ``"spin"`` (only -1 and +1), ``"gray"`` or ``"real"``."""
        return kind(self.table, self.levels)

    def tensor(self, binarize: str = "none", *, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return all rows as float32, shape (N, width); see ``to_float`` for what ``binarize`` does."""
        return to_float(self.rows, self.levels, binarize, generator=generator)

    def binarized(self, how: str = "threshold", *, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return all rows as zeros and ones, shape (N, width), by ``"threshold"`` or ``"sample"``."""
        return self.tensor(how, generator=generator)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and the deviation of every column, in float64, on the scale of `tensor`."""
        parts = [np.arange(i, min(i + 4096, len(self))) for i in range(0, len(self), 4096)]
        mean = sum(self.gather(part).sum(0, dtype=np.float64) for part in parts) / len(self)
        squares = sum(((self.gather(part) - mean) ** 2).sum(0) for part in parts) / len(self)
        return mean / max(self.levels, 1), np.sqrt(squares) / max(self.levels, 1)

    def take(self, count: int) -> Dataset:
        """Return the first ``count`` rows, or all of them where there are fewer."""
        if count < 1:
            raise InputError(f"{count} rows were asked for where at least 1 was expected: pass a positive count")
        return self.select(np.arange(min(count, len(self))))

    def with_labels(self, labels: np.ndarray) -> Dataset:
        """Return the same rows with class numbers, (rows,), of their own."""
        return replace(self, labels=tidy_labels(np.asarray(labels), len(self), self.source))

    def select(self, which: np.ndarray) -> Dataset:
        """Return the rows of the split that ``which`` numbers, in its order."""
        index = which if self.index is None else self.index[which]
        return replace(self, index=index, labels=None if self.labels is None else self.labels[which])


def kind(rows: np.ndarray, levels: int) -> str:
    """Name what settled rows are: ``"binary"``, ``"spin"``, ``"gray"`` or ``"real"``."""
    if levels == 0:
        return "spin" if len(rows) and every(rows, lambda part: np.abs(part) == 1) else "real"
    return "binary" if levels == 1 and rows.dtype == np.uint8 else "gray"


def interpret(array: np.ndarray, where: str, levels: int | None = None) -> tuple[np.ndarray, int]:
    """Decide what an array's values mean and return ``(rows, levels)``, rows of shape (N, width).

    Only 0 and 1: uint8, levels 1. Only -1 and +1: float32, levels 0. Fractions of 1: float32, levels 1. A
    uint8 stack of pictures: levels 255. Anything else that is not a table of whole numbers from 0 to 255:
    real values, float32, levels 0. With ``levels`` given, the values must be whole numbers from 0 to it;
    ``levels=0`` takes them as real numbers. uint8 rows share the array's memory. Raises ``InputError``,
    naming ``where``, for everything unclear.
    """
    flat = flatten(array, where)
    if flat.dtype.kind == "f":
        _refuse_holes(flat, where)
    if levels is None:
        return _guess(flat, array.ndim == 3, where)
    if not 0 <= levels <= MOST_LEVELS:
        raise InputError(f"levels {levels} was given where 0 to {MOST_LEVELS} was expected: 255 for gray pictures")
    return (_as_levels(flat, levels, where) if levels else _as_real(flat, where)), levels


def flatten(array: np.ndarray, where: str) -> np.ndarray:
    """Return the array as (N, width), or raise ``InputError`` where it is no table of numbers."""
    if array.dtype.kind not in "buif":
        raise InputError(f"{where} holds {array.dtype} values where numbers were expected: save it as float32 or uint8")
    if array.ndim not in (2, 3):
        raise InputError(
            f"{where} has shape {array.shape} where (rows, columns) or (pictures, height, width) was "
            "expected: reshape it, one row a case"
        )
    if array.size == 0:
        raise InputError(f"{where} is empty, shape {array.shape}: give it at least one row and one column")
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise InputError(f"{where} has masked values where a whole table was expected: fill them in or drop those rows")
    flat = np.ascontiguousarray(np.asarray(array).reshape(len(array), -1))
    return flat.view(np.uint8) if flat.dtype.kind == "b" else flat


def _refuse_holes(flat: np.ndarray, where: str) -> None:
    if np.isfinite(flat.min()) and np.isfinite(flat.max()):  # which find NaN too, and copy nothing
        return
    holes = ~np.isfinite(flat)
    if holes.any():
        row, column = np.unravel_index(int(holes.argmax()), flat.shape)
        raise InputError(
            f"{where} holds {int(holes.sum())} NaN or infinite values, the first in row {row + 1}, column "
            f"{column + 1} (counted from 1), where finite numbers were expected: fill them in or drop those "
            "rows"
        )


def _guess(flat: np.ndarray, pictures: bool, where: str) -> tuple[np.ndarray, int]:
    low, high, whole = flat.min(), flat.max(), is_whole(flat)
    if low >= 0 and high <= 1:
        return (flat.astype(np.uint8, copy=False) if whole else flat.astype(np.float32)), 1
    if pictures and flat.dtype == np.uint8:
        return flat, 255
    if whole and low >= 0 and high <= 255:
        top = int(high) if high <= 16 else 255
        raise InputError(
            f"{where} holds whole numbers {int(low)} to {int(high)} where 0 to 1 was expected: pass --levels "
            f"{top} if they are gray levels, or divide them by {top}, or pass --levels 0 to take them as "
            "real numbers"
        )
    return _as_real(flat, where), 0


def is_whole(rows: np.ndarray) -> bool:
    """Say whether all values are whole numbers."""
    return rows.dtype.kind != "f" or every(rows, lambda part: part == np.rint(part))


def every(rows: np.ndarray, test: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Say whether all values pass a test, of a million at a time: the table may be larger than the memory."""
    few = max(1, 2**20 // max(1, math.prod(rows.shape[1:])))
    return all(bool(test(rows[i : i + few]).all()) for i in range(0, len(rows), few))


def _as_real(flat: np.ndarray, where: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        rows = flat.astype(np.float32, copy=False)
    if not np.isfinite(rows.min()) or not np.isfinite(rows.max()):
        raise InputError(
            f"{where} holds values up to {float(np.abs(flat).max()):.3g}, too large for float32: rescale it"
        )
    return rows


def _as_levels(flat: np.ndarray, levels: int, where: str) -> np.ndarray:
    low, high = flat.min(), flat.max()
    if not is_whole(flat) or low < 0 or high > levels:
        raise InputError(
            f"{where} holds values {low:g} to {high:g} where whole numbers 0 to {levels} were expected: pass "
            "the --levels that fits them, or none"
        )
    return flat.astype(np.uint8 if levels <= 255 else np.float32, copy=False)


def tidy_labels(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    """Return labels as int64 of shape (count,); raise ``InputError`` unless whole numbers, one a row."""
    if labels.shape != (count,):
        raise InputError(f"{where} has labels of shape {labels.shape} where ({count},) was expected: give one a row")
    numbers = labels.dtype.kind in "bui" or (labels.dtype.kind == "f" and bool(np.isfinite(labels).all()))
    if not numbers or not is_whole(labels) or np.abs(labels.astype(np.float64)).max(initial=0) >= 2**62:
        raise InputError(f"{where} has labels that are not whole numbers: number the classes 0, 1, 2, ...")
    return labels.astype(np.int64)
