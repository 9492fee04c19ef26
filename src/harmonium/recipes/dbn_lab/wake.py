"""The third part of the lab: fine-tuning from top to bottom, its two settings and the proper algorithm."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD

from ... import data
from ...machines import DBN
from ...progress import Progress
from ...training import Step, param_groups, schedule, updown
from ..common.labeled import Rows, agreement
from ..common.small_machines import stream
from ..common.steps import counted
from .lab import Settings, exact_accuracy, gibbs_accuracy, greedy
from .scoring import costs, dreams

START, PROPER = "layer by layer only", "the proper algorithm"


@dataclass
class Tuned:
    """What came of one way of fine-tuning, over the seeds: curves by epoch, figures at the end, samples of the first."""

    curves: list[list[dict[str, float]]] = field(default_factory=list)
    ends: list[dict[str, float]] = field(default_factory=list)
    dreamt: Tensor | None = None


def study(
    train: Rows, test: Rows, evaluate_run: nn.Sequential, settings: Settings, progress: Progress
) -> dict[str, Tuned]:
    """Fine-tune the same start in every way, for every seed, and measure before, between and after."""
    found = {name: Tuned() for name in (START, *settings["ways"])}
    for seed in range(settings["seed"] + 1, settings["seed"] + settings["seeds"] + 1):
        start = greedy(train, settings["start_updates"], seed, settings, progress, f"seed {seed}").requires_grad_(False)
        note(found[START], start, train, test, evaluate_run, settings, seed)
        first = seen(start, train, test, 0, settings, seed)
        for name, way in settings["ways"].items():
            curve = [first]
            network = copy.deepcopy(start).requires_grad_(True)
            for epoch, _ in epochs(network, train, way, settings, seed, progress, f"seed {seed}, {name}"):
                if epoch in settings["evaluated"]:
                    curve.append(seen(network, train, test, epoch, settings, seed))
            found[name].curves.append(curve)
            note(found[name], network.requires_grad_(False), train, test, evaluate_run, settings, seed)
    return found


def epochs(
    network: DBN, rows: Rows, way: dict[str, Any], settings: Settings, seed: int, progress: Progress, label: str
) -> Iterator[tuple[int, Step]]:
    """Run the up-down algorithm with one way's steps; yield the number of each epoch that is done."""
    draw, each = stream(seed, 8), data.steps_per_epoch(len(rows), settings["batch"])
    total, stages = each * settings["epochs"], way["gibbs_steps"]
    groups = param_groups(network, **{part: way[part] for part in ("generation", "recognition", "top")})
    optimizer = SGD(groups, lr=0.0)
    fall = schedule(optimizer, way["step"], total)
    feed = data.batches(torch.cat([rows.v, rows.marks()], 1), settings["batch"], generator=draw)
    steps = updown(
        network, feed, optimizer, gibbs_steps=lambda step: stages[min(step * len(stages) // total, len(stages) - 1)],
        generator=draw,
    )  # fmt: skip
    for update, step in counted(steps, total, progress, label):
        fall.step()
        if update % each == 0:
            yield update // each, step


def seen(network: DBN, train: Rows, test: Rows, epoch: int, settings: Settings, seed: int) -> dict[str, float]:
    """Return a point of the curves: accuracies on the first rows of both sets, and the cost of test rows."""
    few = test.take(settings["curve_rows"])
    return {
        "epoch": epoch,
        "train": exact_accuracy(network, train.take(settings["curve_rows"])),
        "exact": exact_accuracy(network, few),
        "gibbs": gibbs_accuracy(network, few, seed),
        "cost": costs(network, few, seed)["cost"],
    }


def note(
    found: Tuned, network: DBN, train: Rows, test: Rows, evaluate_run: nn.Sequential, settings: Settings, seed: int
) -> None:
    """Write down the figures of a finished network on all test rows, and keep the samples of the first seed."""
    dreamt = dreams(network, settings, seed)
    found.ends.append(
        {
            "train": exact_accuracy(network, train.take(len(test))),
            "exact": exact_accuracy(network, test),
            "gibbs": gibbs_accuracy(network, test, seed),
            **costs(network, test, seed),
            "dreams": agreement(evaluate_run, dreamt),
        }
    )
    found.dreamt = dreamt.v[:30] if found.dreamt is None else found.dreamt
