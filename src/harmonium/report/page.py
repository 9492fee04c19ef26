"""A page: what a run or a recipe tells its reader, written as one self-contained HTML file."""

import base64
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from numbers import Integral, Real
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from harmonium.errors import InputError

VERDICTS = ("exact", "certified", "consistent", "inconsistent", "note", "fault")
ODD_NUMBERS = ("–", "nan", "∞", "−∞")
NUMBER = re.compile(r"[-−+]?\d[\d.,]*(e[-+]?\d+)?( ?± ?[\d.,]+)?( ?(%|nats|bits|s|ms|h|min|MB))?")


@dataclass(frozen=True)
class Block:
    """One thing on a page; `kind` says which of the other fields it fills. Made by the methods of Section."""

    kind: str
    text: str = ""
    caption: str = ""
    tone: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    right: tuple[bool, ...] = ()
    source: str = ""
    width: int = 0
    height: int = 0


@dataclass
class Section:
    """A titled run of blocks; each method adds one block and returns the section, so that calls chain."""

    title: str
    blocks: list[Block] = field(default_factory=list)

    def text(self, text: str) -> "Section":
        """Add prose: a blank line starts a new paragraph, words between backticks are set as code."""
        return self._add(Block("text", text))

    def formula(self, text: str) -> "Section":
        """Add a formula in plain unicode, centered on its own line or lines."""
        return self._add(Block("formula", text))

    def code(self, text: str) -> "Section":
        """Add code or a file's text, shown as it is."""
        return self._add(Block("code", text.strip("\n")))

    def verdict(self, kind: str, text: str) -> "Section":
        """Add a colored call-out; kind: exact, certified, consistent, inconsistent, note or fault."""
        if kind not in VERDICTS:
            raise InputError(f"verdict {kind!r}: expected one of {', '.join(VERDICTS)}")
        return self._add(Block("verdict", text, tone=kind))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> "Section":
        """Add a table; columns of numbers are set right, to some four digits, and None is a dash."""
        held = [tuple(row) for row in rows]
        for index, row in enumerate(held):
            if len(row) != len(header):
                raise InputError(f"row {index} has {len(row)} cells: expected {len(header)} as in the header")
        columns = [_cells(column) for column in zip(*held, strict=True)] or [[] for _ in header]
        right = tuple(all(map(_numeric, column)) for column in columns)
        cells = tuple(zip(*columns, strict=True))
        return self._add(Block("table", caption=caption, header=tuple(header), rows=cells, right=right))

    def picture(self, data: bytes, caption: str, alt: str = "") -> "Section":
        """Add the bytes of a PNG or GIF file; alt describes it in words (the caption if empty)."""
        kind, width, height = _measure(data)
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        alt = alt or caption
        return self._add(Block("picture", alt, caption, source=source, width=width, height=height))

    def _add(self, block: Block) -> "Section":
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
    """Return the page as HTML that fetches nothing: styles inline, pictures embedded, all text escaped."""
    if not page.title.strip():
        raise InputError("the page has no title: expected a few words; give the run or the recipe a name")
    return _template().render(page=page)


def write(page: Page, path: str | Path) -> Path:
    """Write the page to an .html file, making missing folders, and return its path."""
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"cannot write a page as {path.name!r}: expected the suffix .html; rename it")
    text = render(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@cache
def _template() -> jinja2.Template:
    rules = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    rules.filters.update(inline=_inline, whole=_whole)
    rules.filters["paragraphs"] = lambda text: [part for part in re.split(r"\n\s*\n", text.strip()) if part]
    return rules.from_string(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))


def _inline(text: str) -> Markup:
    parts = re.split(r"`([^`]+)`", text)
    return Markup().join(
        Markup("<code>{}</code>").format(_whole(part)) if odd % 2 else part for odd, part in enumerate(parts)
    )


def _whole(text: str) -> Markup:
    """Keep an option such as --hidden on one line, which browsers would break at its dashes."""
    return Markup(re.sub(r"(?<!\S)-\S+", r"<span>\g<0></span>", str(escape(text))))


def _measure(data: bytes) -> tuple[str, int, int]:
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 24:
        return "png", int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) > 10:
        return "gif", int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    raise InputError(f"a picture that starts with {data[:8]!r}: expected the bytes of a PNG or GIF file")


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
