"""The first part of the lab: one RBM, its reconstruction error and the rest of its weights."""

from typing import Any

import torch
from torch import Tensor

from ... import evaluation
from ...machines import RBM
from ...progress import Progress
from ..common.labeled import Rows
from ..common.small_machines import checkpoints, stream
from ..common.steps import counted
from .lab import Settings, contrastive, row_of


def measure(train: Rows, test: Rows, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Return, for each number of hidden units, errors by updates and by Gibbs steps and how many weights rest."""
    found = {hidden: one(train, test, hidden, settings, progress) for hidden in settings["widths"]}
    return {"rows": len(train), "test_rows": len(test), "limit": settings["limit"], "widths": found}


def one(train: Rows, test: Rows, hidden: int, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Train one RBM and return its curves; reconstruction errors are mean squares a pixel, of test rows."""
    draw, updates = stream(settings["seed"], 3), settings["alone_updates"]
    machine = row_of(train.v, hidden, draw)
    due, at = set(checkpoints(updates, settings["points"])), [0]
    errors, resting, still = [evaluation.reconstruction_error(machine, test.v)], [], []
    before = machine.weight.detach().clone()
    steps = contrastive(machine, train.v, settings, draw, settings["rate"])
    for update, _ in counted(steps, updates, progress, f"{hidden} units"):
        still.append(evaluation.static_weight_fraction([before], [machine.weight], settings["limit"]))
        before.copy_(machine.weight.detach())
        if update in due:
            at.append(update)
            errors.append(evaluation.reconstruction_error(machine, test.v))
            resting.append(sum(still) / len(still))
            still.clear()
    return {
        "updates": at,
        "errors": errors,
        "resting": resting,
        "gibbs_steps": settings["far"],
        "far": wandered(machine, test.v, settings["far"], settings["seed"]),
    }


@torch.no_grad()
def wandered(machine: RBM, v: Tensor, gibbs_steps: list[int], seed: int) -> list[float]:
    """Return the mean squared error a pixel between rows and the means of chains from them, after so many Gibbs
    steps.
    """
    draw, x, found = stream(seed, 4), v, []
    for step in range(1, max(gibbs_steps) + 1):
        x, mean = machine.gibbs_with_means(x, generator=draw)
        if step in gibbs_steps:
            found.append(float((mean - v).square().mean()))
    return found
