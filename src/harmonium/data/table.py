"""What a file holds before its values are evaluated, and what may be said about it that it does not say itself."""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

import numpy as np

from harmonium.data.labels import classes
from harmonium.data.schema import Schema
from harmonium.data.values import interpret, is_whole
from harmonium.errors import InputError

PIXEL = re.compile(r"pixel_?\d+(_\d+)?|\d+x\d+", re.IGNORECASE)
SQUARE = 64  # columns from which a square number may be a picture
CLASSES = 20  # different values of an end column that looks like labels beside fractions
PROBED = 1000  # rows that are looked at for columns that look like labels
MANY = 100  # different values that a column of labels may have where nothing says that it is one


class Reading(TypedDict, total=False):
    """How a file is to be read, where it does not say so itself; each is a keyword of what reads it.

    ``levels``: the value that means fully on. ``label_column``: the name or the number, from 1, of the column that
    holds the labels; ``"none"`` keeps every column as a feature. ``shape``: that of one row as a picture, ``"28x28"``.
    ``columns``: kinds of columns by name, ``{"age": "count"}``: the rows are a table, each column of its own kind.
    """

    levels: int | None
    label_column: str | None
    shape: str | None
    columns: Mapping[str, Any] | None


class Form(NamedTuple):
    """The columns that a model was trained on: their names where they have any, their number, and where labels lay."""

    names: tuple[str, ...]
    width: int
    label_column: str
    schema: Schema | None = None  # of a table of columns of their own kinds


def form_of(names: tuple[str, ...], width: int, label_column: str, schema: Schema | None) -> Form:
    """Return the columns that rows must have; of a table all that its file had, those left out of a model too."""
    if schema is None:
        return Form(names, width, label_column)
    return Form(tuple(column.name for column in schema.columns), len(schema.columns), label_column, schema)


class Table(NamedTuple):
    """What a file holds before its values are evaluated."""

    array: np.ndarray  # (N, width) or (N, height, width), any type of number
    labels: np.ndarray | None
    name: str
    source: str
    levels: int | None = None  # where the format itself says it: 255 for pictures
    held_out: int | None = None  # so many last rows are its own test set; None: it has no split of its own
    names: tuple[str, ...] = ()  # of the columns of the array
    ids: np.ndarray | None = None  # (N,), text
    label_column: str = ""  # the name, or the number from 1, of the column that the labels were
    label_names: tuple[str, ...] = ()  # once they are evaluated
    notes: tuple[str, ...] = ()  # what was noticed and done, a sentence each
    schema: Schema | None = None  # of a table of columns of their own kinds, whose array holds their codes
    weights: np.ndarray | None = None  # (N,), of the column that holds them: see `Dataset`


def interpreted(table: Table, *, levels: int | None = None, shape: str | None = None) -> Table:
    """Return a table with its values, its labels and the shape of its rows evaluated; see `Reading`.

    What is found, and not said by whoever gives the table, stands in its notes.
    """
    if table.schema is not None:
        return _interpreted_codes(table, levels, shape)
    pixels = bool(table.names) and all(map(PIXEL.fullmatch, table.names))
    levels = table.levels if levels is None else levels
    if levels is None and pixels and is_whole(table.array):
        levels = level_of(table.array)
    try:
        rows, levels = interpret(table.array, table.source, levels)
    except InputError as error:
        raise InputError(str(error) + "".join(f"; {hint}" for hint in _answer(table))) from None
    found, notes = _shape(table, shape, pixels, levels), [*table.notes]
    if shape is None and found != table.array.shape[1:]:
        notes.append(f"the columns {table.names[0]} to {table.names[-1]} are taken as pictures of {_said(found)}")
    if pixels and table.levels is None and levels > 1:
        notes.append(f"the columns are called pixels: taken as gray levels 0 to {levels}")
    if table.labels is None and not table.label_column:
        notes += _answer(table) or (_class_column(rows, table.names) if levels == 0 else [])
    labels, names = (None, ()) if table.labels is None else classes(table.labels, len(rows), table.source)
    return table._replace(
        array=rows.reshape(len(rows), *found), labels=labels, label_names=names, levels=levels, notes=tuple(notes)
    )


def _interpreted_codes(table: Table, levels: int | None, shape: str | None) -> Table:
    for option, given in (("--levels", levels), ("--shape", shape)):
        if given:
            raise InputError(
                f"{option} {given} was given where {table.source} is a table of mixed columns: leave it out"
            )
    labels, names = (None, ()) if table.labels is None else classes(table.labels, len(table.array), table.source)
    return table._replace(labels=labels, label_names=names, levels=0)


def level_of(rows: np.ndarray) -> int | None:
    """Return the value that means fully on in whole numbers that are pixels: 1, 16, 255 or none."""
    low, high = rows.min(), rows.max()
    return next((top for top in (1, 16, 255) if high <= top), None) if low >= 0 else None


def _shape(table: Table, shape: str | None, pixels: bool, levels: int) -> tuple[int, ...]:
    """Return the shape of one row: as given, as its names say, or as it came."""
    own = table.array.shape[1:]
    if shape is not None:
        if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", shape):
            raise InputError(f"--shape {shape} was given where numbers such as 28x28 were expected: height x width")
        found = tuple(map(int, shape.split("x")))
        if math.prod(found) != math.prod(own):
            raise InputError(f"--shape {shape} was given where a row of {table.source} has {_said(own)} values")
        return found
    side = math.isqrt(math.prod(own))
    return (side, side) if pixels and len(own) == 1 and side > 1 and side**2 == own[0] else own


def _said(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _answer(table: Table) -> list[str]:
    """Return a hint at a first or last column that looks like labels beside a square picture, where there is one."""
    if table.array.ndim != 2 or table.names:
        return []
    width = table.array.shape[1]
    side = math.isqrt(max(0, width - 1))
    if side**2 != width - 1 or width <= SQUARE:
        return []
    found = next((i for i in (0, width - 1) if _few(table.array[:, i])), None)
    if found is None:
        return []
    return [
        f"column {found + 1} looks like labels beside {side}×{side} pixels: pass --label-column {found + 1} --shape "
        f"{side}x{side}, or --label-column none"
    ]


def answers(rows: np.ndarray, names: tuple[str, ...], most: int = 5) -> list[str]:
    """Return the columns that look like labels, by name or by number from 1; none where most columns do."""
    some = rows[:PROBED]
    found = [i for i in range(some.shape[1]) if _few(some[:, i])]
    alike = len(found) > max(1, some.shape[1] // 2)
    return [] if alike else [f"{i + 1} ({names[i]})" if names else str(i + 1) for i in found[-most:]]


def _class_column(rows: np.ndarray, names: tuple[str, ...]) -> list[str]:
    """Return a hint at a first or last column of few whole numbers beside fractions, where there is one."""
    ends = (rows.shape[1] - 1, 0) if rows.shape[1] > 1 else ()
    found = next((i for i in ends if len(np.unique(rows[:PROBED, i])) <= CLASSES and _few(rows[:PROBED, i])), None)
    if found is None or any(is_whole(rows[:PROBED, i]) for i in range(rows.shape[1]) if i != found):
        return []
    called = names[found] if names else str(found + 1)
    return [f"column {called} looks like labels: --label-column {called} takes it as these"]


def _few(values: np.ndarray) -> bool:
    return is_whole(values) and 2 <= len(np.unique(values)) <= min(MANY, len(values) // 2)
