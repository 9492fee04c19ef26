"""The recipe ``dbn-lab``: a lab report done again from its first figure to its open question."""

import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from ... import plots
from ...progress import Progress, silent
from ..common.labeled import SHAPE, agreement, classifier, mnist
from ..common.steps import Settings
from .layers import Features, accuracies, alone, losses
from .tuning import Point, Tuned, study

Figures = dict[str, Any]


def carry_out(settings: Settings, out: Path, *, progress: Progress = silent) -> Figures:
    """Do every part of the lab, draw, and return the figures."""
    began = time.perf_counter()
    train = mnist(settings, "train", binarize="threshold")
    test = mnist(settings, "test", binarize="threshold").take(settings["test_rows"])
    rows, few = train.take(settings["rows"]), test.take(settings["curve_rows"])
    layers, features = losses(train.take(settings["layer_rows"]), settings, progress)
    net = classifier(mnist(settings, "train"), settings, progress)
    figures: Figures = {
        "alone": {hidden: alone(rows, few, hidden, settings, progress) for hidden in settings["widths"]},
        "losses": layers,
        "accuracy": accuracies(train, few, settings, progress),
        "classifier": {"accuracy": agreement(net, mnist(settings, "test"))},
    }
    tuned = study(rows, test, net, settings, progress)
    figures["wake"] = {name: summary(found) for name, found in tuned.items()}
    draw(figures, features, tuned, settings, out)
    return {**figures, "seconds": time.perf_counter() - began}


def summary(found: Tuned) -> Figures:
    """Return one way's figures: every seed's, their means, and the curves' means by epoch."""
    curves = [averaged(points) for points in zip(*found.curves, strict=True)]
    return {"seeds": found.ends, "mean": averaged(found.ends), "curve": curves}


def averaged(rows: Sequence[Point]) -> Point:
    """Return the mean of each figure."""
    return {key: mean(row[key] for row in rows) for key in rows[0]}


# Pictures


def draw(figures: Figures, features: Features, tuned: dict[str, Tuned], settings: Settings, out: Path) -> None:
    """Draw every chart, the lowest weights early and late, and the digits drawn to order."""
    for name, chart in {**first_charts(figures, settings), **charts_of_tuning(figures["wake"], settings)}.items():
        plots.save_picture(out / f"{name}.png", chart)
    for update, weight in features.items():
        tiles = plots.signed_grid(weight[:, :24].T.numpy(), SHAPE, columns=8)
        plots.save_picture(out / f"features-{update}.png", tiles)
    for place, found in enumerate(tuned.values()):
        assert found.drawn is not None
        plots.save_picture(out / f"drawn-{place}.png", plots.grid(found.drawn.numpy(), SHAPE, columns=10))


def first_charts(figures: Figures, settings: Settings) -> Figures:
    """Return the charts of one RBM alone, of the layers and of the accuracies."""
    lines = {f"{hidden} hidden units": line for hidden, line in figures["alone"].items()}
    errors = {name: (line["updates"][1:], line["errors"][1:]) for name, line in lines.items()}
    resting = {name: (line["updates"][1:], line["resting"]) for name, line in lines.items()}
    far = {name: (settings["far"], line["far"]) for name, line in lines.items()}
    accuracy = {
        f"{rows:,} rows, {key}": ([line["updates"] for line in lines], [100 * line[key] for line in lines])
        for rows, lines in figures["accuracy"].items()
        for key in ("train", "test")
    }
    chart, pixel = partial(plots.lines, log_x=True), "mean squared error a pixel"
    still = f"share of weights that move by less than {settings['limit']} in an update"
    return {
        "reconstruction": chart(errors, title=f"{pixel}, one pass up and down", xlabel="updates", ylabel="error"),
        "chains": chart(far, title=f"{pixel}, after k Gibbs steps", xlabel="Gibbs steps k", ylabel="error"),
        "resting": plots.lines(resting, title=still, xlabel="updates", ylabel="share"),
        "layers": chart_of_layers(figures["losses"], settings),
        "accuracy": chart(accuracy, title="exact read-out, % right", xlabel="updates of each layer", ylabel="%"),
    }


def chart_of_layers(losses: Figures, settings: Settings) -> Any:
    """Return the chart of every layer's own reconstruction error; the labels stand beside the input of the last."""
    names = [f"{below} → {above}" for below, above in pairwise([784, *settings["layers"]])]
    names[-1] = names[-1].replace(" →", " + 10 →")
    series = {name: (losses["updates"], errors) for name, errors in zip(names, losses["errors"].values(), strict=True)}
    title, xlabel = "reconstruction error of each layer's own input", "updates of the layer"
    return plots.lines(series, title=title, xlabel=xlabel, ylabel="error", log_x=True)


def charts_of_tuning(wake: Figures, settings: Settings) -> Figures:
    """Return the charts of both read-outs and of the cost, by epochs of fine-tuning."""
    found = {}
    for name, key, scale, title, unit in (
        ("exact", "exact", 100, "test accuracy, exact read-out, %", "%"),
        (
            "by-chain",
            "gibbs",
            100,
            f"test accuracy, {settings['readout_steps']} Gibbs steps from an even label, %",
            "%",
        ),
        ("cost", "cost", 1, "−log p(row | lowest code), nats", "nats"),
    ):
        curves = {way: wake[way]["curve"] for way in settings["ways"]}
        series = {way: ([p["epoch"] for p in curve], [scale * p[key] for p in curve]) for way, curve in curves.items()}
        found[name] = plots.lines(series, title=title, xlabel="epochs", ylabel=unit)
    return found
