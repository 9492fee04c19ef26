"""The recipe ``dbn-lab``: a lab report done again from its first figure to its open question."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from ...progress import Progress, silent
from ...report.page import Page
from .. import recipe, write_figures
from ..common.labeled import agreement, classifier, mnist
from . import alone, depth, wake
from .lab import load


def carry_out(settings: dict[str, Any], out: Path, *, progress: Progress = silent) -> Page:
    """Do every part of the lab, write the figures and the pictures, and fill the page."""
    from .page import fill

    began = time.perf_counter()
    train, test = load(settings, "train"), load(settings, "test").take(settings["test_rows"])
    rows, few = train.take(settings["rows"]), test.take(settings["curve_rows"])
    losses, features = depth.losses(train.take(settings["layer_rows"]), settings, progress)
    evaluate_run = classifier(mnist(settings, "train"), settings, progress)
    figures: dict[str, Any] = {
        "source": recipe("dbn-lab").source_figures,
        "alone": alone.measure(rows, few, settings, progress),
        "losses": losses,
        "accuracy": depth.accuracies(train, few, settings, progress),
        "evaluate_run": {"accuracy": agreement(evaluate_run, mnist(settings, "test"))},
    }
    tuned = wake.study(rows, test, evaluate_run, settings, progress)
    figures["wake"] = {name: summary(found) for name, found in tuned.items()}
    figures["seconds"] = time.perf_counter() - began
    write_figures(out, settings, figures)
    return fill(settings, out, features, tuned, figures)


def summary(found: wake.Tuned) -> dict[str, Any]:
    """Return one way's figures: every seed's, their means, and the curves' means by epoch."""
    return {
        "seeds": found.ends,
        "mean": averaged(found.ends),
        "curve": [averaged(points) for points in zip(*found.curves, strict=True)],
    }


def averaged(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure."""
    return {key: mean(row[key] for row in rows) for key in rows[0]}
