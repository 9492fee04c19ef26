"""The recipe ``dbn-2006``: learn the network, read it, and let it dream."""

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import evaluation, sampling
from ...evaluation import Classification
from ...machines import DBN
from ...progress import Watch, passing
from ...report.page import Page
from ...storage import save
from .. import recipe, write_figures
from ..common.labelled import DIGITS, Rows, agreement, classifier, mnist
from ..common.small_machines import stream
from .learning import Settings, greedy, tuned


def carry_out(settings: dict[str, Any], out: Path, *, watch: Watch = passing) -> Page:
    """Learn, measure before, between and after, write the figures, the pictures and the network, and fill the page."""
    from .page import fill

    train, test = mnist(settings, "train", "valid").take(settings["rows"]), mnist(settings, "test")
    few, began = test.take(settings["test_rows"]), time.perf_counter()
    judge = classifier(train, settings, watch)
    figures: dict[str, Any] = {
        "source": recipe("dbn-2006").source_figures,
        "rows": len(train),
        "judge": {"error": 1 - agreement(judge, test), "rows": len(test)},
    }
    clock = Clock(began)
    network = greedy(train, settings, watch)
    figures["seconds"] = {"judge": clock.before, "layers": clock.passed()}
    figures["before"], first = look(network, train, few, settings), dreams(network, settings, watch)
    figures["before"]["dreams"] = agreement(judge, first)
    spent = clock.passed()
    figures["curve"] = curve(network, train, few, figures["before"], settings, watch)
    figures["seconds"]["up-down"] = clock.passed()
    figures["after"], last = look(network, train, few, settings), dreams(network, settings, watch)
    figures["after"]["dreams"], figures["by_digit"] = agreement(judge, last), by_digit(judge, last)
    figures["seconds"]["reading and dreaming"] = spent + clock.passed()
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
    network: DBN, train: Rows, test: Rows, start: dict[str, Any], settings: Settings, watch: Watch
) -> list[dict[str, float]]:
    """Fine-tune the network; return its test errors by epoch, and the loss of each epoch that is judged."""
    points = [{"epoch": 0, "exact": start["exact"], "gibbs": start["gibbs"]}]
    for epoch, loss in tuned(network, train, settings, watch):
        if epoch in settings["judged"] or epoch == settings["epochs"]:
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
    return Classification.compare(evaluation.scores(network, rows.v).argmax(-1), rows.label, DIGITS)


def exact_error(network: DBN, rows: Rows) -> float:
    """Return the share of rows that the exact read-out gives another label."""
    return compared(network, rows).error


def gibbs_error(network: DBN, rows: Rows, settings: Settings) -> float:
    """Return the same share for the read-out by sweeps from an even label, above a drawn pass up."""
    draw = stream(settings["seed"], 2)
    scores = evaluation.gibbs_scores(network, rows.v, sweeps=settings["gibbs"], generator=draw)
    return Classification.compare(scores.argmax(-1), rows.label, DIGITS).error


def mistakes(network: DBN, rows: Rows) -> tuple[Rows, Tensor]:
    """Return the rows that the exact read-out gets wrong, the surest mistake first, and the labels that it gives."""
    log_p = torch.log_softmax(evaluation.scores(network, rows.v), -1)
    given = log_p.argmax(-1)
    wrong = torch.nonzero(given != rows.label).flatten()
    lost = (log_p[wrong, given[wrong]] - log_p[wrong, rows.label[wrong]]).argsort(descending=True)
    picked = wrong[lost]
    return Rows(rows.v[picked], rows.label[picked]), given[picked]


# Dreaming


def dreams(network: DBN, settings: Settings, watch: Watch) -> Rows:
    """Return what the network draws for every label in turn, as means of the pixels, the label clamped."""
    label, sweeps = torch.arange(DIGITS).repeat(settings["dreams"]), settings["dream_sweeps"]
    chains = sampling.dream(
        network, label, sweeps, watch=lambda steps: watch(steps, "dreams"), generator=stream(settings["seed"], 6)
    )
    *_, (_, mean) = chains
    return Rows(mean, label)


def by_digit(judge: torch.nn.Sequential, drawn: Rows) -> list[float]:
    """Return the share of each digit's dreams that the judge gives their label."""
    return [agreement(judge, Rows(drawn.v[drawn.label == n], drawn.label[drawn.label == n])) for n in range(DIGITS)]
