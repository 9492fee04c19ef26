"""How a recipe's page writes numbers, checks and pictures."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ... import plots
from ...report.page import Section


def signed(value: float, digits: int = 2) -> str:
    """Write a number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def small(value: float) -> str:
    """Write a distance: three decimals, or one digit and an exponent where that would hide it."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}" if value else "0"


def whole(text: str) -> str:
    """Keep a short name on one line."""
    return text.replace(" ", "\u00a0").replace("-", "\u2011")


def show(section: Section, out: Path, name: str, picture: Any, caption: str) -> None:
    """Write a picture to ``out/name.png`` and add it to a section with its caption."""
    path = plots.save_picture(out / f"{name}.png", picture)
    section.picture(path.read_bytes(), caption[0].upper() + caption[1:])


def both_sides(section: Section, rows: Iterable[Sequence[Any]], caption: str = "") -> None:
    """Add a table of (what, left side, right side), with the difference in a last column."""
    section.table(
        ("quantity", "left side", "right side", "difference"),
        [(what, signed(a, 10), signed(b, 10), small(abs(a - b))) for what, a, b in rows],
        caption,
    )


def span(values: Sequence[float], digits: int = 2) -> str:
    """Write the lowest and the highest of some values."""
    return whole(f"{signed(min(values), digits)} to {signed(max(values), digits)}")
