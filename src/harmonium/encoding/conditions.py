"""Conditions on columns, in the words and numbers of the rows: ``sex=female, age>=60``."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data import Column, listed
from ..errors import InputError, suggest
from ..units import Condition
from .encoder import Encoder

SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "=": operator.eq, "<": operator.lt, ">": operator.gt
}  # fmt: skip
SIGN = re.compile(r"\s*(<=|>=|!=|=|<|>)\s*")
VALUE = re.compile(r"""\s*(\{[^}]*\}|"[^"]*"|'[^']*'|[^,]*?)\s*(?:,|$)""")
WANTED = "conditions such as 'sex=female, age>=60, color={red|blue}' were expected"
Given = str | Mapping[str, Any]


class Clause(NamedTuple):
    """One condition as it was written: a column, a sign, and the value or, of a set, the values."""

    name: str
    sign: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        """Return the condition as it is written."""
        several = "{" + "|".join(self.values) + "}"
        return f"{self.name}{self.sign}{several if len(self.values) > 1 else self.values[0]}"

    def holds(self, word: Any) -> bool:
        """Say whether a level or a number meets the condition."""
        if self.sign in ("=", "!="):
            return any(_same(word, value) for value in self.values) == (self.sign == "=")
        return SIGNS[self.sign](_number(word, self), _number(self.values[0], self))


def conditions(encoder: Encoder, given: Given) -> list[Condition]:
    """Return what conditions on columns ask of the sites of a state.

    ``given`` is text, ``"sex=female, age>=60"``, or maps columns to a value, a list of values, or a sign and a value
    such as ``">=60"``.  A number that is written with so many decimals stands for all that are rounded to it.

    Raises:
        InputError: for a column or a level that is not known, for a sign that says nothing of a column, and where no
            value is left; in one line that names the column.
    """
    names = encoder.names or tuple(f"column{i + 1}" for i in range(encoder.columns))
    clauses = parse_conditions(given, names) if isinstance(given, str) else _mapped(given, names)
    visible = encoder.units()
    found = []
    for name in dict.fromkeys(clause.name for clause in clauses):
        own, place = [clause for clause in clauses if clause.name == name], names.index(name)
        columns = torch.arange(visible.width)[encoder.cells[place]]
        site = visible.select(columns)
        if site.count < math.inf:
            made = _chosen(encoder, place, own, site.states())
        else:
            made = _ranged(encoder, place, own, len(columns) > 1)
        if made is None:
            column = _column(encoder, place)
            known = "" if column is None else f", which is {column}"
            raise InputError(f"{', '.join(map(str, own))} leaves no value of {name!r}{known}: change the condition")
        found.append(made._replace(columns=columns))
    return found


def parse_conditions(text: str, names: Sequence[str]) -> list[Clause]:
    """Return the conditions of a text, separated by commas: a column, a sign, and a value, {a|b} or "quoted"."""
    found, rest = [], text.strip()
    while rest:
        name = max(
            (name for name in names if SIGN.match(rest, len(name)) and rest.startswith(name)), key=len, default=""
        )
        if not name:
            first = SIGN.split(rest, maxsplit=1)[0].strip()
            known = f"there is no column {first!r} in {listed(tuple(names))}" if SIGN.search(rest) else repr(rest)
            raise InputError(f"{known}, where {WANTED}{suggest(first, names)}")
        sign = SIGN.match(rest, len(name))
        value = VALUE.match(rest, sign.end()) if sign else None
        if sign is None or value is None or not value[1]:
            raise InputError(f"{text!r} was given where {WANTED}")
        found.append(_clause(name, sign[1], _values(value[1])))
        rest = rest[value.end() :].strip()
    if not found:
        raise InputError(f"no condition was given where {WANTED}")
    return found


def _values(text: str) -> tuple[str, ...]:
    if text[0] == "{":
        return tuple(word.strip() for word in text[1:-1].split("|"))
    return (text[1:-1] if len(text) > 1 and text[0] in "\"'" else text,)


def _clause(name: str, sign: str, values: tuple[str, ...]) -> Clause:
    clause = Clause(name, sign, values)
    if sign not in ("=", "!=") and len(values) != 1:
        raise InputError(f"{clause} compares with several values: give one, or = and !=")
    return clause


def _mapped(given: Mapping[str, Any], names: Sequence[str]) -> list[Clause]:
    found = []
    for name, told in given.items():
        if name not in names:
            raise InputError(f"there is no column {name!r} in {listed(tuple(names))}{suggest(str(name), names)}")
        sign = SIGN.match(told) if isinstance(told, str) else None
        several = isinstance(told, list | tuple | set | frozenset)
        values = tuple(map(str, told)) if several else (told[sign.end() :] if sign else str(told),)
        found.append(_clause(name, sign[1] if sign else "=", values))
    return found


def _same(word: Any, value: str) -> bool:
    if str(word) == value:
        return True
    try:
        return float(word) == float(value)
    except ValueError:
        return False


def _number(word: Any, clause: Clause) -> float:
    try:
        return float(word)
    except ValueError:
        raise InputError(
            f"{clause} compares with {str(word)!r}, which is no number: give = or != and levels of {clause.name!r}"
        ) from None


def _column(encoder: Encoder, place: int) -> Column | None:
    schema = getattr(encoder, "schema", None)
    return None if schema is None else schema.modeled[place]


def _chosen(encoder: Encoder, place: int, clauses: list[Clause], states: Tensor) -> Condition | None:
    """Return the states of a site whose words meet the conditions."""
    column = _column(encoder, place)
    if column is not None and column.levels:
        words: list[Any] = list(column.levels)
        for clause in clauses:
            unknown = [value for value in clause.values if not any(_same(level, value) for level in words)]
            if unknown and clause.sign in ("=", "!="):
                known = listed(tuple(map(str, words)))
                raise InputError(f"{clause} names {unknown[0]!r} where {clause.name!r} has {known}: give one of these")
    else:
        whole = torch.zeros(len(states), encoder.width)
        whole[:, encoder.cells[place]] = states
        words = (states[:, 0] if column is not None else encoder.decode(whole)[:, place]).tolist()
    kept = [all(clause.holds(word) for clause in clauses) for word in words]
    return Condition(torch.tensor([0]), states[torch.tensor(kept)]) if any(kept) else None


def _ranged(encoder: Encoder, place: int, clauses: list[Clause], inflated: bool) -> Condition | None:
    """Return the range of a number, with or without the zero of a zero-inflated one."""
    column = _column(encoder, place)
    ends = [_ends(column, clause, inflated) for clause in clauses]
    low, high = max(first for first, _ in ends), min(last for _, last in ends)
    zero = inflated and all(clause.holds(0) for clause in clauses)
    known = (-math.inf, math.inf) if column is None else (column.low or 0.0, column.high or 0.0)
    if low > min(high, known[1]) or high < known[0] or (zero and any(clause.sign == "=" for clause in clauses)):
        return Condition(torch.tensor([0]), torch.zeros(1, 2), 1.0, 0.0) if zero else None
    scaled = [_scaled(encoder, place, end) for end in (low, high)]
    return Condition(torch.tensor([0]), torch.zeros(1, 2) if zero else None, *scaled)


def _ends(column: Column | None, clause: Clause, inflated: bool) -> tuple[float, float]:
    """Return the numbers between which a number of the column is written so that the condition holds."""
    if clause.sign == "!=" and inflated and not clause.holds(0):
        return -math.inf, math.inf
    if clause.sign == "!=" or len(clause.values) != 1:
        raise InputError(f"{clause} names single numbers of {clause.name!r}, which is continuous: give a range")
    if column is not None and column.kind == "date":
        value = float(column.codes(list(clause.values), str(clause))[0])
    else:
        value = _number(clause.values[0], clause)
    half = 0.0 if column is None or column.decimals is None else 0.499 * 10.0**-column.decimals
    below, above = (float(np.nextafter(np.float32(value + way * half), np.float32(way * math.inf))) for way in (-1, 1))
    return {
        "=": (below, above) if half else (value, value),
        ">=": (below, math.inf),
        ">": (above, math.inf),
        "<=": (-math.inf, above),
        "<": (-math.inf, below),
    }[clause.sign]


def _scaled(encoder: Encoder, place: int, value: float) -> float:
    """Return a number of a column as its site has it."""
    if math.isinf(value):
        return value
    row = torch.full((1, encoder.columns), math.nan)
    row[0, place] = value / encoder.unit
    return float(encoder.encode(row)[0, encoder.cells[place]][-1])
