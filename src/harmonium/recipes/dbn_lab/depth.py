"""The second part of the lab: layers learned one by one, their losses, features, and the accuracy they lead to."""

from typing import Any

from torch import Tensor

from ... import evaluation
from ...machines import DBN
from ...progress import Progress
from ..common.labeled import Rows
from ..common.small_machines import checkpoints
from .lab import Settings, exact_accuracy, gibbs_accuracy, greedy, grow

JUDGED = 2000  # training rows whose labels are read back


def losses(rows: Rows, settings: Settings, progress: Progress) -> tuple[dict[str, Any], dict[int, Tensor]]:
    """Return each layer's reconstruction error of its own input by updates, and the lowest weights at some of them."""
    updates, features = settings["layer_updates"], {}
    due = set(checkpoints(updates, settings["points"]))
    at: list[int] = sorted(due)
    errors: dict[int, list[float]] = {}
    for number, update, machine, v in grow(rows, updates, settings["seed"], settings, progress, f"{len(rows):,} rows"):
        if update in due:
            errors.setdefault(number, []).append(evaluation.reconstruction_error(machine, v[:1000]))
        if number == 1 and update in settings["shown"]:
            features[update] = machine.weight.detach().clone()
    seen = {update: likeness(weight) for update, weight in features.items()}
    return {"rows": len(rows), "updates": at, "errors": errors, "features": seen}, features


def likeness(weight: Tensor) -> dict[str, float]:
    """Return the root mean square of some weights, and the mean size of the cosine between the weights of two units."""
    columns = weight / weight.norm(dim=0)
    cosines = (columns.mT @ columns).abs()
    units = len(cosines)
    alike = (float(cosines.sum()) - units) / (units * (units - 1))
    return {"root": float(weight.square().mean().sqrt()), "alike": alike}


def accuracies(train: Rows, test: Rows, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Return accuracies on training and test rows against the updates of each layer, for several numbers of rows."""
    found = {}
    for count in settings["counts"]:
        rows, lines = train.take(count), []
        for updates in settings["iterations"]:
            words = f"{len(rows):,} rows, {updates:,} updates"
            network = greedy(rows, updates, settings["seed"], settings, progress, words)
            lines.append({"updates": updates, **read(network, rows, test, settings["seed"])})
        found[len(rows)] = lines
    return {"test_rows": len(test), "train_rows_judged": JUDGED, "counts": found}


def read(network: DBN, train: Rows, test: Rows, seed: int) -> dict[str, float]:
    """Return the accuracy of a network by both read-outs, on at most 2,000 training rows and on the test rows."""
    seen = train.take(JUDGED)
    return {
        "train": exact_accuracy(network, seen),
        "test": exact_accuracy(network, test),
        "train_gibbs": gibbs_accuracy(network, seen, seed),
        "test_gibbs": gibbs_accuracy(network, test, seed),
    }
