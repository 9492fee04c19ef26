"""Data beside samples, and matrices: charts of what is no picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .frame import COLORS, FAINT, INK, legend_on_top, new_axes, new_figure
from .tiles import SIGNED_STOPS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS, ACROSS = 24, 3
NAMES = 40  # so many names fit beside a matrix


def histograms(panels: Sequence[tuple[str, np.ndarray, np.ndarray]], *, unit: str = "") -> "Figure":
    """Draw the distribution of several numbers in data, filled, and in samples, as a line over it.

    panels: (what, data, samples), arrays of one axis; bars are the share of rows, and the ends of the scale those of
    both together.
    """
    if not panels:
        raise InputError("no numbers to draw: expected (what, data, samples); give at least one")
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure = new_figure(5.4 if across == 1 else 7.2, 0.5 + (3.0 if across == 1 else 1.9) * down)
    for place, (what, data, samples) in enumerate(panels, start=1):
        ylabel = "share of rows" if place % across == 1 or across == 1 else ""
        axes = new_axes(figure, what, unit if place > len(panels) - across else "", ylabel, (down, across, place))
        edges = bins(np.concatenate([data, samples]))
        for label, values, color in (("data", data, COLORS[4]), ("samples", samples, COLORS[1])):
            share = np.histogram(values, edges)[0] / max(len(values), 1)
            fill = {"fill": True, "alpha": 0.45} if label == "data" else {"linewidth": 1.5}
            axes.stairs(share, edges, color=color, label=label, **fill)
        axes.locator_params(axis="x", nbins=5)
    legend_on_top(figure, figure.axes[0].patches)
    return figure


def bins(values: np.ndarray) -> np.ndarray:
    """Return the edges of the bars: one bar a value where there are few, evenly spaced ones else."""
    found = np.unique(values[np.isfinite(values)])
    if not len(found):
        return np.array([-0.5, 0.5])
    if 1 < len(found) <= BINS:
        middle = (found[1:] + found[:-1]) / 2
        return np.concatenate([[2 * found[0] - middle[0]], middle, [2 * found[-1] - middle[-1]]])
    low, high = float(found[0]), float(found[-1])
    spread = (high - low) or 1.0
    return np.linspace(low, high, BINS + 1) if high > low else np.array([low - spread / 2, high + spread / 2])


def agreement(data: np.ndarray, samples: np.ndarray, *, title: str, unit: str) -> "Figure":
    """Draw numbers of samples over the same numbers of data, a dot each; on the diagonal both agree."""
    figure = new_figure(4.6, 4.2)
    axes = new_axes(figure, title, f"{unit}, data", f"{unit}, samples")
    ends = [float(min(data.min(), samples.min())), float(max(data.max(), samples.max()))]
    axes.plot(ends, ends, color=INK, linewidth=1, linestyle=(0, (5, 4)))
    size = 14 if data.size < 500 else 4
    axes.scatter(data.ravel(), samples.ravel(), s=size, color=COLORS[0], alpha=0.6, linewidths=0)
    return figure


def matrices(
    panels: Sequence[tuple[str, np.ndarray]],
    *,
    xlabel: str,
    ylabel: str,
    unit: str,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    signed: bool = True,
) -> "Figure":
    """Draw matrices side by side on one scale of color, with the scale beside them.

    panels: (title, matrix), all of one shape.  columns, rows: the names of theirs, shown where there are few.  signed:
    −limit is blue, zero white, +limit red; otherwise zero is white and the largest dark.  NaN is gray.
    """
    from matplotlib.colors import LinearSegmentedColormap

    if not panels or len({np.shape(matrix) for _, matrix in panels}) != 1:
        raise InputError("expected one or more matrices of a single shape: give (title, matrix) pairs")
    down, across = np.shape(panels[0][1])
    high = max(float(np.nanmax(np.abs(matrix))) for _, matrix in panels) or 1.0
    stops = SIGNED_STOPS / 255 if signed else np.array([(1, 1, 1), (35 / 255, 88 / 255, 140 / 255)])
    colors = LinearSegmentedColormap.from_list("", stops).with_extremes(bad=COLORS[4])
    look = {"vmin": -high if signed else 0, "vmax": high, "cmap": colors}
    figure = new_figure(*_matrix_size(down, across, len(panels), columns, rows))
    for place, (title, matrix) in enumerate(panels, start=1):
        axes = new_axes(figure, title, xlabel, ylabel if place == 1 else "", (1, len(panels), place))
        axes.grid(visible=False)
        image = axes.imshow(matrix, aspect="auto", interpolation="nearest", **look)
        _name(axes.xaxis, columns, across, rotation=90)
        _name(axes.yaxis, rows if place == 1 else [""] * len(rows), down)
    bar: Any = figure.colorbar(image, ax=figure.axes, fraction=0.05, aspect=30)
    bar.set_label(unit, fontsize=9.5, color=INK)
    bar.ax.tick_params(labelsize=9, color=FAINT, labelcolor=INK)
    bar.outline.set_visible(False)
    return figure


def network(layers: Sequence[tuple[str, str]], arrows: Sequence[bool]) -> "Figure":
    """Draw layers over each other, the lowest first, each (name, what it is).

    arrows: for each pair of neighbors whether the upper layer generates the lower one; others are joined both ways.
    """
    if len(arrows) != len(layers) - 1:
        raise InputError(f"{len(arrows)} joints for {len(layers)} layers: give one fewer than there are layers")
    figure = new_figure(5.4, 0.2 + 0.85 * len(layers))
    axes = figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(-0.5, len(layers) - 0.5))
    axes.set_axis_off()
    style = {"boxstyle": "round,pad=0.5", "facecolor": "#eef2f6", "edgecolor": COLORS[0]}
    for height, (name, what) in enumerate(layers):
        axes.text(
            0.5,
            height,
            f"{name}: {what}",
            ha="center",
            va="center",
            fontsize=10,
            color=INK,
            bbox=style,
            parse_math=False,
        )
    for height, directed in enumerate(arrows):
        tip = {"arrowstyle": "-|>" if directed else "<|-|>", "color": COLORS[0], "linewidth": 1.4}
        axes.annotate("", xy=(0.5, height + 0.27), xytext=(0.5, height + 0.73), arrowprops=tip)
    return figure


def _matrix_size(
    down: int, across: int, count: int, columns: Sequence[str], rows: Sequence[str]
) -> tuple[float, float]:
    """Return inches that leave room for the names and keep the cells of small matrices square."""
    beside = 0.085 * max(map(len, rows), default=0) if down <= NAMES else 0
    below = 0.085 * max(map(len, columns), default=0) if across <= NAMES else 0
    width = 7.2 if count > 1 or beside or across > 24 else 5.4
    cell = (width - beside - 1.6) / count / across
    return width, 0.9 + below + float(np.clip(cell * down, 1.6, 6.0))


def _name(axis: Any, names: Sequence[str], count: int, rotation: int = 0) -> None:
    """Set names beside the cells where there are few, else numbers from 1."""
    if names and count <= NAMES:
        axis.set_ticks(range(count), names, rotation=rotation, fontsize=8, parse_math=False)
        return
    shown = np.unique(np.linspace(0, count - 1, min(count, 6)).round().astype(int))
    axis.set_ticks(shown, [str(number + 1) for number in shown])
