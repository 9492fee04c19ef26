"""Penalties: terms added to the loss, called as ``penalty(machine, positive)``."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..machines import Bipartite, Machine, label_log_probs
from ..numerics import distributed
from ..units import Bernoulli, Potts

Penalty = Callable[[Machine, Tensor], Tensor]


@dataclass(frozen=True)
class L1:
    """``strength`` · Σ|W| over all weights; biases are free."""

    strength: float

    def __call__(self, machine: Machine, positive: Tensor) -> Tensor:
        return self.strength * torch.stack([weight.abs().sum() for weight in machine.weights]).sum()


@dataclass(frozen=True)
class L2:
    """``strength``/2 · ΣW² over all couplings: the weight cost of Hinton's guide (2012); biases are free."""

    strength: float

    def __call__(self, machine: Machine, positive: Tensor) -> Tensor:
        return 0.5 * self.strength * torch.stack([weight.square().sum() for weight in machine.weights]).sum()


@dataclass(frozen=True)
class SparsityPenalty:
    """``strength`` · Σ cross-entropy(``target``, mean activity over the batch), summed over hidden units in 0…1.

    Its gradient on each hidden field is proportional to activity − target (Hinton, 2012, §11).  Latent layers are
    active as the rows beside them, which are summed out, ask for.
    """

    target: float
    strength: float = 0.01

    def __call__(self, machine: Machine, positive: Tensor) -> Tensor:
        if not isinstance(machine, Bipartite):
            kind = type(machine).__name__
            raise TypeError(f"SparsityPenalty needs a hidden row that is summed out, and a {kind} has none")
        for part in (part for row in (machine.odd, *machine.latent) for part in row.components()):
            if not isinstance(part, Bernoulli | Potts):
                raise TypeError(f"SparsityPenalty needs hidden units in 0…1, not {type(part).__name__}: leave it out")
        activity = machine.odd.mean(machine.up(positive))
        if machine.latent:
            above = machine.even.mean(machine.down(activity))[..., machine.visible.width :]
            activity = torch.cat([activity, above], -1)
        activity = distributed.mean(activity.mean(0)).clamp(1e-6, 1 - 1e-6)
        surprise = self.target * activity.log() + (1 - self.target) * torch.log1p(-activity)
        return -self.strength * surprise.sum()


@dataclass(frozen=True)
class HybridLoss:
    """``strength`` · mean −log p(label | v) over the batch, by the free energy of every label.

    Added to the generative loss it makes the hybrid objective of Larochelle & Bengio (2008).
    """

    strength: float

    def __call__(self, machine: Machine, positive: Tensor) -> Tensor:
        first = machine.visible.width - machine.visible.labels
        v, label = positive[:, :first], positive[:, first : machine.visible.width]
        return -self.strength * (label_log_probs(machine, v).log_softmax(-1) * label).sum(-1).mean()
