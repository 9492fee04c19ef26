"""A sheet of words, numbers and holes becomes a table of codes with its schema."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from harmonium.data.cells import Cells, cells_of
from harmonium.data.inference import infer
from harmonium.data.labels import listed
from harmonium.data.schema import Schema
from harmonium.data.sheet import (
    Sheet,
    answers_of,
    as_table,
    column_of,
    ids_at,
    ids_of,
    label_at,
    said_column,
    said_of_ids,
)
from harmonium.data.table import Form, Table
from harmonium.data.weights import weights_of
from harmonium.errors import InputError


def table_of(
    sheet: Sheet,
    name: str,
    source: str,
    wanted: str | None = None,
    like: Form | None = None,
    holes: bool = False,
    columns: Mapping[str, Any] | None = None,
) -> Table:
    """Return a sheet as `as_table` does, or as codes with a schema.

    So is a sheet of words or of holes, one of whose ``columns`` something is said, and new rows of such a table.
    """
    ids = ids_at(sheet, wanted, like)
    asked = columns is not None or sheet.levels
    if like is None and not asked and not _is_mixed(sheet, ids, label_at(sheet, wanted, like, ids, source)):
        return as_table(sheet, name, source, wanted, like, holes)
    if like is not None and like.schema is None:
        return as_table(sheet, name, source, wanted, like, holes)
    answer = label_at(sheet, wanted or "none", like, ids, source)
    rest = [column for column in range(sheet.numbers.shape[1]) if column not in (ids, answer)]
    if not rest:
        raise InputError(f"{source} has no column beside its labels and ids: give rows of at least one feature")
    names, notes = _named(sheet, rest, like)
    weights = None
    if like is not None and like.schema is not None:
        schema, more = like.schema, _unlike(names, like.schema, source)
        codes = schema.codes(_cells(sheet, names, rest, {c.name: c.levels for c in schema.columns}), source)
    else:
        said = _categories(sheet, names, rest) | dict(columns or {})
        cells = _cells(sheet, names, rest, {name: _levels(told) for name, told in said.items()})
        schema = infer(cells, said, source)
        codes, more = schema.codes(cells, source), [*_notes(schema, len(sheet.numbers), source)]
        more += [] if wanted else [_kept(sheet, i) for i in answers_of(sheet) if i in rest]
        weights = _weights(schema, cells, source)
    return Table(
        array=codes,
        labels=None if answer is None else column_of(sheet, answer),
        name=name,
        source=source,
        names=schema.names,
        ids=ids_of(sheet, ids),
        label_column=said_column(sheet, wanted, answer),
        notes=(*sheet.notes, *said_of_ids(sheet, ids), *notes, *more),
        schema=schema,
        weights=weights,
    )


def _is_mixed(sheet: Sheet, *taken: int | None) -> bool:
    """Say whether a column that is no label and no id holds words, or holes."""
    if set(sheet.words) - sheet.truths - set(taken):
        return True
    rest = [column for column in range(sheet.numbers.shape[1]) if column not in taken and column not in sheet.words]
    return sheet.numbers.dtype.kind == "f" and bool(np.isnan(sheet.numbers[:, rest]).any())


def _named(sheet: Sheet, columns: list[int], like: Form | None) -> tuple[list[str], list[str]]:
    """Return a name for each column, different from all others, and what is to be said of it."""
    if not sheet.names:
        known = like.schema.columns if like is not None and like.schema is not None else ()
        own = [column.name for column in known] if len(known) == len(columns) else []
        return own or [f"column{column + 1}" for column in columns], []
    found: list[str] = []
    for column in columns:
        name = sheet.names[column] or f"column{column + 1}"
        before = sum(sheet.names[one] == name for one in columns if one < column)
        found.append(f"{name}.{before}" if before else name)
    again = next((name for name, count in Counter(sheet.names).items() if count > 1), "")
    note = f"several columns are called {again!r}: those behind the first are taken as {again}.1 and so on"
    return found, [note] if again else []


def _cells(sheet: Sheet, names: list[str], columns: list[int], known: Mapping[str, Any]) -> dict[str, Cells]:
    """Return the cells of columns, by name; ``known`` are the levels that some have."""
    found = {}
    for name, column in zip(names, columns, strict=True):
        numbers, own = sheet.numbers[:, column].astype(np.float64), known.get(name, ())
        words = sheet.words.get(column)
        given = (numbers, own) if words is None else (words, own, None if column in sheet.truths else numbers)
        found[name] = cells_of(*given)._replace(lines=sheet.lines)
    return found


def _categories(sheet: Sheet, names: list[str], columns: list[int]) -> dict[str, Any]:
    """Return what a frame says of its columns of categories."""
    own = {name: sheet.levels.get(column, ()) for name, column in zip(names, columns, strict=True)}
    kinds = {0: "", 1: "", 2: "binary"}
    told = {name: (kinds.get(len(levels), "categorical"), levels) for name, levels in own.items()}
    return {name: {"kind": kind, "levels": [*levels]} for name, (kind, levels) in told.items() if kind}


def _weights(schema: Schema, cells: Mapping[str, Cells], source: str) -> np.ndarray | None:
    """Return the weights of rows that one column holds; `InputError` for two such columns, or words in one."""
    own = tuple(column.name for column in schema.columns if column.kind == "weight")
    if len(own) > 1:
        raise InputError(f"{source} has the columns {listed(own)} as weights where one was expected: drop the rest")
    return weights_of(cells[own[0]].values, len(cells[own[0]].values), f"{source}, column {own[0]!r},") if own else None


def _levels(told: Any) -> tuple[Any, ...]:
    return tuple(told.get("levels") or ()) if isinstance(told, Mapping) else ()


def _unlike(names: list[str], schema: Schema, source: str) -> list[str]:
    """Return what is to be said of columns that new rows lack; `InputError` for one that the schema does not know."""
    known = tuple(column.name for column in schema.columns)
    strange = tuple(name for name in names if name not in known)
    if strange:
        given = f"{source} has {listed(strange)} too many, where the columns of the model are {listed(known)}"
        raise InputError(f"{given}: leave it out, or name the columns as they were")
    absent = tuple(name for name in schema.names if name not in names)
    return [f"{source} has no column {listed(absent)}: its cells are taken as empty"] if absent else []


def _notes(schema: Schema, rows: int, source: str) -> list[str]:
    counts = Counter(column.kind for column in schema.columns)
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    empty, cells = sum(schema.holes), rows * len(schema.columns)
    holes = f"; {empty} of {cells} cells, in {sum(map(bool, schema.holes))} columns, are empty" * bool(empty)
    left = [column for column in schema.columns if not column.modeled]
    return [f"{source} is read as a table of columns of their own kinds ({kinds}){holes}"] + [
        f"column {column.name!r} is left out: {column.kind}, {column.reason}" for column in left
    ]


def _kept(sheet: Sheet, column: int) -> str:
    name = sheet.names[column]
    return f"{sheet.called(column)} is a column like others: --label-column {name} takes it as the labels"
