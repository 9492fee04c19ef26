"""What is in a file, and what is wrong with it, before anything is trained on it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harmonium.data.dataset import Table, flatten, interpret, kind, tidy_labels
from harmonium.data.sources import open_table, pick
from harmonium.errors import InputError

UNITS = {"binary": "bernoulli", "gray": "bernoulli", "spin": "spin", "real": "gaussian", "unclear": "unclear"}


@dataclass(frozen=True)
class DataReport:
    """What ``check`` saw; nothing stands in the way of training where ``problems`` is empty."""

    name: str
    source: str
    rows: int
    width: int
    shape: tuple[int, ...]
    dtype: str
    minimum: float  # of the finite values
    maximum: float
    kind: str  # "binary", "gray", "spin", "real"; "unclear" where no reading fits
    units: str  # the visible units that fit: "bernoulli", "spin", "gaussian"; "unclear"
    binarize: str  # what to pass as --binarize
    constant_columns: int
    zero_rows: int
    duplicate_rows: int  # rows that repeat an earlier one
    classes: dict[int, int] | None  # rows a label; None without labels
    problems: list[str] = field(default_factory=list)  # what is wrong and what to do, a line each
    notes: list[str] = field(default_factory=list)


def check(name_or_path: str | Path, *, data_dir: str | Path | None = None, levels: int | None = None) -> DataReport:
    """Look at every row of a file, or at the training rows of a named set, and say what does not fit.

    Values that cannot be trained on (NaN, unscaled gray levels, too few rows) are told in ``problems``; a
    file that holds no table of numbers raises ``InputError``, as in ``load``.
    """
    table = open_table(name_or_path, "train", data_dir=data_dir)
    flat = flatten(table.array, table.source)
    problems = _holes(flat, table.source)
    whole = np.isfinite(flat).all(axis=1) if problems else np.ones(len(flat), bool)
    rows, word = _meaning(table, whole, levels, problems)
    classes = _classes(table, problems)
    _count_rows(table, problems)
    finite = flat[np.isfinite(flat)] if problems else flat
    constant, zero = int((flat == flat[0]).all(axis=0).sum()), int((~flat.any(axis=1)).sum())
    repeated = len(flat) - len({hashlib.blake2b(row, digest_size=16).digest() for row in flat})
    return DataReport(
        name=table.name,
        source=table.source,
        rows=len(flat),
        width=flat.shape[1],
        shape=table.array.shape[1:],
        dtype=str(table.array.dtype),
        minimum=float(finite.min()) if finite.size else float("nan"),
        maximum=float(finite.max()) if finite.size else float("nan"),
        kind=word,
        units=UNITS[word],
        binarize="threshold" if word == "gray" else "none",
        constant_columns=constant,
        zero_rows=zero,
        duplicate_rows=repeated,
        classes=classes,
        problems=problems,
        notes=_notes(rows, word, flat.shape, constant, zero, repeated, classes),
    )


def _holes(flat: np.ndarray, where: str) -> list[str]:
    holes = ~np.isfinite(flat)
    if not holes.any():
        return []
    row, column = np.unravel_index(int(holes.argmax()), flat.shape)
    columns = np.flatnonzero(holes.any(axis=0)) + 1
    listed = ", ".join(map(str, columns[:8])) + (", ..." if len(columns) > 8 else "")
    return [
        f"{where} holds {int(holes.sum())} NaN or infinite values, the first in row {row + 1}, column "
        f"{column + 1}, {len(columns)} columns affected ({listed}; counted from 1): fill them in, or drop "
        f"the {int(holes.any(axis=1).sum())} rows that hold them"
    ]


def _meaning(table: Table, whole: np.ndarray, levels: int | None, problems: list[str]) -> tuple[np.ndarray | None, str]:
    """Settle the rows without holes; where that fails, say why and take the reading probably meant."""
    if not whole.any():
        return None, "unclear"
    array = table.array if whole.all() else table.array[whole]
    told = False
    for reading in (table.levels if levels is None else levels, 255, 0):
        try:
            rows, settled = interpret(array, table.source, reading)
            return rows, kind(rows, settled)
        except InputError as error:
            problems.extend([] if told else [str(error)])
            told = True
    return None, "unclear"


def _classes(table: Table, problems: list[str]) -> dict[int, int] | None:
    if table.labels is None:
        return None
    try:
        labels = tidy_labels(table.labels, len(table.array), table.source)
    except InputError as error:
        problems.append(str(error))
        return None
    values, counts = np.unique(labels, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}


def _count_rows(table: Table, problems: list[str]) -> None:
    try:
        pick(len(table.array), table.held_out, "train", table.source)
    except InputError as error:
        problems.append(str(error))


def _notes(
    rows: np.ndarray | None,
    word: str,
    shape: tuple[int, ...],
    constant: int,
    zero: int,
    repeated: int,
    classes: dict[int, int] | None,
) -> list[str]:
    said = {
        f"{constant} of {shape[1]} columns never change: they carry no information": constant,
        f"{zero} of {shape[0]} rows are all zero": zero,
        f"{repeated} of {shape[0]} rows repeat an earlier row": repeated,
        "gray levels: 'threshold' gives the same zeros and ones each time, 'sample' new ones": word == "gray",
        "all rows have one label": classes is not None and len(classes) == 1,
    }
    return [line for line, holds in said.items() if holds] + _scales(rows, word)


def _scales(rows: np.ndarray | None, word: str) -> list[str]:
    if rows is None or word != "real":
        return []
    means, spreads = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    if np.abs(means).max() < 0.1 and np.abs(spreads[spreads > 0] - 1).max(initial=0) < 0.1:
        return []
    return [
        f"columns have means {means.min():.3g} to {means.max():.3g} and standard deviations "
        f"{spreads.min():.3g} to {spreads.max():.3g}: gaussian units learn best from columns of mean 0 and "
        "deviation 1"
    ]
