"""Fine-tuning the machine as a classifier."""

import torch
from torch import nn
from torch.optim import Adam

from ... import data
from ...machines import DBM
from ...progress import Progress
from ...training import classifier_inputs, finetune_classifier, schedule, to_sequential
from ..common.labeled import DIGITS, Rows, agreement, pairs
from ..common.small_machines import stream
from ..common.steps import counted
from .learning import Settings

Curve = list[dict[str, float]]


def prepared(machine: DBM, rows: Rows, progress: Progress, label: str, *, size: int = 2000) -> Rows:
    """Return what the network takes for every row: the pixels beside the mean-field state of the second layer."""
    parts = [classifier_inputs(machine, v) for v in progress(rows.v.split(size), f"features, {label}")]
    return Rows(torch.cat(parts), rows.label)


def tune(machine: DBM, train: Rows, test: Rows, settings: Settings, progress: Progress) -> Curve:
    """Unroll the machine into a network and train it on the labels; return its errors by epoch, of test rows and of
    as many training rows.
    """
    draw, each = stream(settings["seed"], 3), data.steps_per_epoch(len(train), settings["batch"])
    net = to_sequential(machine, DIGITS, generator=draw)
    optimizer = Adam(net.parameters(), lr=settings["tuning_rate"])
    total = each * settings["tuning_epochs"]
    fall = schedule(optimizer, "linear", total)
    feed = pairs(train, settings["batch"], draw)
    steps = finetune_classifier(
        net, feed, optimizer, dropout=settings["dropout"], blank=settings["blank"], generator=draw
    )
    curve: Curve = []
    for update, _ in counted(steps, total, progress, "fine-tuning"):
        fall.step()
        if update % each == 0:
            found = {"test": error(net, test), "train": error(net, train.take(len(test)))}
            curve.append({"epoch": update // each, **found})
    return curve


@torch.no_grad()
def error(net: nn.Sequential, rows: Rows) -> float:
    """Return the share of rows that the network gives another label."""
    return 1 - agreement(net, rows)
