"""Learning the machine: all layers together, centered, or its layers first."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import SGD

from ... import data, evaluation, numerics
from ...errors import InputError
from ...machines import DBM, DoubledRBM
from ...progress import Progress
from ...sampling import CD, PCD
from ...training import L2, CenterGradient, schedule, train
from ...units import Bernoulli
from ..common.labeled import Rows
from ..common.small_machines import stream
from ..common.steps import counted

Settings = Mapping[str, Any]


def binarized(gray: Tensor, settings: Settings, draw: Generator) -> Tensor:
    """Return gray levels as zeros and ones: on above one half, or drawn with the gray level as probability."""
    if settings["binarize"] == "threshold":
        return (gray > 0.5).to(gray)
    if settings["binarize"] == "sample":
        return (numerics.uniform(gray, generator=draw) < gray).to(gray)
    raise InputError(f"binarize {settings['binarize']!r} was given where threshold or sample was expected")


def feed(gray: Tensor, settings: Settings, draw: Generator) -> Iterator[Tensor]:
    """Return endless batches of zeros and ones, drawn afresh at each meeting where they are drawn."""
    return (binarized(x, settings, draw) for x in data.batches(gray, settings["batch"], generator=draw))


def begin(gray: Tensor, settings: Settings, progress: Progress) -> DBM:
    """Return the machine to train: blank, with the data's means at the pixels, or stacked from doubled machines."""
    draw = stream(settings["seed"], 0)
    if settings["pretrain_epochs"]:
        return layer_by_layer(gray, settings, draw, progress)
    rows = [Bernoulli(width) for width in (gray.shape[1], *settings["layers"])]
    return DBM(*rows, infer_steps=settings["mean_field"], generator=draw).init_from_data(
        binarized(gray, settings, draw)
    )


def layer_by_layer(gray: Tensor, settings: Settings, draw: Generator, progress: Progress) -> DBM:
    """Return the machine whose pairs of layers were learned one by one by CD-1, doubled where a layer is missing."""
    v, halves = binarized(gray, settings, draw), []
    widths = list(pairwise((gray.shape[1], *settings["layers"])))
    for number, (below, above) in enumerate(widths, 1):
        copies = (1 if number == len(widths) else 2, 1 if number == 1 else 2)
        half = DoubledRBM(Bernoulli(below), Bernoulli(above), *copies, generator=draw).init_from_data(v)
        optimizer = SGD(half.parameters(), lr=settings["pretrain_rate"], momentum=0.5)
        batches = data.batches(v, settings["batch"], generator=draw)
        penalties = [L2(settings["pretrain_cost"])]
        steps = train(half, batches, CD(), optimizer, penalties=penalties, generator=draw)
        updates = settings["pretrain_epochs"] * data.steps_per_epoch(len(v), settings["batch"])
        for _ in counted(steps, updates, progress, f"layer {number}"):
            pass
        halves.append(half)
        with torch.no_grad():
            v = half.hidden.mean(half.up(v))
    return DBM.stack(halves, infer_steps=settings["mean_field"])


def epochs(machine: DBM, gray: Tensor, settings: Settings, progress: Progress) -> Iterator[int]:
    """Train the machine with mean field for the data and persistent chains; yield each epoch that is done."""
    draw, each = stream(settings["seed"], 1), data.steps_per_epoch(len(gray), settings["batch"])
    picked = numerics.integers(len(gray), settings["chains"], generator=draw)
    chains = machine.infer(binarized(gray[picked], settings, draw))
    optimizer = SGD(machine.parameters(), lr=settings["rate"])
    fall = schedule(optimizer, "linear", each * settings["epochs"])
    sampler, transforms = PCD(chains, settings["chain_sweeps"]), [CenterGradient()] if settings["centred"] else []
    steps = train(machine, feed(gray, settings, draw), sampler, optimizer, transforms=transforms, generator=draw)
    for update, _ in counted(steps, each * settings["epochs"], progress, "training"):
        fall.step()
        if update % each == 0:
            yield update // each


def learn(machine: DBM, gray: Tensor, test: Rows, settings: Settings, progress: Progress) -> list[dict[str, float]]:
    """Train the machine; return how mean field converges on some test rows, by epoch."""
    few = test.v[: settings["judged_rows"]]
    points = [{"epoch": 0, **convergence(machine, few, settings)}]
    for epoch in epochs(machine, gray, settings, progress):
        if epoch in settings["evaluated"] or epoch == settings["epochs"]:
            points.append({"epoch": epoch, **convergence(machine, few, settings)})
    return points


@torch.no_grad()
def convergence(machine: DBM, v: Tensor, settings: Settings) -> dict[str, float]:
    """Return the largest change in the last Gibbs step allowed in training, and how many Gibbs steps all rows need."""
    short = machine.mean_field(v)
    with sweeping(machine, settings["bound_sweeps"]):
        long = machine.mean_field(v)
    error = evaluation.reconstruction_error(machine, v)
    return {"change": short.change, "gibbs_steps": long.gibbs_steps, "left": long.change, "reconstruction": error}


@contextmanager
def sweeping(machine: DBM, gibbs_steps: int) -> Iterator[None]:
    """Let mean field take so many Gibbs steps."""
    before, machine.infer_steps = machine.infer_steps, gibbs_steps
    try:
        yield
    finally:
        machine.infer_steps = before
