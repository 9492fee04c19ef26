"""Tables in text files, whatever their dialect."""

from contextlib import suppress
from pathlib import Path

import numpy as np

from harmonium.data import dialects
from harmonium.data.cells import MISSING
from harmonium.data.dialects import Dialect, Line, number
from harmonium.data.idx import opened, telling
from harmonium.data.sheet import Sheet
from harmonium.errors import InputError

MOST_TEXT = 2**28  # bytes


def read_text(path: Path) -> Sheet:
    """Return the columns of a text file: cells parted by commas, semicolons, tabs, bars or spaces, one row a line.

    A first line that names the columns is a header, a ``#`` line above the rows may be one. Raises ``InputError`` with
    the line of another width.
    """
    where = str(path)
    with telling(where, "a text table"), opened(path) as stream:
        content = stream.read(MOST_TEXT + 1)
        if len(content) > MOST_TEXT:
            raise InputError(f"{where} has more than {MOST_TEXT >> 20} MB of text: save the table as .npy")
        array = _single_digits(content)
        if array is not None and not (array.shape[1] > 2 and dialects.counting([str(digit) for digit in array[0]])):
            return Sheet(array, indexed=True)
        bits = _bits_run_together(content)
        if bits is not None:
            return Sheet(bits, indexed=True, notes=("bits stand without marks between them: each is a column",))
        text, notes = dialects.decoded(content, where)
        lines, comments, named = dialects.parted(text)
        if not lines:
            raise InputError(f"{where} is empty where a table of numbers was expected: write one row a line")
        sheet = _sheet(lines, comments, dialects.dialect(lines, named), where)
        return sheet._replace(notes=(*notes, *sheet.notes))


def _single_digits(content: bytes) -> np.ndarray | None:
    """Cut a table of one-digit cells out of its bytes: a hundred times faster than parsing it."""
    content += b"" if content.endswith(b"\n") else b"\n"
    width = content.find(b"\n") + 1
    if width < 2 or len(content) % width:
        return None
    grid = np.frombuffer(content, np.uint8).reshape(-1, width)
    body = grid[:, :-2] if grid[0, -2] in b" \r" else grid[:, :-1]
    cells, marks = body[:, ::2], body[:, 1::2]
    if body.shape[1] % 2 == 0 or not (grid[:, body.shape[1] :] == grid[0, body.shape[1] :]).all():
        return None
    if marks.size and not (marks[0, 0] in b" ,;\t|" and bool((marks == marks[0, 0]).all())):
        return None
    digits = np.subtract(cells, ord("0"))
    return digits if digits.max() <= 9 else None


def _bits_run_together(content: bytes) -> np.ndarray | None:
    """Return lines of bits without marks between them, such as ``0110``."""
    lines = content.split()
    width = len(lines[0]) if lines else 0
    if width < 2 or any(len(line) != width for line in lines) or content.translate(None, b"01 \t\r\n"):
        return None
    return np.frombuffer(b"".join(lines), np.uint8).reshape(-1, width) - ord("0") if len(lines) > 1 else None


def _sheet(lines: list[Line], comments: list[str], dialect: Dialect, where: str) -> Sheet:
    names, lines, notes = _header(lines, comments, dialect, where)
    lines, trailing = _without_trailing(lines, dialect, len(names) if names and names[-1] else 0)
    sheet = _parsed(lines, dialect, where)
    width = sheet.numbers.shape[1]
    if trailing:
        notes.append(f"every line ends in {dialect.mark!r}: the empty column behind it is left out")
        names = names[:-1] if len(names) == width + 1 and not names[-1] else names
    unnamed = bool(names) and len(names) == width - 1
    if names and not unnamed and len(names) != width:
        raise InputError(f"{where} has {len(names)} names over {width} columns: give each column one name")
    names = ["", *names] if unnamed else names
    return sheet._replace(names=tuple(names), unnamed=unnamed, indexed=True, notes=tuple(notes))


def _header(
    lines: list[Line], comments: list[str], dialect: Dialect, where: str
) -> tuple[list[str], list[Line], list[str]]:
    """Return the names of the columns, the lines below them, and what is to be said about it."""
    first, body = dialect.cells(lines[0][1]), lines[1:]
    if dialects.is_header(first, [dialect.cells(line) for _, line in body[: dialects.SAMPLED]]):
        if not body:
            raise InputError(f"{where} has a header but no rows: write one row of numbers a line")
        note = f"the first line counts the columns, {first[0]} to {first[-1]}: taken as their names"
        return first, body, [note] * dialects.counting(first)
    names = dialect.cells(comments[-1].lstrip("#% ")) if comments else []
    fits = len(names) == len(first) and not all(map(dialects.is_number, names))
    return (names if fits else []), lines, []


def _without_trailing(lines: list[Line], dialect: Dialect, named: int) -> tuple[list[Line], bool]:
    """Return lines without the mark that ends every one of them, unless the column behind it has a name."""
    mark = dialect.mark
    if mark is None or mark.isspace() or not all(line.rstrip().endswith(mark) for _, line in lines):
        return lines, False
    if named and named == len(dialect.cells(lines[0][1])):
        return lines, False
    return [(at, line.rstrip()[:-1]) for at, line in lines], True


def _parsed(lines: list[Line], dialect: Dialect, where: str) -> Sheet:
    """Return the cells of lines as numbers, all at once where they are nothing else."""
    try:
        array = np.loadtxt(
            [line for _, line in lines], delimiter=dialect.mark, quotechar=dialect.quote, comments=None, ndmin=2
        )
        return Sheet(array, lines=[at for at, _ in lines])
    except ValueError:
        return _by_cell(lines, dialect, where)


def _by_cell(lines: list[Line], dialect: Dialect, where: str) -> Sheet:
    rows = [dialect.cells(line) for _, line in lines]
    for (at, _), row in zip(lines, rows, strict=True):
        if len(row) != len(rows[0]):
            given = f"{where} line {at} has {len(row)} cells where {len(rows[0])} were expected"
            raise InputError(f"{given}: give all lines one width")
    numbers, words, truths, commas = np.empty((len(rows), len(rows[0]))), {}, set(), False
    for column, cells in enumerate(zip(*rows, strict=True)):
        numbers[:, column], how = _column(cells)
        commas = commas or how == "comma"
        if how in ("truth", "words"):
            words[column] = np.array(cells)
        truths |= {column} if how == "truth" else set()
    if commas:
        _refuse_points(lines, rows, words, where)
    return Sheet(numbers, words=words, truths=frozenset(truths), lines=[at for at, _ in lines])


def _column(cells: tuple[str, ...]) -> tuple[list[float], str]:
    """Return the numbers of a column, and how they are written: point, comma, truth or words, which have NaN."""
    written, how = _written(set(cells))  # each different cell is looked at once
    return [written[cell] for cell in cells], how


def _written(cells: set[str]) -> tuple[dict[str, float], str]:
    """Return the numbers that different cells write, and how."""
    held = {cell for cell in cells if cell.lower() not in MISSING}
    for comma in (False, True):
        with suppress(ValueError):
            found = dict.fromkeys(cells, np.nan) | {cell: number(cell, comma) for cell in held}
            if held:
                return found, "words" if len(held) < len(cells) else ("comma" if comma else "point")
    if held and all(cell.lower() in dialects.TRUTHS for cell in cells):
        return {cell: dialects.TRUTHS[cell.lower()] for cell in cells}, "truth"
    return {cell: number(cell) if "," not in cell and dialects.is_number(cell) else np.nan for cell in cells}, "words"


def _refuse_points(lines: list[Line], rows: list[list[str]], words: dict[int, np.ndarray], where: str) -> None:
    """Raise `InputError` where a decimal point stands beside decimal commas, or all commas may part thousands."""
    found = [
        (cell, f"{where} line {at}, column {column + 1} is {cell!r}")
        for (at, _), row in zip(lines, rows, strict=True)
        for column, cell in enumerate(row)
        if column not in words and ("." in cell or "," in cell)
    ]
    point = next((place for cell, place in found if "." in cell), None)
    if point is not None:
        raise InputError(f"{point} in a file of decimal commas: write all numbers in one way, without marks between "
                         "thousands")  # fmt: skip
    if all(dialects.THOUSANDS.fullmatch(cell) for cell, _ in found):
        raise InputError(f"{found[0][1]}, which may be a fraction or thousands: write numbers with decimal points, "
                         "without marks between thousands")  # fmt: skip
