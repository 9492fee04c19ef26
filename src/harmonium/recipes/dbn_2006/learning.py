"""Learning the network layer by layer."""

import torch
from torch import Generator, Tensor
from torch.optim import SGD

from ... import data
from ...machines import DBN, RBM
from ...progress import Progress
from ...units import Bernoulli, Concat, Potts
from ..common.labeled import DIGITS, Rows
from ..common.steps import Settings, by_cd, counted, stream


def greedy(rows: Rows, settings: Settings, progress: Progress) -> DBN:
    """Return the network learned layer by layer, each layer on the means of the one below it."""
    draw, v, machines = stream(settings["seed"], 0), rows.v, []
    *below, top = settings["layers"]
    for number, hidden in enumerate(below, 1):
        machine = RBM(Bernoulli(v.shape[1]), Bernoulli(hidden), generator=draw)
        machine = machine.init_from_data(v) if number == 1 else machine
        climb(machine, v, draw, settings, "layer", progress, f"layer {number}")
        machines.append(machine)
        with torch.no_grad():
            v = machine.hidden.mean(machine.up(v))
    machine = RBM(Concat(Bernoulli(v.shape[1]), Potts(1, DIGITS)), Bernoulli(top), generator=draw)
    climb(machine, torch.cat([v, rows.marks()], 1), draw, settings, "top", progress, "the top")
    return DBN.stack([*machines, machine])


def climb(
    machine: RBM, v: Tensor, draw: Generator, settings: Settings, which: str, progress: Progress, label: str
) -> None:
    """Train an RBM on rows ``v`` by CD-1, with more momentum after the first epochs."""
    slow, fast = settings["momentum"]
    each, change = data.steps_per_epoch(len(v), settings["batch"]), settings["slow_epochs"]
    optimizer = SGD(machine.parameters(), lr=settings[f"{which}_rate"], momentum=slow if change else fast)
    steps = by_cd(machine, v, settings, optimizer, draw, settings[f"{which}_cost"])
    for update, _ in counted(steps, each * settings[f"{which}_epochs"], progress, label):
        if update == each * change:
            for group in optimizer.param_groups:
                group["momentum"] = fast
