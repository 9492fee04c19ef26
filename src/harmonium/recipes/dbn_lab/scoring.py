"""How well a network generates: its samples, and the cost of rows given their codes."""

import torch

from ... import sampling
from ...machines import DBN, log_density
from ..common.labeled import DIGITS, Rows
from ..common.small_machines import stream
from .lab import Settings


def dreams(network: DBN, settings: Settings, seed: int) -> Rows:
    """Return what the network draws for every label in turn, as means of the pixels, the label clamped."""
    label = torch.arange(DIGITS).repeat(settings["dreams"])
    *_, (_, mean) = sampling.sample_label(network, label, settings["dream_sweeps"], generator=stream(seed, 6))
    return Rows(mean, label)


@torch.no_grad()
def costs(network: DBN, rows: Rows, seed: int) -> dict[str, float]:
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
