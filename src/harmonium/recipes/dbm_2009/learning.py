"""Learning the machine: all layers together, centred, or its layers first."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import SGD

from ... import data, evaluation, numerics
from ...errors import InputError
from ...machines import DBM, Doubled
from ...progress import Watch
from ...sampling import Contrastive, Persistent
from ...training import L2, Centre, schedule, train
from ...units import Bernoulli
from ..common.labelled import Rows
from ..common.small_machines import stream
from ..common.steps import counted

Settings = Mapping[str, Any]


def binarised(grey: Tensor, settings: Settings, draw: Generator) -> Tensor:
    """Return grey levels as zeros and ones: on above one half, or drawn with the grey level as probability."""
    if settings["binarise"] == "threshold":
        return (grey > 0.5).to(grey)
    if settings["binarise"] == "sample":
        return (numerics.uniform(grey, generator=draw) < grey).to(grey)
    raise InputError(f"binarise {settings['binarise']!r} was given where threshold or sample was expected")


def feed(grey: Tensor, settings: Settings, draw: Generator) -> Iterator[Tensor]:
    """Return endless batches of zeros and ones, drawn afresh at each meeting where they are drawn."""
    return (binarised(x, settings, draw) for x in data.batches(grey, settings["batch"], generator=draw))


def begin(grey: Tensor, settings: Settings, watch: Watch) -> DBM:
    """Return the machine to train: blank, with the data's means at the pixels, or stacked from doubled machines."""
    draw = stream(settings["seed"], 0)
    if settings["pretrain_epochs"]:
        return layer_by_layer(grey, settings, draw, watch)
    rows = [Bernoulli(width) for width in (grey.shape[1], *settings["layers"])]
    return DBM(*rows, sweeps=settings["mean_field"], generator=draw).match(binarised(grey, settings, draw))


def layer_by_layer(grey: Tensor, settings: Settings, draw: Generator, watch: Watch) -> DBM:
    """Return the machine whose pairs of layers were learned one by one by CD-1, doubled where a layer is missing."""
    v, halves = binarised(grey, settings, draw), []
    widths = list(pairwise((grey.shape[1], *settings["layers"])))
    for number, (below, above) in enumerate(widths, 1):
        copies = (1 if number == len(widths) else 2, 1 if number == 1 else 2)
        half = Doubled(Bernoulli(below), Bernoulli(above), *copies, generator=draw).match(v)
        optimizer = SGD(half.parameters(), lr=settings["pretrain_rate"], momentum=0.5)
        batches = data.batches(v, settings["batch"], generator=draw)
        penalties = [L2(settings["pretrain_cost"])]
        steps = train(half, batches, Contrastive(), optimizer, penalties=penalties, generator=draw)
        updates = settings["pretrain_epochs"] * data.steps_per_epoch(len(v), settings["batch"])
        for _ in counted(steps, updates, watch, f"layer {number}"):
            pass
        halves.append(half)
        with torch.no_grad():
            v = half.hidden.mean(half.up(v))
    return DBM.stack(halves, sweeps=settings["mean_field"])


def epochs(machine: DBM, grey: Tensor, settings: Settings, watch: Watch) -> Iterator[int]:
    """Train the machine with mean field for the data and persistent chains; yield each epoch that is done."""
    draw, each = stream(settings["seed"], 1), data.steps_per_epoch(len(grey), settings["batch"])
    picked = torch.randint(len(grey), (settings["chains"],), generator=draw)
    chains = machine.infer(binarised(grey[picked], settings, draw))
    optimizer = SGD(machine.parameters(), lr=settings["rate"])
    fall = schedule(optimizer, "linear", each * settings["epochs"])
    sampler, edits = Persistent(chains, settings["chain_sweeps"]), [Centre()] if settings["centred"] else []
    steps = train(machine, feed(grey, settings, draw), sampler, optimizer, edits=edits, generator=draw)
    for update, _ in counted(steps, each * settings["epochs"], watch, "training"):
        fall.step()
        if update % each == 0:
            yield update // each


def learn(machine: DBM, grey: Tensor, test: Rows, settings: Settings, watch: Watch) -> list[dict[str, float]]:
    """Train the machine; return how mean field converges on some test rows, by epoch."""
    few = test.v[: settings["judged_rows"]]
    points = [{"epoch": 0, **convergence(machine, few, settings)}]
    for epoch in epochs(machine, grey, settings, watch):
        if epoch in settings["judged"] or epoch == settings["epochs"]:
            points.append({"epoch": epoch, **convergence(machine, few, settings)})
    return points


@torch.no_grad()
def convergence(machine: DBM, v: Tensor, settings: Settings) -> dict[str, float]:
    """Return the largest change in the last sweep allowed in training, and how many sweeps all rows need."""
    short = machine.mean_field(v)
    with sweeping(machine, settings["bound_sweeps"]):
        long = machine.mean_field(v)
    error = evaluation.reconstruction_error(machine, v)
    return {"change": short.change, "sweeps": long.sweeps, "left": long.change, "reconstruction": error}


@contextmanager
def sweeping(machine: DBM, sweeps: int) -> Iterator[None]:
    """Let mean field take so many sweeps."""
    before, machine.sweeps = machine.sweeps, sweeps
    try:
        yield
    finally:
        machine.sweeps = before
