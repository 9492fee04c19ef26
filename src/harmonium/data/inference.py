"""Which kind a column is, found from its cells."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from harmonium.data.cells import Cells, as_days, as_number, plain
from harmonium.data.schema import LEVELED, NUMERIC, Column, Schema, said_of
from harmonium.errors import InputError, suggest

MOST_LEVELS = 100  # of a categorical column
CODED = 10  # whole numbers from 1 up, without a gap, that are taken as names of so many levels at most
MOST_NUMBERS, PLENTY = 256, 200  # of a discrete column: different numbers, and rows for each of them on average
COUNTS = 30  # up to which whole numbers from 0 are counts, and not real
OFTEN = 0.2  # the share of zeros from which they are more than a value among others
STRAY = 0.05  # the share of words among numbers up to which they are mistakes, and no levels
FEW = 10  # rows from which a column that counts its rows is no accident
WEIGHS = "it says how much each row counts"
IDS = re.compile(r"id|index|key|uuid|.*(_id|Id|ID)")


def infer(columns: Mapping[str, Cells], said: Mapping[str, Any] | None = None, source: str = "the table") -> Schema:
    """Return the schema of columns, by name; what is ``said`` of some is taken as it is: a kind, or a mapping.

    Raises `InputError` for a column that is not there, or that does not fit what is said of it.
    """
    said = said or {}
    for name in said:
        if name not in columns:
            given = f"the column {name!r} is spoken of, and {source} has none of that name"
            raise InputError(f"{given}: give one of {', '.join(columns)}{suggest(name, columns)}")
    found = tuple(
        _column(name, cells, said_of(name, said[name]) if name in said else None, source)
        for name, cells in columns.items()
    )
    if not any(column.modeled for column in found):
        told = "; ".join(f"{column.name!r} is {column}" for column in found[:3])
        raise InputError(
            f"{source} has no column that a model could learn ({told}): give others, or --column NAME=KIND"
        )
    return Schema(found, tuple(int((~cells.present).sum()) for cells in columns.values()))


def _column(name: str, cells: Cells, said: Column | None, source: str) -> Column:
    _refuse_infinite(name, cells, source)
    kind, reason = (said.kind, "as was said") if said is not None else _kind(name, cells, source)
    found = Column(name, kind, reason="" if kind in (*LEVELED, *NUMERIC) else reason)
    if kind in NUMERIC:
        found = _ranged(found, cells, said, source)
    if kind in (*LEVELED, "discrete"):
        found = replace(found, levels=said.levels if said is not None and said.levels else _levels(cells))
        _refuse_levels(found, source)
    elif kind == "constant":
        found = replace(found, levels=_levels(cells))
    return replace(found, reason=WEIGHS) if kind == "weight" else found


def _kind(name: str, cells: Cells, source: str) -> tuple[str, str]:
    """Return the kind of a column, and why where it is left out."""
    held = cells.held
    different = len(np.unique(held))
    if different < 2:
        return "constant", "every cell is the same" if different else "every cell is empty"
    if cells.numeric:
        return _kind_of_numbers(name, held, different)
    if not np.isnan(as_days(held)).any():
        return "date", ""
    _refuse_strays(name, cells, source)
    if different == 2:
        return "binary", ""
    if different <= min(MOST_LEVELS, len(held) / 2):
        return "categorical", ""
    told = f"{different} different words in {len(held)} rows"
    return ("identifier" if different > 0.9 * len(held) else "text"), told


def _kind_of_numbers(name: str, held: np.ndarray, different: int) -> tuple[str, str]:
    low, high = float(held.min()), float(held.max())
    whole = bool((held == np.rint(held)).all())
    if whole and different == len(held) >= FEW:
        if high - low == different - 1 and (np.diff(held) > 0).all():
            return "identifier", "it numbers the rows"
        if IDS.fullmatch(name) or IDS.fullmatch(name.lower()):
            return "identifier", "it is called so, and no number returns"
    if different == 2:
        return "binary", ""
    if whole and low >= 1 and different == high - low + 1 and different <= CODED:
        return "categorical", ""
    if different <= min(MOST_NUMBERS, len(held) / PLENTY):
        return "discrete", ""
    if whole and low >= 0 and high <= COUNTS:
        return "count", ""
    return ("zero-inflated" if (held == 0).mean() >= OFTEN and different > CODED else "real"), ""


def _levels(cells: Cells) -> tuple[Any, ...]:
    found = np.unique(cells.held)
    return tuple(map(plain, found.tolist())) if cells.numeric else tuple(found.tolist())


def _ranged(column: Column, cells: Cells, said: Column | None, source: str) -> Column:
    """Return a column of numbers with the range of its cells, and with how many decimals they are written."""
    codes = replace(column, high=np.inf).codes(cells, source)
    held = codes[np.isfinite(codes)].astype(np.float64)
    if not len(held):
        raise InputError(f"{source} has no number in column {column.name!r}, said to be {column.kind}: leave it out")
    exact = cells.held.astype(np.float64) if cells.numeric else held
    low, high = float(exact.min()), float(exact.max())
    decimals = next((d for d in range(7) if np.allclose(exact, np.round(exact, d), rtol=1e-12, atol=1e-12)), None)
    own = {name: getattr(said, name) for name in ("low", "high", "decimals") if getattr(said, name, None) is not None}
    return replace(column, **{"low": low, "high": high, "decimals": decimals, **own})


def _refuse_levels(column: Column, source: str) -> None:
    least, most = (2, 2) if column.kind == "binary" else (2, 10 * MOST_LEVELS)
    if not least <= len(column.levels) <= most:
        given = f"{source} has {len(column.levels)} levels in column {column.name!r}, said to be {column.kind}"
        raise InputError(
            f"{given}, where {least} to {most} were expected: give it another kind, or leave it out as text"
        )
    word = next((level for level in column.levels if isinstance(level, str)), None)
    if column.kind == "discrete" and word is not None:
        given = f"{source} has the level {word!r} in column {column.name!r}, said to be discrete"
        raise InputError(f"{given}: give numbers")


def _refuse_infinite(name: str, cells: Cells, source: str) -> None:
    wrong = np.flatnonzero(np.abs(cells.values) > 1e38) if cells.numeric else np.zeros(0, int)
    if wrong.size:
        cell = cells.values[wrong[0]]
        given = f"{source} {cells.place(wrong[0])}, column {name!r} is {cell:g}, too large for float32"
        raise InputError(f"{given}, where a finite number was expected: correct it, or leave it empty")


def _refuse_strays(name: str, cells: Cells, source: str) -> None:
    """Raise `InputError` for a column of numbers but for a few words, which are mistakes."""
    words, counts = np.unique(cells.held, return_counts=True)
    stray = np.isnan([as_number(word) for word in words.tolist()])
    if counts[stray].sum() > max(1, STRAY * counts.sum()):
        return
    row = int(np.flatnonzero(np.isin(cells.values, words[stray]) & cells.present)[0])
    word = str(cells.values[row])[:40]
    raise InputError(
        f"{source} {cells.place(row)}, column {name!r} is {word!r} among numbers: correct it, leave it empty, or pass "
        f"--column '{name}=categorical' (or =text, to leave the column out)"
    )
