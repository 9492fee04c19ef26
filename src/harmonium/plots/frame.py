"""The one style of all charts: size, axes, words and legends."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .notebook import chart_class

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110
INK, FAINT = "#33373d", "#d5d8dc"
COLORS = ("#23588c", "#c4512d", "#4b8a5b", "#80629f", "#8a8d91", "#b98a1d")
SMALL, ROOM = 9, 13  # points of a legend, characters of a title to an inch
TICKS = 0.75  # inches beside the axes


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, so many inches wide and tall."""
    figure: Any = chart_class()(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.07, h_pad=0.07, hspace=0.05, wspace=0.03)
    return figure


def new_axes(
    figure: Any, title: str, xlabel: str = "", ylabel: str = "", place: tuple[int, int, int] = (1, 1, 1)
) -> Any:
    """Add axes at a place of a grid, (down, across, number from 1); a long title is broken so that it fits."""
    axes = figure.add_subplot(*place)
    room = int(ROOM * (figure.get_size_inches()[0] / place[1] - TICKS))
    axes.set_title(broken(title, room), fontsize=10.5, color=INK, loc="left", parse_math=False)
    axes.set_xlabel(xlabel, fontsize=9.5, color=INK, parse_math=False)
    axes.set_ylabel(ylabel, fontsize=9.5, color=INK, parse_math=False)
    axes.tick_params(which="both", labelsize=9, color=FAINT, labelcolor=INK, length=3)
    axes.ticklabel_format(useOffset=False)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=FAINT, linewidth=0.8)
    return axes


def broken(text: str, room: int) -> str:
    """Return text in lines of at most so many characters."""
    return "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, max(room, 10)) or [""])


def legend_above(axes: Any, handles: Sequence[Any]) -> None:
    """Set a legend between the title and the axes, where it covers nothing."""
    labels = [str(handle.get_label()) for handle in handles]
    figure_width = axes.figure.get_size_inches()[0] * axes.get_subplotspec().get_position(axes.figure).width
    across = max(1, int(ROOM * figure_width) // (max(map(len, labels)) + 6))
    style = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2, "ncols": min(across, len(labels))}
    dress(axes.legend(handles, labels, fontsize=SMALL, frameon=False, **style))
    axes.set_title(axes.get_title(loc="left"), loc="left", pad=10 + 1.75 * SMALL * -(-len(labels) // across))


def legend_on_top(figure: Any, handles: Sequence[Any]) -> None:
    """Set one legend above all axes of a figure."""
    labels = [str(handle.get_label()) for handle in handles]
    dress(figure.legend(handles, labels, fontsize=SMALL, frameon=False, loc="outside upper left", ncols=6))


def dress(legend: Any) -> None:
    """Show the words of a legend as they are."""
    for text in legend.get_texts():
        text.set(parse_math=False, color=INK)
