"""What a model is, in words and for a notebook."""

from html import escape
from typing import Any, cast

from ..units import Units


class Shown:
    """A model that a notebook shows in one line: what it is, its rows of units and how many numbers it learns."""

    def _repr_html_(self) -> str:
        model: Any = self
        kind, numbers = type(self).__name__, sum(p.numel() for p in model.parameters())
        rows = "".join(f" – {escape(named(row))}" for row in layer_rows(model)).removeprefix(" – ")
        return f"<b>{kind}</b>: {rows}; {numbers:,} parameters"


def layer_rows(model: Any) -> list[Units]:
    """Return the rows of a model from the visible one up; of a network's directed layers the lower ones."""
    if hasattr(model, "top"):
        return [*(layer.below for layer in model.arrows()), *layer_rows(model.top)]
    own = getattr(model, "layers", [model.visible, *model.latent])
    return [cast(Units, row) for row in own]


def named(row: Units) -> str:
    """Return a row as it would be typed: ``Bernoulli(64)``, and with labels ``Bernoulli(64) + Potts(…)``."""
    return " + ".join(f"{type(part).__name__}({part.extra_repr()})" for part in row.components())
