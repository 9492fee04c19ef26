"""What all parts of the lab share: the rows, the layers learned one by one, and their two read-outs."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import SGD

from ... import data, evaluation
from ...evaluation import Classification
from ...machines import DBN, RBM
from ...progress import Progress
from ...sampling import CD
from ...training import Step, train
from ...units import Bernoulli, Concat, Potts
from ..common.labeled import DIGITS, Rows, mnist
from ..common.small_machines import stream
from ..common.steps import counted

Settings = Mapping[str, Any]


def load(settings: Settings, split: str) -> Rows:
    """Return one split of MNIST, thresholded."""
    return mnist(settings, split, binarize="threshold")


# Learning


def row_of(v: Tensor, hidden: int, draw: Generator, labels: int = 0) -> RBM:
    """Return an untrained RBM over rows ``v``, whose last columns may be labels."""
    width = v.shape[1] - labels
    visible = Concat(Bernoulli(width), Potts(1, labels)) if labels else Bernoulli(width)
    return RBM(visible, Bernoulli(hidden), generator=draw).init_from_data(v)


def contrastive(machine: RBM, v: Tensor, settings: Settings, draw: Generator, rate: float) -> Iterator[Step]:
    """Return endless updates of CD-1 on rows ``v``, with momentum, ``rate`` being the step on the mean gradient."""
    optimizer = SGD(machine.parameters(), lr=rate, momentum=settings["momentum"])
    feed = data.batches(v, settings["batch"], generator=draw)
    return train(machine, feed, CD(), optimizer, generator=draw)


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
        steps = contrastive(machine, v, settings, draw, settings["top_rate" if last else "rate"])
        for update, _ in counted(steps, updates, progress, f"{label}, layer {number}"):
            yield number, update, machine, v
        with torch.no_grad():
            v = machine.hidden.mean(machine.up(v))


def greedy(rows: Rows, updates: int, seed: int, settings: Settings, progress: Progress, label: str) -> DBN:
    """Return the network learned layer by layer."""
    found = {number: machine for number, _, machine, _ in grow(rows, updates, seed, settings, progress, label)}
    return DBN.stack(list(found.values()))


# The two read-outs


def exact_accuracy(network: DBN, rows: Rows) -> float:
    """Return the share of rows whose label has the lowest free energy above the means of the pass up."""
    return accuracy(evaluation.class_log_probs(network, rows.v), rows)


def gibbs_accuracy(network: DBN, rows: Rows, seed: int) -> float:
    """Return the share of rows that 15 Gibbs steps from an even label, above a drawn pass up, give their label."""
    return accuracy(evaluation.gibbs_class_probs(network, rows.v, gibbs_steps=15, generator=stream(seed, 2)), rows)


def accuracy(scores: Tensor, rows: Rows) -> float:
    """Return the share of rows whose own label has the highest score."""
    return Classification.compare(scores.argmax(-1), rows.label, DIGITS).accuracy
