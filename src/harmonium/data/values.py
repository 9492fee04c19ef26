"""The one place that decides what values mean."""

import math
from collections.abc import Callable

import numpy as np

from harmonium.errors import InputError

MOST_LEVELS = 65535


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
        columns = np.flatnonzero(holes.any(axis=0)) + 1
        told = ", ".join(map(str, columns[:8])) + (", ..." if len(columns) > 8 else "")
        raise InputError(
            f"{where} holds {int(holes.sum())} NaN or infinite values, the first in row {row + 1}, column "
            f"{column + 1}, {len(columns)} columns affected ({told}; counted from 1) where finite numbers were "
            f"expected: fill them in, or drop the {int(holes.any(axis=1).sum())} rows that hold them"
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
            f"{top} if they are gray levels, --visible potts:{int(high) + 1} if they name states, --visible "
            f"binomial:{int(high)} if they count something, or --levels 0 to take them as real numbers"
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
