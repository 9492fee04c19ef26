"""How well a network generates: the cost of rows given their codes, and what a classifier makes of its dreams."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor, nn
from torch.optim import Adam

from ... import data, sampling
from ...machines import DBN, log_density
from ...training import backprop
from .. import Watch
from ..common.small_machines import stream
from ..common.steps import counted
from .lab import DIGITS, Rows, Settings


def classifier(grey: Rows, settings: Settings, watch: Watch) -> nn.Sequential:
    """Return a network of one hidden layer that learned the labels of real digits by back-propagation."""
    draw = stream(settings["seed"], 5)
    net = nn.Sequential(nn.Linear(grey.v.shape[1], 300), nn.Sigmoid(), nn.Linear(300, DIGITS))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.05 * torch.randn(parameter.shape, generator=draw))
    steps = backprop(net, pairs(grey, draw), Adam(net.parameters(), lr=0.002))
    for _ in counted(steps, settings["judge_updates"], watch, "the judge of dreams"):
        pass
    return net.requires_grad_(False)


def pairs(rows: Rows, draw: Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Return endless batches of 100 rows and their class numbers."""
    for x in data.batches(torch.cat([rows.v, rows.marks()], 1), 100, generator=draw):
        yield x[:, :-DIGITS], x[:, -DIGITS:].argmax(1)


def agreement(net: nn.Sequential, rows: Rows) -> float:
    """Return the share of rows that the classifier gives their label."""
    return float((net(rows.v).argmax(1) == rows.label).double().mean())


def dreams(network: DBN, settings: Settings, seed: int) -> Rows:
    """Return what the network draws for every label in turn, as means of the pixels, the label clamped."""
    label = torch.arange(DIGITS).repeat(settings["dreams"])
    *_, (_, mean) = sampling.dream(network, label, settings["dream_sweeps"], generator=stream(seed, 6))
    return Rows(mean, label)


@torch.no_grad()
def costs(network: DBN, rows: Rows, seed: int) -> dict[str, float]:
    """Return the mean of −log p(row | code) in nats: given the lowest code, and given it drawn down from the highest.

    Codes are drawn once by a pass up; the second way also draws every layer between on the way down.
    """
    draw, lowest = stream(seed, 7), network.arrows()[0]
    up = network.recognise(rows.v, generator=draw)
    down = network.generate(up[-1], generator=draw)
    return {
        name: -float(log_density(lowest.below, rows.v, lowest.down(states[1])).mean())
        for name, states in (("cost", up), ("deep_cost", down))
    }
