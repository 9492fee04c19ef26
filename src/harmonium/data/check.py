"""What is in a file, and what is wrong with it, before anything is trained on it."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, Unpack

import numpy as np

from harmonium.arguments import checked
from harmonium.data.labels import classes
from harmonium.data.sources import open_table
from harmonium.data.splits import pick
from harmonium.data.table import Reading, Table, interpreted
from harmonium.data.values import flatten, kind
from harmonium.errors import InputError

T = TypeVar("T")

UNITS = {
    "table": "table",
    "binary": "bernoulli",
    "gray": "bernoulli",
    "spin": "spin",
    "real": "gaussian",
    "unclear": "unclear",
}


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
    classes: dict[str, int] | None  # rows of every class; None without labels
    schema: dict[str, str] | None = None  # the columns of a table, each in a line
    problems: list[str] = field(default_factory=list)  # what is wrong and what to do, a line each
    notes: list[str] = field(default_factory=list)


@checked
def check(name_or_path: str | Path, *, data_dir: str | Path | None = None, **reading: Unpack[Reading]) -> DataReport:
    """Look at every row of a file, or at the training rows of a named set, and say what does not fit.

    What ``load`` would refuse (NaN, unscaled gray levels, too few rows) is told in ``problems``, in the same words; a
    file that holds no table of numbers raises ``InputError``, as in ``load``.
    """
    asked: Any = {"label_column": reading.get("label_column"), "columns": reading.get("columns")}
    table = open_table(name_or_path, "train", data_dir=data_dir, **asked)
    flat = flatten(table.array, table.source)
    found, problems = _interpreted(table, reading)
    classes = None if found.labels is None else _counts(found)
    _refused(problems, lambda: pick(len(flat), table.held_out, "train", table.source, found.labels))
    word = "table" if table.schema else "unclear"
    if found.levels is not None and not table.schema:
        word = kind(found.array.reshape(len(found.array), -1), found.levels)
    holes = ~np.isfinite(flat)
    finite = flat[~holes] if holes.any() else flat
    constant, zero = int((flat == flat[0]).all(axis=0).sum()), int((~flat.any(axis=1)).sum())
    repeated = len(flat) - len({hashlib.blake2b(row, digest_size=16).digest() for row in flat})
    return DataReport(
        name=table.name,
        source=table.source,
        rows=len(flat),
        width=flat.shape[1],
        shape=found.array.shape[1:],
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
        schema={column.name: str(column) for column in table.schema.columns} if table.schema else None,
        problems=problems,
        notes=[*found.notes, *_notes(found, word, flat.shape, constant, zero, repeated, classes)],
    )


def _refused(problems: list[str], act: Callable[[], T]) -> T | None:
    """Return what an act gives, or nothing where it is refused, and enter why."""
    try:
        return act()
    except InputError as error:
        problems.append(str(error))
        return None


def _interpreted(table: Table, reading: Reading) -> tuple[Table, list[str]]:
    """Return a table evaluated as `load` would, and the problems; what does not fit as it was probably meant."""
    problems: list[str] = []
    levels, shape = reading.get("levels"), reading.get("shape")
    plain = table._replace(labels=None)
    found = _refused(problems, lambda: interpreted(plain, levels=levels, shape=shape)) or _probable(table, levels)
    labels = table.labels
    named = None if labels is None else _refused(problems, lambda: classes(labels, len(table.array), table.source))
    return found if named is None else found._replace(labels=named[0], label_names=named[1]), problems


def _probable(table: Table, levels: int | None) -> Table:
    """Return the rows without holes in the reading that was probably meant, without levels where none fits."""
    whole = np.isfinite(table.array.reshape(len(table.array), -1)).all(axis=1)
    part = table._replace(array=table.array if whole.all() else table.array[whole], labels=None)
    for reading in (table.levels if levels is None else levels, 255, 0):
        with suppress(InputError):
            return interpreted(part, levels=reading)
    return table._replace(labels=None, levels=None)


def _counts(table: Table) -> dict[str, int]:
    assert table.labels is not None
    return dict(
        zip(table.label_names, np.bincount(table.labels, minlength=len(table.label_names)).tolist(), strict=True)
    )


def _notes(
    table: Table,
    word: str,
    shape: tuple[int, ...],
    constant: int,
    zero: int,
    repeated: int,
    classes: dict[str, int] | None,
) -> list[str]:
    said = {
        f"{constant} of {shape[1]} columns never change: they carry no information": constant,
        f"{zero} of {shape[0]} rows are all zero": zero,
        f"{repeated} of {shape[0]} rows repeat an earlier row": repeated,
        "gray levels: 'threshold' gives the same zeros and ones each time, 'sample' new ones": word == "gray",
        "all rows have one label": classes is not None and len(classes) == 1,
    }
    return [line for line, holds in said.items() if holds] + _scales(table.array, word)


def _scales(rows: np.ndarray, word: str) -> list[str]:
    if word != "real":
        return []
    means, spreads = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    if np.abs(means).max() < 0.1 and np.abs(spreads[spreads > 0] - 1).max(initial=0) < 0.1:
        return []
    return [
        f"columns have means {means.min():.3g} to {means.max():.3g} and standard deviations "
        f"{spreads.min():.3g} to {spreads.max():.3g}: gaussian units learn best from columns of mean 0 and "
        "deviation 1"
    ]
