"""The recipe ``dbn-2006``: learn the network, read it, and let it draw digits."""

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ... import evaluation, plots
from ...fitting import save
from ...machines import DBN
from ...progress import Progress, silent
from .. import recipe
from ..common.labeled import DIGITS, SHAPE, Rows, agreement, by_chain, classifier, exact, mnist, to_order, tuned
from ..common.steps import Settings, stream
from .learning import greedy

Figures = dict[str, Any]
PAPER = "error after 300 epochs of up-down, on 44,000 rows"


def carry_out(settings: Settings, out: Path, *, progress: Progress = silent) -> Figures:
    """Learn, measure before, between and after, save the network, draw, and return the figures."""
    clock = Clock()
    train, test = mnist(settings, "train", "valid").take(settings["rows"]), mnist(settings, "test")
    few, seed = test.take(settings["test_rows"]), settings["seed"]
    net = classifier(train, settings, progress)
    figures: Figures = {"rows": len(train), "classifier": {"error": 1 - agreement(net, test), "rows": len(test)}}
    clock.note("classifier")
    network = greedy(train, settings, progress)
    clock.note("layers")
    first = to_order(network, settings, seed, progress)
    figures["before"] = look(network, train, few, net, first, settings)
    clock.note("reading and drawing")
    figures["curve"] = curve(network, train, few, figures["before"], settings, progress)
    clock.note("up-down")
    last = to_order(network, settings, seed, progress)
    figures["after"] = look(network, train, few, net, last, settings)
    figures["by_digit"] = by_digit(net, last)
    wrong, given = mistakes(network, few)
    figures |= {"mistakes": len(wrong), "confusions": confusions(figures["after"]["confusion"])}
    clock.note("reading and drawing")
    save(network, out / "network.safetensors")
    draw(figures, (first, last), wrong, given, settings, out)
    return {**figures, "seconds": clock.seconds}


class Clock:
    """The seconds that each part of the work took."""

    def __init__(self) -> None:
        self.last = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def note(self, part: str) -> None:
        """Count the seconds since the last note to a part."""
        before, self.last = self.last, time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + self.last - before


def look(network: DBN, train: Rows, test: Rows, net: nn.Sequential, drawn: Rows, settings: Settings) -> Figures:
    """Return errors by both read-outs, the exact one on training rows too, and how many drawn are recognized."""
    found = exact(network, test)
    return {
        "exact": found.error,
        "gibbs": by_chain(network, test, settings["readout_steps"], settings["seed"]).error,
        "train": exact(network, train.take(len(test))).error,
        "confusion": found.confusion.tolist(),
        "recognized": agreement(net, drawn),
    }


def curve(
    network: DBN, train: Rows, test: Rows, start: Figures, settings: Settings, progress: Progress
) -> list[dict[str, float]]:
    """Fine-tune the network; return its test errors by epoch, and the loss of each epoch that is measured."""
    points, seed = [{"epoch": 0, "exact": start["exact"], "gibbs": start["gibbs"]}], settings["seed"]
    for epoch, loss in tuned(network, train, settings, settings, stream(seed, 1), progress, "up-down"):
        if epoch in settings["measured"] or epoch == settings["epochs"]:
            chained = by_chain(network, test, settings["readout_steps"], seed).error
            points.append({"epoch": epoch, "loss": loss, "exact": exact(network, test).error, "gibbs": chained})
    return points


def by_digit(net: nn.Sequential, drawn: Rows) -> list[float]:
    """Return the share of each drawn digit that the classifier gives its label."""
    return [agreement(net, Rows(drawn.v[drawn.label == n], drawn.label[drawn.label == n])) for n in range(DIGITS)]


def mistakes(network: DBN, rows: Rows) -> tuple[Rows, Tensor]:
    """Return the rows that the exact read-out gets wrong, the surest mistake first, and the labels that it gives."""
    log_p = torch.log_softmax(evaluation.class_log_probs(network, rows.v), -1)
    given = log_p.argmax(-1)
    wrong = torch.nonzero(given != rows.label).flatten()
    lost = (log_p[wrong, given[wrong]] - log_p[wrong, rows.label[wrong]]).argsort(descending=True)
    picked = wrong[lost]
    return Rows(rows.v[picked], rows.label[picked]), given[picked]


def confusions(table: list[list[int]], count: int = 3) -> list[dict[str, int]]:
    """Return the most frequent confusions: a label, the one given, and how often."""
    found = [(held, a, b) for a, row in enumerate(table) for b, held in enumerate(row) if a != b and held]
    return [{"label": a, "given": b, "count": held} for held, a, b in sorted(found, reverse=True)[:count]]


# Pictures


def draw(figures: Figures, drawn: tuple[Rows, Rows], wrong: Rows, given: Tensor, settings: Settings, out: Path) -> None:
    """Draw the errors by epoch, the digits before and after, and the mistakes."""
    epochs = [point["epoch"] for point in figures["curve"]]
    names = {"exact": "exact", "gibbs": f"{settings['readout_steps']} Gibbs steps"}
    series = {name: (epochs, [100 * point[key] for point in figures["curve"]]) for key, name in names.items()}
    best = ("paper, 300 epochs", 100 * recipe("dbn-2006").source_figures[PAPER])
    chart = plots.lines(series, title="test error, %", xlabel="epochs of up-down", ylabel="%", reference=best)
    plots.save_picture(out / "errors.png", chart)
    for name, rows in zip(("drawn-before", "drawn-after"), drawn, strict=True):
        tiles = plots.grid(rows.v[: DIGITS * settings["shown"]].numpy(), SHAPE, columns=DIGITS)
        plots.save_picture(out / f"{name}.png", tiles)
    if len(wrong):
        plots.save_picture(out / "mistakes.png", gallery(wrong.take(settings["wrong"]), given))


def gallery(rows: Rows, given: Tensor, across: int = 12) -> Any:
    """Draw pictures with the label and the one given above each."""
    from matplotlib.figure import Figure

    down = -(-len(rows) // across)
    figure: Any = Figure(figsize=(0.66 * across, 0.86 * down), dpi=plots.DPI, layout="constrained", facecolor="white")
    panels = figure.subplots(down, across, squeeze=False).flatten()
    for axes in panels:
        axes.set_axis_off()
    for axes, v, label, other in zip(panels, rows.v, rows.label.tolist(), given.tolist(), strict=False):
        axes.imshow(v.reshape(SHAPE).numpy(), cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"{label} → {other}", fontsize=9, color=plots.INK, pad=2)
    return figure
