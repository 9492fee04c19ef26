"""A template: Markdown with holes, filled with figures, settings and the names of pictures.

Whatever fills a hole is escaped, so that no figure is taken for Markdown: whole numbers get their thousands marked, a
minus is a true one, and None is a dash. The filters below write numbers to so many digits. A template may include
others of the same folder, and says nothing by itself that depends on a figure without an ``{% if %}``.
"""

import math
import re
from collections.abc import Sequence
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from .markdown import escaped, fence

Number = float | str | None  # figures.json writes what is not finite as a word
WORDS = {"nan": "nan", "inf": "∞", "-inf": "−∞"}


def fill(folder: Path, name: str, **held: Any) -> str:
    """Return the template ``name`` of a folder, filled: Markdown for `markdown.to_html`."""
    return _templates(folder).get_template(name).render(**held)


def fixed(value: Number, digits: int = 2) -> str:
    """Write a number to so many decimals."""
    return _written(value, f",.{digits}f")


def plus(value: float, digits: int = 1) -> str:
    """Write a difference with its sign, whichever it is."""
    held = round(value, digits) or 0.0
    return "+" * (held > 0) + fixed(held, digits)


def small(value: float) -> str:
    """Write a distance: three decimals, or one digit and an exponent where that would hide it."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}" if value else "0"


def significant(value: Number, digits: int = 4) -> str:
    """Write a number to so many digits, small and large ones with an exponent."""
    return _written(value, f".{digits}g")


def percent(share: float, digits: int = 2) -> str:
    """Write a share in per cent."""
    return f"{fixed(100 * share, digits)} %"


def points(one: float, other: float) -> str:
    """Write the difference of two shares in points, with its sign."""
    return plus(100 * (one - other))


def span(values: Sequence[float], digits: int = 2, scale: float = 1) -> str:
    """Write the lowest and the highest of some values, times a scale."""
    return whole(f"{fixed(scale * min(values), digits)} to {fixed(scale * max(values), digits)}")


def whole(text: str) -> str:
    """Keep a short name on one line."""
    return text.replace(" ", "\u00a0").replace("-", "\u2011")


def opening(text: str) -> str:
    """Begin a sentence with some words, or with a name as it is written."""
    return text[:1].upper() + text[1:]


def listed(values: Sequence[Any], between: str = ", ") -> str:
    """Write several values one after the other."""
    return between.join(map(_text, values))


def code(text: str) -> Markup:
    """Set text as a block of code, shown as it is."""
    return Markup(fence(text.strip("\n"), "python"))


FILTERS = (fixed, plus, small, significant, percent, span, whole, opening, listed, code)


@cache
def _templates(folder: Path) -> jinja2.Environment:
    rules = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), undefined=jinja2.StrictUndefined, finalize=_shown,
        autoescape=True, trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.do"],
    )  # fmt: skip
    rules.filters.update({name.__name__: name for name in FILTERS})
    rules.globals.update(points=points)
    return rules


def _shown(value: Any) -> Markup:
    return Markup(value) if hasattr(value, "__html__") else Markup(escaped(_text(value)))


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Integral) and not isinstance(value, bool):
        return _written(int(value), ",")
    return _minus(str(value)) if isinstance(value, Real) else str(value)


def _written(value: Number, form: str) -> str:
    if value is None:
        return "–"
    held = float(value) if isinstance(value, str) else value
    return _minus(format(held, form)) if math.isfinite(held) else WORDS[str(float(held))]


def _minus(text: str) -> str:
    return re.sub("^-", "−", text)
