"""What the columns of a table are, and their cells as codes and back."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harmonium.data.cells import Cells, Level, as_dates, as_days, as_number, cells_of, plain
from harmonium.data.labels import listed
from harmonium.errors import InputError, suggest

LEVELED = ("binary", "categorical")
NUMERIC = ("discrete", "count", "real", "zero-inflated", "date")
LEFT_OUT = ("constant", "identifier", "text", "weight")
KINDS = (*LEVELED, *NUMERIC, *LEFT_OUT)


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, its kind, and what its cells may be.

    ``binary`` and ``categorical`` columns have ``levels`` in order; ``discrete`` (numbers among ``levels``), ``count``,
    ``real``, ``zero-inflated`` (real, and often exactly 0) and ``date`` ones lie between ``low`` and ``high``, and are
    written with so many ``decimals`` (None: as many as they have). ``constant``, ``identifier`` and ``text`` columns
    are left out, for the ``reason``, and so is the one ``weight``, which says how much each row counts in training.

    Example:
        >>> from harmonium.data import Column
        >>> sex = Column("sex", "binary", ("female", "male"))
        >>> sex.codes(["male", "", "female"]).tolist()
        [1.0, nan, 0.0]
    """

    name: str
    kind: str
    levels: tuple[Level, ...] = ()
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    reason: str = ""

    @property
    def modeled(self) -> bool:
        """Whether the column is a part of the model."""
        return self.kind not in LEFT_OUT

    @property
    def leveled(self) -> bool:
        """Whether a code is the number of a level, and no number itself."""
        return self.kind in LEVELED

    def codes(self, cells: Any, source: str = "the rows") -> np.ndarray:
        """Return cells, (N,), as float32 codes: the number of a level, the number itself, NaN for an empty cell.

        Raises `InputError` for a cell that the column does not take, with its row.
        """
        found = cells_of(cells, self.levels)
        codes = self._places(found) if self.leveled else self._numbers(found)
        wrong = np.flatnonzero(found.present & ~np.isfinite(codes))
        if len(wrong):
            given = str(_word(found.values[wrong[0]]))[:40]
            place = f"{source} {found.place(wrong[0])}, column {self.name!r}"
            raise InputError(f"{place} is {given!r} where {self.takes} was expected: correct it, or leave it empty")
        return codes.astype(np.float32)

    @property
    def takes(self) -> str:
        """What its cells may be, in words."""
        if self.leveled:
            return listed(tuple(map(str, self.levels)))
        if self.kind == "count":
            return f"a whole number from 0 to {self.high:g}"
        return "a date such as 2024-02-29" if self.kind == "date" else "a number"

    def words(self, codes: np.ndarray) -> np.ndarray:
        """Return codes, (N,), in the words and numbers of the column; an empty cell is None."""
        there = np.isfinite(codes)
        found = np.full(len(codes), None, dtype=object)
        held = codes[there].astype(np.float64)
        if self.leveled:
            found[there] = np.array([*self.levels, None], dtype=object)[np.rint(held).astype(int)]
        elif self.kind == "date":
            found[there] = as_dates(np.rint(held) if self.decimals == 0 else held)
        else:
            found[there] = held if self.decimals is None else np.round(held, self.decimals)
            whole = self.decimals == 0 and there.all()
            return found.astype(np.float64).astype(np.int64) if whole else found.astype(np.float64)
        return found

    def _places(self, found: Cells) -> np.ndarray:
        """Return the numbers of levels, NaN for what is none; levels of numbers are compared as numbers."""
        by_number = all(not isinstance(level, str) for level in self.levels)
        keys = np.array([as_number(str(level)) if by_number else str(level) for level in self.levels])
        given = found.values
        if by_number and not found.numeric:
            given = np.array([as_number(str(cell)) for cell in given.tolist()])
        elif found.numeric and not by_number:
            given = np.array([str(_word(cell)) for cell in given.tolist()])
        order = np.argsort(keys, kind="stable")
        place = np.searchsorted(keys[order], given).clip(max=len(keys) - 1)
        return np.where((keys[order][place] == given) & found.present, order[place], np.nan)

    def _numbers(self, found: Cells) -> np.ndarray:
        if self.kind == "date":
            return as_days(found.values.astype(str))
        if not found.numeric:
            return np.array([as_number(str(cell)) for cell in found.values.tolist()])
        if self.kind != "count":
            return np.where(np.abs(found.values) < 1e38, found.values, np.nan)
        whole = (found.values >= 0) & (found.values == np.rint(found.values))
        return np.where(whole & (found.values <= (self.high or np.inf)), found.values, np.nan)

    def __str__(self) -> str:
        """Return the column in one line."""
        if not self.modeled:
            return f"{self.kind}: left out, {self.reason}" if self.reason else f"{self.kind}: left out"
        if self.leveled:
            return f"{self.kind}: {listed(tuple(map(str, self.levels)), 8)}"
        ends = (
            as_dates(np.array([self.low, self.high]))
            if self.kind == "date"
            else (f"{self.low:.9g}", f"{self.high:.9g}")
        )
        among = f"{len(self.levels)} numbers from " * (self.kind == "discrete")
        return f"{self.kind}: {among}{ends[0]} to {ends[1]}"


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in its order; rows of codes hold those that are ``modeled``.

    ``holes`` says how many cells of each column were empty where it was inferred.

    Example:
        >>> from harmonium.data import Column, Schema
        >>> schema = Schema((Column("n", "count", low=0, high=4), Column("sex", "binary", ("f", "m"))))
        >>> schema.words(schema.codes({"sex": ["m", "f"], "n": [3, 0]}))["sex"].tolist()
        ['m', 'f']
    """

    columns: tuple[Column, ...]
    holes: tuple[int, ...] = field(default=(), compare=False)

    @cached_property
    def modeled(self) -> tuple[Column, ...]:
        """The columns that are a part of the model."""
        return tuple(column for column in self.columns if column.modeled)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that are modeled."""
        return tuple(column.name for column in self.modeled)

    def __getitem__(self, name: str) -> Column:
        """Return a column by its name; raises `InputError` for one that is not there."""
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            names = tuple(column.name for column in self.columns)
            raise InputError(f"there is no column {name!r} in {listed(names)}: give one{suggest(name, names)}")
        return found

    def codes(self, columns: Mapping[str, Any], source: str = "the table") -> np.ndarray:
        """Return columns by name, (N,) each, as rows of codes, (N, modeled); a column that is absent is empty."""
        held = {c.name: cells_of(columns[c.name], c.levels) for c in self.modeled if c.name in columns}
        if not held:
            raise InputError(f"{source} has none of the columns {listed(self.names)}: give some of them")
        rows = len(next(iter(held.values())).values)
        empty = np.full(rows, np.nan, np.float32)
        found = [c.codes(held[c.name], source) if c.name in held else empty for c in self.modeled]
        return np.ascontiguousarray(np.stack(found, 1))

    def words(self, codes: np.ndarray) -> dict[str, np.ndarray]:
        """Return rows of codes, (N, modeled), as columns by name, in the file's own words and numbers."""
        return {column.name: column.words(codes[:, i]) for i, column in enumerate(self.modeled)}

    # As text ----------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the columns by name, as JSON and YAML hold them."""
        return {column.name: _told(column) for column in self.columns}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Schema":
        """Return the schema of what `to_dict` gave."""
        return cls(tuple(said_of(name, told) for name, told in found.items()))

    def yaml(self) -> str:
        """Return the schema as the text of a YAML file, which ``--schema`` reads."""
        import yaml

        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)

    def __str__(self) -> str:
        """Return a line for every column."""
        wide = max(len(column.name) for column in self.columns)
        holes = self.holes or (0,) * len(self.columns)
        lines = [f"{c.name:{wide}}  {c}" + f"; {n} empty" * bool(n) for c, n in zip(self.columns, holes, strict=True)]
        return "\n".join(lines)


def said_of(name: str, told: Any) -> Column:
    """Return what is said of a column: its kind, or a mapping with ``kind``, ``levels``, ``low``, ``high``, ..."""
    found = {"kind": told} if isinstance(told, str) else told
    wanted = f"column {name!r} is given as {told!r} where a kind ({', '.join(KINDS)})"
    if not isinstance(found, Mapping) or not set(found) <= {"kind", "levels", "low", "high", "decimals", "reason"}:
        raise InputError(f"{wanted}, or a mapping of kind, levels, low, high and decimals, was expected: correct it")
    if found.get("kind") not in KINDS:
        raise InputError(f"{wanted} was expected{suggest(str(found.get('kind')), KINDS)}: give one")
    levels = found.get("levels") or ()
    if not isinstance(levels, list | tuple) or len({str(level) for level in levels}) < len(levels):
        raise InputError(f"column {name!r} has the levels {levels!r} where a list of different ones was expected")
    plainly = tuple(str(level) if isinstance(level, bool) else level for level in levels)
    return Column(str(name), **{**found, "levels": plainly})


def read_schema(path: str | Path) -> dict[str, Any]:
    """Return what a YAML file says of columns: a kind by name, or a mapping; raises `InputError` where it is none."""
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(
            f"{path} is no readable YAML ({' '.join(str(error).split())}): give columns and kinds"
        ) from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__} where columns and kinds were expected: 'age: count'")
    return {str(name): told for name, told in found.items()}


def kinds_of(said: Iterable[str]) -> dict[str, Any]:
    """Return what words such as ``age=count`` or ``size={kind: categorical, levels: [S, M, L]}`` say of columns."""
    import yaml

    found = {}
    for word in said:
        name, _, told = word.partition("=")
        if not name.strip() or not told.strip():
            raise InputError(f"{word!r} was given where NAME=KIND was expected: such as age=count")
        try:
            found[name.strip()] = yaml.safe_load(told)
        except yaml.YAMLError:
            raise InputError(f"{word!r} was given where NAME=KIND was expected: such as age=count") from None
    return found


def _told(column: Column) -> dict[str, Any]:
    told = {name: value for name, value in asdict(column).items() if name != "name" and value not in (None, "", ())}
    return told | ({"levels": list(column.levels)} if column.levels else {})


def _word(cell: Any) -> Any:
    return plain(cell) if isinstance(cell, float) and cell == cell else cell
