"""Learning the machine, its layers first or all together at once, and fine-tuning it as a classifier."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Generator, Tensor
from torch.optim import SGD, Adam

from ... import data, evaluation, numerics
from ...errors import InputError
from ...machines import DBM, DoubledRBM
from ...progress import Progress
from ...sampling import PCD
from ...training import CenterGradient, classifier_inputs, finetune_classifier, to_sequential, train
from ...units import Bernoulli
from ..common.labeled import DIGITS, Rows, agreement, pairs
from ..common.steps import Settings, by_cd, counted, falling, stream

Curve = list[dict[str, float]]


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
        steps = by_cd(half, v, settings, optimizer, draw, settings["pretrain_cost"])
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
    sampler, transforms = PCD(chains, settings["chain_steps"]), [CenterGradient()] if settings["centered"] else []
    steps = train(machine, feed(gray, settings, draw), sampler, optimizer, transforms=transforms, generator=draw)
    for update, _ in falling(steps, optimizer, each * settings["epochs"], progress, "training"):
        if update % each == 0:
            yield update // each


def learn(machine: DBM, gray: Tensor, test: Rows, settings: Settings, progress: Progress) -> Curve:
    """Train the machine; return how mean field converges on some test rows, by epoch."""
    few = test.v[: settings["measured_rows"]]
    points = [{"epoch": 0, **convergence(machine, few, settings)}]
    for epoch in epochs(machine, gray, settings, progress):
        if epoch in settings["measured"] or epoch == settings["epochs"]:
            points.append({"epoch": epoch, **convergence(machine, few, settings)})
    return points


@torch.no_grad()
def convergence(machine: DBM, v: Tensor, settings: Settings) -> dict[str, float]:
    """Return the largest change in the last iteration allowed in training, and how many iterations all rows need."""
    short = machine.mean_field(v)
    with iterating(machine, settings["bound_iterations"]):
        long = machine.mean_field(v)
    error = evaluation.reconstruction_error(machine, v)
    return {"change": short.change, "iterations": long.steps, "left": long.change, "reconstruction": error}


@contextmanager
def iterating(machine: DBM, most: int) -> Iterator[None]:
    """Let mean field take so many iterations."""
    before, machine.infer_steps = machine.infer_steps, most
    try:
        yield
    finally:
        machine.infer_steps = before


# Fine-tuning


def prepared(machine: DBM, rows: Rows, progress: Progress, label: str, *, size: int = 2000) -> Rows:
    """Return what the network takes for every row: the pixels beside the mean-field state of the second layer."""
    parts = [classifier_inputs(machine, v) for v in progress(rows.v.split(size), f"features, {label}")]
    return Rows(torch.cat(parts), rows.label)


def tune(machine: DBM, rows: Rows, test: Rows, settings: Settings, progress: Progress) -> Curve:
    """Unroll the machine into a network and train it on the labels; return its errors by epoch, of test rows and of
    as many training rows.
    """
    draw, each = stream(settings["seed"], 3), data.steps_per_epoch(len(rows), settings["batch"])
    net = to_sequential(machine, DIGITS, generator=draw)
    optimizer, total = Adam(net.parameters(), lr=settings["tuning_rate"]), each * settings["tuning_epochs"]
    steps = finetune_classifier(
        net,
        pairs(rows, settings["batch"], draw),
        optimizer,
        dropout=settings["dropout"],
        blank=settings["blank"],
        generator=draw,
    )
    curve: Curve = []
    for update, _ in falling(steps, optimizer, total, progress, "fine-tuning"):
        if update % each == 0:
            with torch.no_grad():
                errors = [1 - agreement(net, held) for held in (test, rows.take(len(test)))]
            curve.append({"epoch": update // each, "test": errors[0], "train": errors[1]})
    return curve
