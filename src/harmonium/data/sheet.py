"""Columns of a table become its features, its labels and its ids: one rule for text, frames and arrays."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from harmonium.data.cells import MISSING
from harmonium.data.labels import listed
from harmonium.data.table import Form, Table
from harmonium.errors import InputError, suggest

ANSWERS = ("label", "labels", "class", "classes", "target", "y", "species", "outcome", "survived")
INDICES = ("", "unnamed: 0", "index", "id", "ids", "rownames", "row.names", "row_id", "rowid")
IDS = re.compile(r".*(_id|Id|ID)")
FEW = 10  # rows from which a column that counts 0, 1, 2, ... or 1, 2, 3, ... is no accident
KEEP = "--label-column none keeps every column as a feature"


class Sheet(NamedTuple):
    """Columns as they lie in a file: numbers of all, and words of those that are not, or not only, numbers."""

    numbers: np.ndarray  # (N, width); of a column of words alone, NaN
    names: tuple[str, ...] = ()  # () without a header
    words: Mapping[int, np.ndarray] = MappingProxyType({})  # by column from 0, (N,) text
    truths: frozenset[int] = frozenset()  # columns of words that mean 0 and 1, as in numbers
    lines: Sequence[int] = ()  # the line of every row in its file, from 1; () where rows have no lines
    unnamed: bool = False  # the first column has no name over it: the names of the rows
    indexed: bool = False  # its first column may number the rows
    levels: Mapping[int, tuple[str, ...]] = MappingProxyType({})  # of columns that know theirs, in order
    notes: tuple[str, ...] = ()

    def called(self, column: int) -> str:
        """Return what a column is called in a message: its number from 1, and its name."""
        name = self.names[column] if self.names else ""
        return f"column {column + 1}" + (f" ({name})" if name else "")


def as_table(
    sheet: Sheet, name: str, source: str, wanted: str | None = None, like: Form | None = None, holes: bool = False
) -> Table:
    """Return the features of a sheet with their labels and ids beside them.

    ``wanted`` is the label column by name or number, or ``"none"``; with ``like``, columns lie as in training rows,
    where the label column may be missing. Raises `InputError` for a feature that holds words, or holes unless
    ``holes`` are meant.
    """
    ids = ids_at(sheet, wanted, like)
    answer = label_at(sheet, wanted, like, ids, source)
    taken = [column for column in (ids, answer) if column is not None]
    if len(taken) == sheet.numbers.shape[1]:
        raise InputError(f"{source} has no column beside its labels and ids: give rows of at least one feature")
    _refuse_words(sheet, taken, source, MISSING if holes else ())
    names = tuple(cell for column, cell in enumerate(sheet.names) if column not in taken)
    return Table(
        array=np.delete(sheet.numbers, taken, axis=1) if taken else sheet.numbers,
        labels=None if answer is None else column_of(sheet, answer),
        name=name,
        source=source,
        names=names if len(set(names)) == len(names) else (),
        ids=ids_of(sheet, ids),
        label_column=said_column(sheet, wanted, answer),
        notes=(*sheet.notes, *_notes(sheet, ids, answer, names, asked=wanted is not None or like is not None)),
    )


def find_column(wanted: str, names: tuple[str, ...], width: int, source: str) -> int:
    """Return the place of a column that is given by its name or by its number from 1."""
    lower = [name.lower() for name in names]
    if wanted in names or wanted.lower() in lower:
        return names.index(wanted) if wanted in names else lower.index(wanted.lower())
    if wanted.isdecimal() and 1 <= int(wanted) <= width:
        return int(wanted) - 1
    known = f"one of {listed(names)}" if names else f"a number from 1 to {width}"
    raise InputError(f"--label-column {wanted} was given where {source} has {known}{suggest(wanted, names)}")


def said_column(sheet: Sheet, wanted: str | None, answer: int | None) -> str:
    """Return the name, or the number from 1, of the column of labels."""
    if answer is None:
        return "none" if wanted == "none" else ""
    return _name(sheet, answer) or str(answer + 1)


def _name(sheet: Sheet, column: int) -> str:
    return sheet.names[column] if sheet.names else ""


def column_of(sheet: Sheet, column: int) -> np.ndarray:
    """Return the cells of a column: its words, or its numbers."""
    return sheet.words[column] if column in sheet.words else sheet.numbers[:, column]


def _plain(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def ids_of(sheet: Sheet, column: int | None) -> np.ndarray | None:
    """Return the ids that a column holds, (N,) text."""
    return None if column is None else np.array([_plain(cell) for cell in column_of(sheet, column).tolist()])


def ids_at(sheet: Sheet, wanted: str | None, like: Form | None) -> int | None:
    """Return the column that numbers or names the rows: the first, if any."""
    if sheet.unnamed:
        return 0
    width, wanted = sheet.numbers.shape[1], "none" if like is not None and like.label_column == "none" else wanted
    if not sheet.indexed or width < 2 or wanted == "none" or (wanted and wanted in (_name(sheet, 0), "1")):
        return None
    if like is not None and width == like.width + 1 and like.label_column in (_name(sheet, 0) or "1", "1"):
        return None
    if sheet.names:
        known = like is not None and sheet.names[0] in like.names
        indexed = sheet.names[0].lower() in INDICES or IDS.fullmatch(sheet.names[0]) or _all_words(sheet)
        return 0 if indexed and not known and len(np.unique(column_of(sheet, 0))) == len(sheet.numbers) else None
    if like is not None and width <= like.width:
        return None
    rows, first = len(sheet.numbers), sheet.numbers[:, 0]
    counts = any(np.array_equal(first, np.arange(start, start + rows)) for start in (0, 1))
    named = _all_words(sheet) and len(np.unique(sheet.words[0])) == rows
    return 0 if named or (counts and (rows >= FEW or like is not None)) else None


def _all_words(sheet: Sheet) -> bool:
    """Say whether no cell of the first column is a number, so that all of them may name the rows."""
    return 0 in sheet.words and bool(np.isnan(sheet.numbers[:, 0]).all()) and not (sheet.words[0] == "").any()


def label_at(sheet: Sheet, wanted: str | None, like: Form | None, ids: int | None, source: str) -> int | None:
    """Return the column that holds the labels, if any."""
    width = sheet.numbers.shape[1]
    if like is not None:
        return _label_like(sheet, like, width - (ids is not None))
    if wanted is not None:
        return None if wanted == "none" else find_column(wanted, sheet.names, width, source)
    found = [i for i in answers_of(sheet) if i != ids and _classed(sheet, i)]
    return min(found, key=lambda i: ANSWERS.index(sheet.names[i].lower()), default=None)


def _notes(sheet: Sheet, ids: int | None, answer: int | None, names: tuple[str, ...], *, asked: bool) -> list[str]:
    """Return what was inferred of the columns; of answers nothing, where it was said which they are."""
    notes = said_of_ids(sheet, ids)
    notes += [] if asked else _said_ofanswers_of(sheet, ids, answer)
    coded = tuple(sheet.called(column) for column in sorted(sheet.truths - {ids, answer}))
    if coded:
        notes.append(f"{listed(coded, 3)}: its words of yes and no are taken as 1 and 0")
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        notes.append(f"several columns are called {twice!r}: names are left out, and columns go by their order")
    return notes


def said_of_ids(sheet: Sheet, ids: int | None) -> list[str]:
    """Return what is to be said of the column that numbers or names the rows, if any."""
    if ids is None:
        return []
    called = sheet.called(ids) + " without a name" * (not _name(sheet, ids))
    verb = "names" if ids in sheet.words else "numbers"
    return [f"{called} {verb} the rows: taken as their ids, not as a feature"]


def answers_of(sheet: Sheet) -> list[int]:
    """Return the columns whose names are those of answers."""
    return [i for i, name in enumerate(sheet.names) if name.lower() in ANSWERS]


def _said_ofanswers_of(sheet: Sheet, ids: int | None, answer: int | None) -> list[str]:
    """Return what is to be said of columns whose names are those of answers."""
    if answer is not None:
        return [f"{sheet.called(answer)} is taken as the labels: {KEEP}"]
    kept = [i for i in answers_of(sheet) if i != ids]
    return [f"{sheet.called(i)} holds numbers of many values, and no classes: it is kept as a feature" for i in kept]


def _label_like(sheet: Sheet, like: Form, width: int) -> int | None:
    if like.label_column in ("", "none") or (sheet.names and like.label_column in like.names):
        return None
    if sheet.names and not like.label_column.isdecimal():
        return sheet.names.index(like.label_column) if like.label_column in sheet.names else None
    return int(like.label_column) - 1 if like.label_column.isdecimal() and width == like.width + 1 else None


def _classed(sheet: Sheet, column: int) -> bool:
    """Say whether a column can be classes: words, or whole numbers of which some return."""
    values = column_of(sheet, column)
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.rint(values))).all():
        return False
    return len(np.unique(values)) <= max(2, len(values) // 2)


def _refuse_words(sheet: Sheet, taken: list[int], source: str, meant: tuple[str, ...]) -> None:
    for column in sorted(set(sheet.words) - sheet.truths - set(taken)):
        empty = np.flatnonzero(np.isnan(sheet.numbers[:, column]))
        row = next((int(row) for row in empty if sheet.words[column][row].lower() not in meant), None)
        if row is None:
            continue
        cell, line = str(sheet.words[column][row]), sheet.lines[row] if sheet.lines else row + 1
        refuse_cell(cell, f"{'line' if sheet.lines else 'row'} {line}, {sheet.called(column)}", column, source)


def refuse_cell(cell: str, place: str, column: int, source: str) -> None:
    """Raise `InputError` for a cell that is no number, with the way out."""
    given = repr(cell.strip()[:40]) if cell.strip() else "empty"
    way = (
        "fill it in, or drop its row or its column"
        if cell.strip().lower() in MISSING
        else f"code words as numbers (columns of words are not handled here yet), or pass --label-column {column + 1} "
        "if these are labels"
    )
    raise InputError(f"{source} {place} is {given} where a number was expected: {way}")
