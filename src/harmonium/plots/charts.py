"""Numbers as charts: matplotlib figures in one style."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, suggest
from .frame import COLORS, DPI, INK, legend_above, legend_on_top, new_axes, new_figure
from .notebook import chart_class
from .tiles import enlargement, grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def strips(
    groups: Sequence[tuple[str, np.ndarray]],
    shape: Sequence[int],
    *,
    low: float = 0.0,
    high: float = 1.0,
) -> "Figure":
    """Draw labeled rows of pictures under each other, such as data, reconstruction and sample.

    groups: (label, rows) pairs, rows (count, width); shape, low and high: as for `grid`. More than ten
    pictures in a group are spread evenly over several lines.
    """
    if not groups:
        raise InputError("no groups to draw: expected (label, rows) pairs; give at least one")
    most = max(len(rows) for _, rows in groups)
    across = 1 if len(shape) == 1 else -(-most // -(-most // 10))
    sheets = [(label, grid(rows, shape, columns=across, low=low, high=high)) for label, rows in groups]
    tall, wide = sum(sheet.shape[0] for _, sheet in sheets), max(sheet.shape[1] for _, sheet in sheets)
    zoom, margin, gap = enlargement(tall, wide), 20 + 9 * max(len(label) for label, _ in sheets), 8
    width, height = margin + zoom * wide + gap, zoom * tall + gap * (len(sheets) + 1)
    size = (width / DPI, height / DPI)
    figure, top = chart_class()(figsize=size, dpi=DPI, facecolor="white"), height - gap
    for label, sheet in sheets:
        down, right = zoom * sheet.shape[0], zoom * sheet.shape[1]
        top -= down
        axes = figure.add_axes((margin / width, top / height, right / width, down / height))
        axes.imshow(np.dstack([sheet] * 3), interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        place = ((margin - 12) / width, (top + down / 2) / height)
        figure.text(*place, label, ha="right", va="center", fontsize=10, color=INK, parse_math=False)
        top -= gap
    return figure


def curves(
    table: Mapping[str, Sequence[float | None]],
    *,
    x: str = "epoch",
    names: Mapping[str, str] | None = None,
    panels: Sequence[tuple[str, Sequence[str]]] = (),
    units: Mapping[str, str] | None = None,
) -> "Figure":
    """Draw a table of histories as small panels over a shared x, one panel a column.

    table: column name → values, equally long; None and non-finite values are skipped. names: column → words
    to show. panels: (title, columns) pairs that share one panel; they come first, other columns follow. units: title →
    what the panel's values are measured in. Where all panels of several columns have the same words, one legend serves.
    """
    names, units, at = names or {}, units or {}, _column(table, x)
    shared = {key for _, keys in panels for key in keys}
    single = [(names.get(key, _words(key)), [key]) for key in table if key != x and key not in shared]
    drawn = [(title, list(keys)) for title, keys in panels] + single
    if not drawn:
        raise InputError(f"the table holds {x!r} alone: expected columns to draw against it; add one")
    across = 1 if len(drawn) == 1 else 2
    down = -(-len(drawn) // across)
    figure = new_figure(5.4 if across == 1 else 7.2, 3.0 if across == 1 else 0.3 + 2.1 * down)
    for place, (title, keys) in enumerate(drawn, start=1):
        xlabel = names.get(x, _words(x)) if place > len(drawn) - across else ""
        axes = new_axes(figure, title, xlabel, units.get(title, ""), place=(down, across, place))
        pairs = {names.get(key, _words(key)): (at, _column(table, key)) for key in keys}
        axes.xaxis.get_major_locator().set_params(integer=bool((at == np.rint(at)).all()))
        _draw(axes, pairs)
    several = [axes for axes in figure.axes if len(axes.lines) > 1]
    if len(several) > 1 and len({tuple(line.get_label() for line in axes.lines) for axes in several}) == 1:
        legend_on_top(figure, several[0].lines)
    else:
        for axes in several:
            legend_above(axes, axes.lines)
    return figure


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    log_x: bool = False,
    reference: tuple[str, float] | None = None,
) -> "Figure":
    """Draw labeled (x, y) curves in one chart, with a dashed line at the reference (label, y) if given.

    Non-finite points are skipped; log_x needs every x above zero.
    """
    if not series:
        raise InputError("no series to draw: expected label → (x, y); give at least one")
    if log_x and any(np.min(x) <= 0 for x, _ in series.values()):
        raise InputError("log_x with an x of zero or below: expected positive x; drop those points or log_x")
    figure = new_figure(5.4, 3.5)
    axes = new_axes(figure, title, xlabel, ylabel)
    if log_x:
        axes.set_xscale("log")
    if reference:
        label, level = reference
        axes.axhline(level, color=INK, linewidth=1, linestyle=(0, (5, 4)), label=label)
    _draw(axes, {label: (_floats(x), _floats(y)) for label, (x, y) in series.items()})
    legend_above(axes, axes.lines)
    return figure


def mean_activation(activity: np.ndarray) -> "Figure":
    """Draw how much of the time each hidden unit is on, busiest first, and count the idle and the stuck.

    activity: (hidden,) mean activation over data, between 0 and 1.
    """
    held = _floats(activity)
    if held.ndim != 1 or not held.size or not ((held >= 0) & (held <= 1)).all():
        raise InputError(f"activity of shape {held.shape}: expected (hidden,) means from 0 to 1; rescale")
    off, on = int((held < 0.01).sum()), int((held > 0.99).sum())
    title = f"{held.size} hidden units\n{off} nearly always off (< 1 %), {on} nearly always on (> 99 %)"
    figure = new_figure(5.4, 3.0)
    axes = new_axes(figure, title, "hidden unit, busiest first", "share of the data it is on for")
    edges = np.arange(held.size + 1)
    axes.stairs(np.sort(held)[::-1], edges, fill=True, color=COLORS[0])
    axes.set(xlim=(0, held.size), ylim=(0, 1))
    return figure


def _draw(axes: Any, pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    shown = 0
    for index, (label, (x, y)) in enumerate(pairs.items()):
        if x.ndim != 1 or x.shape != y.shape:
            raise InputError(f"{label!r} has {y.size} values for {x.size} places; give one value a place")
        kept = np.isfinite(x) & np.isfinite(y)
        look = {"color": COLORS[index % 6], "linestyle": ("-", "--", ":")[index // 6 % 3], "linewidth": 1.5}
        marker = "o" if 0 < kept.sum() <= 30 else ""
        axes.plot(x[kept], y[kept], label=label, marker=marker, markersize=3.5, **look)
        shown += kept.sum()
    if not shown:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", fontsize=9.5, color=INK)


def _column(table: Mapping[str, Sequence[float | None]], key: str) -> np.ndarray:
    if key not in table:
        raise InputError(f"no column {key!r} among {', '.join(table) or 'none'}{suggest(key, table)}")
    return _floats(table[key])


def _floats(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)


def _words(key: str) -> str:
    return key.replace("_", " ")
