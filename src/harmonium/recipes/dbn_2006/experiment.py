"""The recipe ``dbn-2006``: learn the network, read it, and let it sample."""

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import evaluation, sampling
from ...evaluation import Classification
from ...machines import DBN
from ...progress import Progress, silent
from ...report.page import Page
from ...storage import save
from .. import recipe, write_figures
from ..common.labeled import DIGITS, Rows, agreement, classifier, mnist
from ..common.small_machines import stream
from .learning import Settings, greedy, tuned


def carry_out(settings: dict[str, Any], out: Path, *, progress: Progress = silent) -> Page:
    """Learn, measure before, between and after, write the figures, the pictures and the network, and fill the page."""
    from .page import fill

    train, test = mnist(settings, "train", "valid").take(settings["rows"]), mnist(settings, "test")
    few, began = test.take(settings["test_rows"]), time.perf_counter()
    evaluate_run = classifier(train, settings, progress)
    figures: dict[str, Any] = {
        "source": recipe("dbn-2006").source_figures,
        "rows": len(train),
        "evaluate_run": {"error": 1 - agreement(evaluate_run, test), "rows": len(test)},
    }
    clock = Clock(began)
    network = greedy(train, settings, progress)
    figures["seconds"] = {"evaluate_run": clock.before, "layers": clock.passed()}
    figures["before"], first = look(network, train, few, settings), dreams(network, settings, progress)
    figures["before"]["dreams"] = agreement(evaluate_run, first)
    spent = clock.passed()
    figures["curve"] = curve(network, train, few, figures["before"], settings, progress)
    figures["seconds"]["up-down"] = clock.passed()
    figures["after"], last = look(network, train, few, settings), dreams(network, settings, progress)
    figures["after"]["dreams"], figures["by_digit"] = agreement(evaluate_run, last), by_digit(evaluate_run, last)
    figures["seconds"]["reading and sampling"] = spent + clock.passed()
    save(network, out / "network.safetensors")
    write_figures(out, settings, figures)
    return fill(settings, out, (first, last), mistakes(network, few), figures)


class Clock:
    """The seconds since the last look at it; ``before`` are those from ``began`` until it was made."""

    def __init__(self, began: float):
        self.last = time.perf_counter()
        self.before = self.last - began

    def passed(self) -> float:
        """Return the seconds since the last look."""
        before, self.last = self.last, time.perf_counter()
        return self.last - before


def curve(
    network: DBN, train: Rows, test: Rows, start: dict[str, Any], settings: Settings, progress: Progress
) -> list[dict[str, float]]:
    """Fine-tune the network; return its test errors by epoch, and the loss of each epoch that is evaluated."""
    points = [{"epoch": 0, "exact": start["exact"], "gibbs": start["gibbs"]}]
    for epoch, loss in tuned(network, train, settings, progress):
        if epoch in settings["evaluated"] or epoch == settings["epochs"]:
            found = {"exact": exact_error(network, test), "gibbs": gibbs_error(network, test, settings)}
            points.append({"epoch": epoch, "loss": loss, **found})
    return points


# Reading


def look(network: DBN, train: Rows, test: Rows, settings: Settings) -> dict[str, Any]:
    """Return the errors by both read-outs on the test rows, and by the exact one on as many training rows."""
    return {
        "exact": exact_error(network, test),
        "gibbs": gibbs_error(network, test, settings),
        "train": exact_error(network, train.take(len(test))),
        "confusion": compared(network, test).confusion.tolist(),
    }


def compared(network: DBN, rows: Rows) -> Classification:
    """Return the counts of labels given by the exact free energy of every label above the means of the pass up."""
    return Classification.compare(evaluation.class_log_probs(network, rows.v).argmax(-1), rows.label, DIGITS)


def exact_error(network: DBN, rows: Rows) -> float:
    """Return the share of rows that the exact read-out gives another label."""
    return compared(network, rows).error


def gibbs_error(network: DBN, rows: Rows, settings: Settings) -> float:
    """Return the same share for the read-out by Gibbs steps from an even label, above a drawn pass up."""
    draw = stream(settings["seed"], 2)
    scores = evaluation.gibbs_class_probs(network, rows.v, gibbs_steps=settings["gibbs"], generator=draw)
    return Classification.compare(scores.argmax(-1), rows.label, DIGITS).error


def mistakes(network: DBN, rows: Rows) -> tuple[Rows, Tensor]:
    """Return the rows that the exact read-out gets wrong, the surest mistake first, and the labels that it gives."""
    log_p = torch.log_softmax(evaluation.class_log_probs(network, rows.v), -1)
    given = log_p.argmax(-1)
    wrong = torch.nonzero(given != rows.label).flatten()
    lost = (log_p[wrong, given[wrong]] - log_p[wrong, rows.label[wrong]]).argsort(descending=True)
    picked = wrong[lost]
    return Rows(rows.v[picked], rows.label[picked]), given[picked]


# Dreaming


def dreams(network: DBN, settings: Settings, progress: Progress) -> Rows:
    """Return what the network draws for every label in turn, as means of the pixels, the label clamped."""
    label, gibbs_steps = torch.arange(DIGITS).repeat(settings["dreams"]), settings["dream_sweeps"]
    chains = sampling.sample_label(
        network,
        label,
        gibbs_steps,
        progress=lambda steps: progress(steps, "dreams"),
        generator=stream(settings["seed"], 6),
    )
    *_, (_, mean) = chains
    return Rows(mean, label)


def by_digit(evaluate_run: torch.nn.Sequential, drawn: Rows) -> list[float]:
    """Return the share of each digit's samples that the evaluate gives their label."""
    return [
        agreement(evaluate_run, Rows(drawn.v[drawn.label == n], drawn.label[drawn.label == n])) for n in range(DIGITS)
    ]
