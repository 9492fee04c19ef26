"""The first parts of the lab: one RBM alone, then layers learned one by one, their losses and their accuracy."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import SGD

from ... import evaluation
from ...machines import DBN, RBM
from ...progress import Progress
from ...units import Bernoulli, Concat, Potts
from ..common.labeled import DIGITS, Rows, by_chain, exact
from ..common.steps import Settings, by_cd, checkpoints, counted, stream

Features = dict[int, Tensor]

# Learning


def row_of(v: Tensor, hidden: int, draw: Generator, labels: int = 0) -> RBM:
    """Return an untrained RBM over rows ``v``, whose last columns may be labels."""
    width = v.shape[1] - labels
    visible = Concat(Bernoulli(width), Potts(1, labels)) if labels else Bernoulli(width)
    return RBM(visible, Bernoulli(hidden), generator=draw).init_from_data(v)


def grow(
    rows: Rows, updates: int, seed: int, settings: Settings, progress: Progress, label: str
) -> Iterator[tuple[int, int, RBM, Tensor]]:
    """Learn the layers one by one; yield each update: the layer's and its own number from 1, the RBM, its rows.

    A layer learns from the means of the one below it; the last one has the labels beside them.
    """
    draw, v, layers = stream(seed, 1), rows.v, settings["layers"]
    for number, hidden in enumerate(layers, 1):
        last = number == len(layers)
        v = torch.cat([v, rows.marks()], 1) if last else v
        machine = row_of(v, hidden, draw, labels=DIGITS if last else 0)
        rate, momentum = settings["top_rate" if last else "rate"], settings["momentum"]
        steps = by_cd(machine, v, settings, SGD(machine.parameters(), lr=rate, momentum=momentum), draw)
        for update, _ in counted(steps, updates, progress, f"{label}, layer {number}"):
            yield number, update, machine, v
        with torch.no_grad():
            v = machine.hidden.mean(machine.up(v))


def greedy(rows: Rows, updates: int, seed: int, settings: Settings, progress: Progress, label: str) -> DBN:
    """Return the network learned layer by layer."""
    found = {number: machine for number, _, machine, _ in grow(rows, updates, seed, settings, progress, label)}
    return DBN.stack(list(found.values()))


# One RBM alone


def alone(train: Rows, test: Rows, hidden: int, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Train one RBM and return its curves: mean squared errors of reconstruction, and shares of resting weights."""
    draw, updates = stream(settings["seed"], 3), settings["alone_updates"]
    machine = row_of(train.v, hidden, draw)
    due, at = set(checkpoints(updates, settings["points"])), [0]
    errors, resting, still = [evaluation.reconstruction_error(machine, test.v)], [], []
    before = machine.weight.detach().clone()
    optimizer = SGD(machine.parameters(), lr=settings["rate"], momentum=settings["momentum"])
    steps = by_cd(machine, train.v, settings, optimizer, draw)
    for update, _ in counted(steps, updates, progress, f"{hidden} units"):
        still.append(evaluation.static_weight_fraction([before], [machine.weight], settings["limit"]))
        before.copy_(machine.weight.detach())
        if update in due:
            at.append(update)
            errors.append(evaluation.reconstruction_error(machine, test.v))
            resting.append(sum(still) / len(still))
            still.clear()
    far = errors_along_chains(machine, test.v, settings["far"], settings["seed"])
    return {"updates": at, "errors": errors, "resting": resting, "far": far}


@torch.no_grad()
def errors_along_chains(machine: RBM, v: Tensor, steps: list[int], seed: int) -> list[float]:
    """Return the mean squared error a pixel between rows and the means of chains from them, after so many steps."""
    draw, x, found = stream(seed, 4), v, []
    for step in range(1, max(steps) + 1):
        x, mean = machine.gibbs_with_means(x, generator=draw)
        if step in steps:
            found.append(float((mean - v).square().mean()))
    return found


# Layers


def losses(rows: Rows, settings: Settings, progress: Progress) -> tuple[dict[str, Any], Features]:
    """Return each layer's reconstruction error of its own input by updates, and the lowest weights at some of them."""
    updates, features = settings["layer_updates"], {}
    due = set(checkpoints(updates, settings["points"]))
    errors: dict[int, list[float]] = {}
    for number, update, machine, v in grow(rows, updates, settings["seed"], settings, progress, f"{len(rows):,} rows"):
        if update in due:
            errors.setdefault(number, []).append(evaluation.reconstruction_error(machine, v[:1000]))
        if number == 1 and update in settings["shown"]:
            features[update] = machine.weight.detach().clone()
    seen = {update: likeness(weight) for update, weight in features.items()}
    return {"rows": len(rows), "updates": sorted(due), "errors": errors, "features": seen}, features


def likeness(weight: Tensor) -> dict[str, float]:
    """Return the root mean square of some weights, and the mean size of the cosine between the weights of two units."""
    columns = weight / weight.norm(dim=0)
    cosines = (columns.mT @ columns).abs()
    units = len(cosines)
    alike = (float(cosines.sum()) - units) / (units * (units - 1))
    return {"root": float(weight.square().mean().sqrt()), "alike": alike}


def accuracies(train: Rows, test: Rows, settings: Settings, progress: Progress) -> dict[int, list[dict[str, float]]]:
    """Return accuracies by both read-outs against the updates of each layer, for several numbers of training rows."""
    found, seed = {}, settings["seed"]
    for count in settings["counts"]:
        rows, lines = train.take(count), []
        for updates in settings["iterations"]:
            network = greedy(rows, updates, seed, settings, progress, f"{len(rows):,} rows, {updates:,} updates")
            line: dict[str, float] = {"updates": updates}
            for name, seen in (("train", rows.take(settings["train_rows_read"])), ("test", test)):
                line[name] = exact(network, seen).accuracy
                line[f"{name}_gibbs"] = by_chain(network, seen, settings["readout_steps"], seed).accuracy
            lines.append(line)
        found[len(rows)] = lines
    return found
