"""The third part of the lab: fine-tuning from top to bottom, its two settings and the proper algorithm."""

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ...machines import DBN, log_density
from ...progress import Progress
from ..common.labeled import Rows, agreement, by_chain, exact, to_order, tuned
from ..common.steps import Settings, stream
from .layers import greedy

START, PROPER = "layer by layer only", "the proper algorithm"
Point = dict[str, float]


@dataclass
class Tuned:
    """What came of one way over the seeds: curves by epoch, figures at the end, digits that the first one draws."""

    curves: list[list[Point]] = field(default_factory=list)
    ends: list[Point] = field(default_factory=list)
    drawn: Tensor | None = None


def study(train: Rows, test: Rows, net: nn.Sequential, settings: Settings, progress: Progress) -> dict[str, Tuned]:
    """Fine-tune the same start in every way, for every seed, and measure before, between and after."""
    found, few = {name: Tuned() for name in (START, *settings["ways"])}, settings["curve_rows"]
    for seed in range(settings["seed"] + 1, settings["seed"] + settings["seeds"] + 1):
        start = greedy(train, settings["start_updates"], seed, settings, progress, f"seed {seed}").requires_grad_(False)
        note(found[START], start, train, test, net, settings, seed)
        first = {"epoch": 0, **seen(start, train.take(few), test.take(few), settings, seed)}
        for name, way in settings["ways"].items():
            curve, network = [first], copy.deepcopy(start).requires_grad_(True)
            for epoch, _ in tuned(network, train, way, settings, stream(seed, 8), progress, f"seed {seed}, {name}"):
                if epoch in settings["measured"]:
                    curve.append({"epoch": epoch, **seen(network, train.take(few), test.take(few), settings, seed)})
            found[name].curves.append(curve)
            note(found[name], network.requires_grad_(False), train, test, net, settings, seed)
    return found


def seen(network: DBN, train: Rows, test: Rows, settings: Settings, seed: int) -> Point:
    """Return accuracies on both sets, and the costs of test rows."""
    return {
        "train": exact(network, train).accuracy,
        "exact": exact(network, test).accuracy,
        "gibbs": by_chain(network, test, settings["readout_steps"], seed).accuracy,
        **costs(network, test, seed),
    }


@torch.no_grad()
def costs(network: DBN, rows: Rows, seed: int) -> Point:
    """Return the mean of −log p(row | code) in nats: given the lowest code, and given it drawn down from the highest.

    Codes are drawn once by a pass up; the second way also draws every layer between on the way down.
    """
    draw, lowest = stream(seed, 7), network.arrows()[0]
    up = network.recognize(rows.v, generator=draw)
    down = network.generate(up[-1], generator=draw)
    return {
        name: -float(log_density(lowest.below, rows.v, lowest.down(states[1])).mean())
        for name, states in (("cost", up), ("deep_cost", down))
    }


def note(
    found: Tuned, network: DBN, train: Rows, test: Rows, net: nn.Sequential, settings: Settings, seed: int
) -> None:
    """Write down the figures of a finished network on all test rows, and keep the digits of the first seed."""
    drawn = to_order(network, settings, seed)
    end = seen(network, train.take(len(test)), test, settings, seed)
    found.ends.append({**end, "recognized": agreement(net, drawn)})
    found.drawn = drawn.v[:30] if found.drawn is None else found.drawn
