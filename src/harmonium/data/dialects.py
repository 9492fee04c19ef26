"""How people write tables as text: encodings, comments, marks between cells, headers."""

import codecs
import csv
import re
from typing import NamedTuple

from harmonium.data.cells import MISSING
from harmonium.errors import InputError

MARKS = "\t;|,"  # tried in this order where several part the lines equally well
COMMENTS = ("#", "%")
SAMPLED = 50  # lines that a dialect is found from
TRUTHS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "t": 1.0, "f": 0.0, "y": 1.0, "n": 0.0}
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
LONG = 8  # numbers from which counting on a first line is no row
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
Line = tuple[int, str]  # the line's number, from 1, and its text


class Dialect(NamedTuple):
    """What parts the cells of a line (None: spaces), and what may stand around a cell."""

    mark: str | None
    quote: str = '"'

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line, without quotes."""
        if self.quote not in line:
            return line.split() if self.mark is None else [cell.strip() for cell in line.split(self.mark)]
        plain = line if self.mark else " ".join(line.split())
        reader = csv.reader([plain], delimiter=self.mark or " ", quotechar=self.quote, skipinitialspace=True)
        return [cell.strip() for cell in next(reader)]


def decoded(content: bytes, where: str) -> tuple[str, list[str]]:
    """Return text whatever its encoding, with a note where that was guessed; `InputError` for what is no text."""
    coding = next((name for mark, name in BOMS.items() if content.startswith(mark)), None)
    if coding is None and b"\0" in content[:2000]:
        coding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    for name in (coding,) if coding else ("utf-8", "cp1252"):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if re.search(r"[\x00-\x08\x0e-\x1f]", text) is None:
            notes = [f"{where} is not in UTF-8: it was read as Latin-1"] if name == "cp1252" else []
            return re.sub(r"\r\n?", "\n", text), notes
    raise InputError(f"{where} holds bytes that are no text: save the table as text in UTF-8, or as .npy")


def parted(text: str) -> tuple[list[Line], list[str], str | None]:
    """Return the lines that hold cells, the comments before them, and the mark that a ``sep=`` line names."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip(" \t\f\v,;|")]
    named = re.fullmatch(r'"?sep=(.)"?\s*', lines[0][1], re.IGNORECASE) if lines else None
    lines = lines[1:] if named else lines
    rows = [line for line in lines if not line[1].lstrip().startswith(COMMENTS)]
    first = rows[0][0] if rows else 0
    return (
        rows,
        [text for number, text in lines if number < first and text.lstrip().startswith(COMMENTS)],
        (named.group(1) if named else None),
    )


def dialect(lines: list[Line], named: str | None) -> Dialect:
    """Return the dialect in which lines are written."""
    some = [line for _, line in lines[:SAMPLED]]
    quote = "'" if not any('"' in line for line in some) and any("'" in line for line in some) else '"'
    bare = [re.sub(f"{quote}[^{quote}]*{quote}", "x", line) for line in some]
    counts = {mark: [line.count(mark) for line in bare] for mark in MARKS}
    best = max(MARKS, key=lambda mark: (sum(map(bool, counts[mark])), len(set(counts[mark])) == 1, -MARKS.index(mark)))
    if named is not None or not any(counts[best]):
        return Dialect(named, quote)
    spaced = best == "," and all(_decimal_commas(line) for line in bare)
    return Dialect(None if spaced else best, quote)


def _decimal_commas(line: str) -> bool:
    """Say whether cells are parted by spaces and commas stand within numbers alone: ``0,5 1,25``."""
    cells = line.split()
    return len(cells) > 1 and all(re.fullmatch(r"[-+]?\d+(,\d+)?([eE][-+]?\d+)?", cell) for cell in cells)


def is_header(first: list[str], below: list[list[str]]) -> bool:
    """Say whether a first line names the columns of the lines below it."""
    if not below:
        return not any(map(is_number, first))
    numbers = [cell for cell in first if is_number(cell)]
    others = [cell for cell in first if not is_number(cell)]
    if not numbers:
        return not all(cell.lower() in TRUTHS or cell.lower() in MISSING for cell in others)
    if not counting(numbers):
        return False
    return len(numbers) > 1 or first[0] == "" if others else _counts_columns(first, below)


def _counts_columns(first: list[str], below: list[list[str]]) -> bool:
    """Say whether whole numbers that count on can be no row: all others are fractions, or none reaches so far."""
    cells = [cell for row in below for cell in row]
    start, columns = int(first[0]), len(first)
    if all(not cell.isdecimal() and is_number(cell) for cell in cells) and (start in (0, 1) or columns > 2):
        return any(mark in cell for cell in cells for mark in ".,eE")
    if columns < 3 or counting(below[0]):
        return False
    highest = max((number(cell) for cell in cells if cell.replace(".", "", 1).isdecimal()), default=0.0)
    return start > highest or (start in (0, 1) and (int(first[-1]) > highest or columns >= LONG))


def counting(cells: list[str]) -> bool:
    """Say whether cells are whole numbers of which each is one more than the last."""
    if not all(cell.isdecimal() for cell in cells):
        return False
    return all(int(cell) == int(cells[0]) + i for i, cell in enumerate(cells))


def number(cell: str, comma: bool = False) -> float:
    """Return the number that a cell writes, with a decimal comma or point; raises ``ValueError``."""
    if "_" in cell or not cell.isascii() or (comma and "." in cell):
        raise ValueError(cell)
    return float(cell.replace(",", ".", 1) if comma else cell)


def is_number(cell: str) -> bool:
    """Say whether a cell writes a number, with a decimal point or comma."""
    for comma in (False, True):
        try:
            number(cell, comma)
        except ValueError:
            continue
        return True
    return False
