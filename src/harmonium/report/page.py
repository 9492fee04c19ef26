"""A page written by method calls, for what is no template: each call adds one block of Markdown."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path

from harmonium.errors import InputError

from .markdown import CAPTION, VERDICTS, escaped, fence, measure, to_html

ODD_NUMBERS = ("–", "nan", "∞", "−∞")
MINUS = re.compile(r"(?<![^\s(])-(?=\d)")
NUMBER = re.compile(r"[-−+]?\d[\d.,]*(e[-+]?\d+)?( ?± ?[\d.,]+)?( ?(%|nats|bits|s|ms|h|min|MB))?")


@dataclass
class Section:
    """A titled run of blocks; each method adds one block of Markdown and returns the section, so that calls chain."""

    title: str
    blocks: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)

    def text(self, text: str) -> "Section":
        """Add prose: a blank line starts a new paragraph, words between backticks are set as code."""
        return self._add("\n\n".join(map(_prose, re.split(r"\n\s*\n", text.strip()))))

    def formula(self, text: str) -> "Section":
        """Add a formula in plain unicode, on its own line or lines."""
        return self._add(fence(text, "formula"))

    def code(self, text: str) -> "Section":
        """Add code or a file's text, shown as it is."""
        return self._add(fence(text.strip("\n")))

    def verdict(self, kind: str, text: str) -> "Section":
        """Add a call-out; kind: one of `VERDICTS`."""
        if kind not in VERDICTS:
            raise InputError(f"verdict {kind!r}: expected one of {', '.join(VERDICTS)}")
        return self._add(f"> [!{kind}] {_prose(text)}")

    def table(self, header: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> "Section":
        """Add a table; columns of numbers are set right, to some four digits, and None is a dash."""
        held = [tuple(row) for row in rows]
        for index, row in enumerate(held):
            if len(row) != len(header):
                raise InputError(f"row {index} has {len(row)} cells: expected {len(header)} as in the header")
        columns = [_cells(column) for column in zip(*held, strict=True)] or [[] for _ in header]
        right = ["--:" if all(map(_numeric, column)) else "---" for column in columns]
        cells = [header, *zip(*columns, strict=True)]
        first, *others = ([_prose(cell) for cell in row] for row in cells)
        lines = [f"| {' | '.join(row)} |" for row in (first, right, *others)]
        above = f"{CAPTION}{_prose(caption)}\n\n" if caption else ""
        return self._add(above + "\n".join(lines))

    def picture(self, data: bytes, caption: str, alt: str = "") -> "Section":
        """Add the bytes of a PNG or GIF file; alt describes it in words (the caption if empty)."""
        measure(data)
        name = f"{id(self)}-{len(self.pictures)}"
        self.pictures[name] = data
        return self._add(f'![{_prose(caption)}]({name} "{escaped(alt or caption)}")')

    def _add(self, block: str) -> "Section":
        self.blocks.append(block)
        return self


@dataclass
class Page:
    """A title, a paragraph to read first, a table of facts, and sections; version and date go below."""

    title: str
    lead: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    version: str = ""
    date: str = ""

    def section(self, title: str) -> Section:
        """Add an empty section and return it."""
        self.sections.append(Section(title))
        return self.sections[-1]


def render(page: Page) -> str:
    """Return the page as HTML, by way of its Markdown."""
    facts = Section("").table(["", ""], page.facts) if page.facts else Section("")
    head = [f"# {escaped(page.title)}", *Section("").text(page.lead).blocks, *facts.blocks]
    parts = [part for section in page.sections for part in (f"## {escaped(section.title)}", *section.blocks)]
    pictures = {name: data for section in page.sections for name, data in section.pictures.items()}
    return to_html("\n\n".join([*head, *parts]), pictures, version=page.version, date=page.date)


def write(page: Page, path: str | Path) -> Path:
    """Write the page to an .html file, making missing folders, and return its path."""
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"cannot write a page as {path.name!r}: expected the suffix .html; rename it")
    text = render(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _prose(text: str) -> str:
    """Return text as Markdown that keeps its words between backticks as code, and whose minuses are true."""
    parts = re.split(r"`([^`]+)`", text)
    return "".join(
        f"`{part}`".replace("|", r"\|") if odd % 2 else escaped(MINUS.sub("−", part)) for odd, part in enumerate(parts)
    )


def _cells(column: Sequence[object]) -> list[str]:
    floats = [float(cell) for cell in column if isinstance(cell, Real) and not isinstance(cell, Integral)]
    decimals = _decimals([abs(value) for value in floats if value and math.isfinite(value)])
    return [_cell(cell, decimals) for cell in column]


def _cell(cell: object, decimals: int | None) -> str:
    if cell is None or cell == "":
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Integral):
        return f"{int(cell):,}".replace("-", "−")
    if not isinstance(cell, Real):
        return str(cell)
    value = float(cell)
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "∞" if value > 0 else "−∞"
    text = f"{value:.4g}" if decimals is None else f"{value:,.{decimals}f}"
    return re.sub("^-", "−", text)


def _numeric(text: str) -> bool:
    return text in ODD_NUMBERS or bool(NUMBER.fullmatch(text))


def _decimals(sizes: Sequence[float]) -> int | None:
    """Return the decimals that show every size to some four digits, or None if no number serves all."""
    if not sizes:
        return 0
    most = max(2, 3 - math.floor(math.log10(max(sizes))))
    if max(sizes) >= 1e7 or min(sizes) < 10.0 ** -(most + 0.3):
        return None
    ends = [len(f"{size:.{most}f}".rstrip("0").partition(".")[2]) for size in sizes]
    return max(ends)
