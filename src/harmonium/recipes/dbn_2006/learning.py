"""Learning the network: its layers one by one, then all of them together."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import SGD

from ... import data
from ...machines import DBN, RBM
from ...progress import Progress
from ...sampling import CD
from ...training import L2, param_groups, schedule, train, updown
from ...units import Bernoulli, Concat, Potts
from ..common.labeled import DIGITS, Rows
from ..common.small_machines import stream
from ..common.steps import counted

Settings = Mapping[str, Any]
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}  # of the Gibbs steps at the top


def greedy(rows: Rows, settings: Settings, progress: Progress) -> DBN:
    """Return the network learned layer by layer, each layer on the means of the one below it."""
    draw, v, machines = stream(settings["seed"], 0), rows.v, []
    *below, top = settings["layers"]
    for number, hidden in enumerate(below, 1):
        machine = RBM(Bernoulli(v.shape[1]), Bernoulli(hidden), generator=draw)
        machine = machine.init_from_data(v) if number == 1 else machine
        climb(machine, v, draw, settings, "layer", 0.0, progress, f"layer {number}")
        machines.append(machine)
        with torch.no_grad():
            v = machine.hidden.mean(machine.up(v))
    machine = RBM(Concat(Bernoulli(v.shape[1]), Potts(1, DIGITS)), Bernoulli(top), generator=draw)
    climb(machine, torch.cat([v, rows.marks()], 1), draw, settings, "top", settings["top_cost"], progress, "the top")
    return DBN.stack([*machines, machine])


def climb(
    machine: RBM,
    v: Tensor,
    draw: Generator,
    settings: Settings,
    which: str,
    cost: float,
    progress: Progress,
    label: str,
) -> None:
    """Train an RBM on rows ``v`` by CD-1, with more momentum after the first epochs."""
    slow, fast = settings["momentum"]
    each = data.steps_per_epoch(len(v), settings["batch"])
    first = slow if settings["slow_epochs"] else fast
    optimizer = SGD(machine.parameters(), lr=settings[f"{which}_rate"], momentum=first)
    feed = data.batches(v, settings["batch"], generator=draw)
    steps = train(machine, feed, CD(), optimizer, penalties=[L2(cost)] if cost else [], generator=draw)
    for update, _ in counted(steps, each * settings[f"{which}_epochs"], progress, label):
        if update == each * settings["slow_epochs"]:
            for group in optimizer.param_groups:
                group["momentum"] = fast


def tuned(network: DBN, rows: Rows, settings: Settings, progress: Progress) -> Iterator[tuple[int, float]]:
    """Fine-tune the network by up-down; yield each epoch that is done and its mean loss in nats a row."""
    draw, each = stream(settings["seed"], 1), data.steps_per_epoch(len(rows), settings["batch"])
    total, stages = each * settings["epochs"], settings["gibbs_steps"]
    groups = param_groups(network, **{part: settings[part] for part in ("generation", "recognition", "top")})
    optimizer = SGD(groups, lr=0.0)
    fall = schedule(optimizer, settings["step"], total)
    feed = data.batches(torch.cat([rows.v, rows.marks()], 1), settings["batch"], generator=draw)
    steps = updown(
        network, feed, optimizer, precision=PRECISIONS[settings["precision"]], generator=draw,
        gibbs_steps=lambda at: stages[at * len(stages) // total],
    )  # fmt: skip
    losses = []
    for update, step in counted(steps, total, progress, "up-down"):
        fall.step()
        losses.append(step.loss)
        if update % each == 0:
            yield update // each, float(torch.stack(losses).mean())
            losses.clear()
