"""One update of a machine that is small enough to know everything of, in slow motion."""

import math
from functools import cached_property

import torch
from torch import Generator, Tensor

from ..data import bars_and_stripes
from ..evaluation import log_likelihood, log_partition
from ..machines import RBM
from .asks import Microscope
from .wire import Answer, floats_of

SIDE, HIDDEN = 3, 4
LARGER = 30  # times the first weights of an RBM, from which hundreds of updates would show next to nothing


class Slide:
    """A machine of 3 × 3 visible and 4 hidden units that learns bars and stripes, one update at a time."""

    def __init__(self, seed: int = 0):
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Begin with new weights, and with the chains of PCD at rows of the data."""
        self.generator = Generator().manual_seed(seed)
        self.machine = RBM(SIDE * SIDE, HIDDEN, generator=self.generator).requires_grad_(False)
        self.machine.weight.mul_(LARGER)
        self.chains, self.update = self.data.clone(), 0

    @cached_property
    def data(self) -> Tensor:
        """All bars and stripes, (14, 9)."""
        return bars_and_stripes(SIDE)

    @torch.no_grad()
    def look(self, ask: Microscope) -> Answer:
        """Make updates, and return every part of the last."""
        if ask.restart:
            self.restart(ask.seed)
        for _ in range(ask.updates - 1):
            self._step(ask)
        before, exact, weight = self._log_likelihood(), self._exact(), self.machine.weight.clone()
        told = self._step(ask) | {"exact": exact, "weight": weight}
        return {
            "update": self.update,
            "log_likelihood": before,
            "log_likelihood_after": self._log_likelihood(),
            "best": -math.log(len(self.data)),
            "cosine": float(torch.cosine_similarity(told["difference"].flatten(), exact.flatten(), 0)),
        }, {name: floats_of(x) for name, x in told.items()}

    def _step(self, ask: Microscope) -> dict[str, Tensor]:
        """Make one update, and return its parts."""
        machine = self.machine
        v0 = self.data[torch.arange(self.update * ask.batch, (self.update + 1) * ask.batch) % len(self.data)]
        h0, (vs, hs) = machine.hidden.mean(machine.up(v0)), self._chain(ask, v0)
        h1 = machine.hidden.mean(machine.up(vs[-1]))
        positive, negative = outer(v0, h0), outer(vs[-1], h1)
        self._learn(ask.lr, v0 - vs[-1], h0 - h1, positive - negative)
        self.update += 1
        told = {"v0": v0, "h0": h0, "chain_v": vs, "chain_h": hs, "h1": h1}
        return told | {"positive": positive, "negative": negative, "difference": positive - negative}

    def _chain(self, ask: Microscope, v0: Tensor) -> tuple[Tensor, Tensor]:
        """Return the visible and the hidden states of a chain: where it begins, and after each of k Gibbs steps."""
        machine, v = self.machine, self._start(ask, v0)
        vs, hs = [v], []
        for _ in range(ask.k):
            hs.append(machine.hidden.sample(machine.up(v), generator=self.generator))
            v = machine.visible.sample(machine.down(hs[-1]), generator=self.generator)
            vs.append(v)
        hs.append(machine.hidden.sample(machine.up(v), generator=self.generator))
        if ask.algorithm == "pcd":
            self.chains[: len(v)] = v
        return torch.stack(vs), torch.stack(hs)

    def _start(self, ask: Microscope, v0: Tensor) -> Tensor:
        if ask.algorithm == "pcd":
            return self.chains[: len(v0)].clone()
        return v0 if ask.algorithm == "cd" else self.machine.sample_independent(len(v0), generator=self.generator)

    def _learn(self, lr: float, visible: Tensor, hidden: Tensor, weight: Tensor) -> None:
        self.machine.weight.add_(weight, alpha=lr)
        self.machine.visible.bias.add_(visible.mean(0), alpha=lr)
        self.machine.hidden.bias.add_(hidden.mean(0), alpha=lr)

    def _log_likelihood(self) -> float:
        return log_likelihood(self.machine, self.data, log_partition(self.machine)).value

    def _exact(self) -> Tensor:
        """Return the gradient of the log-likelihood by the weights: data minus model, all 2⁹ rows listed."""
        machine = self.machine
        rows = machine.visible.states()
        weights = (-machine.free_energy(rows)).softmax(0)
        means = [machine.hidden.mean(machine.up(v)) for v in (self.data, rows)]
        return outer(self.data, means[0]) - (rows * weights[:, None]).mT @ means[1]


def outer(v: Tensor, h: Tensor) -> Tensor:
    """Return the mean outer product of rows, (9, 4)."""
    return v.mT @ h / len(v)
