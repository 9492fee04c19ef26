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
    """``strength`` · Σ|W| over all weights, (below, above) each; biases are free.

    Example:
        >>> import harmonium as hm, torch
        >>> rbm = hm.RBM.from_tensors(torch.full((2, 2), -0.5), torch.zeros(2), torch.zeros(2))
        >>> hm.L1(0.5)(rbm, torch.zeros(1, 2)).item(), hm.L2(0.5)(rbm, torch.zeros(1, 2)).item()
        (1.0, 0.25)
    """

    strength: float

    def __call__(self, machine: Machine, positive: Tensor) -> Tensor:
        return self.strength * torch.stack([weight.abs().sum() for weight in machine.weights]).sum()


@dataclass(frozen=True)
class L2:
    """``strength``/2 · ΣW² over all weights: the weight cost of Hinton's guide (2012); biases are free."""

    strength: float

    def __call__(self, machine: Machine, positive: Tensor) -> Tensor:
        return 0.5 * self.strength * torch.stack([weight.square().sum() for weight in machine.weights]).sum()


@dataclass(frozen=True)
class SparsityPenalty:
    """``strength`` · Σ cross-entropy(``target``, mean activity over the batch), summed over hidden units in 0…1.

    Its gradient on each hidden field is proportional to activity − target (Hinton, 2012, §11).  Latent layers are
    active as the rows beside them, which are summed out, ask for.

    Example:
        >>> import harmonium as hm
        >>> rbm, v = hm.RBM(9, 4), hm.data.bars_and_stripes(3)  # rows (14, 9)
        >>> bool(hm.SparsityPenalty(target=0.1)(rbm, v) > 0)
        True
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

    Example:
        >>> import harmonium as hm, torch
        >>> rbm = hm.RBM(hm.Concat(9, hm.Potts(1, 2)), 4)
        >>> rows = rbm.sample_independent(5)  # (5, 11): the label one-hot at the end
        >>> round(hm.HybridLoss(1.0)(rbm, rows).item(), 1)  # log 2: nothing is learned yet
        0.7
    """

    strength: float

    def __call__(self, machine: Machine, positive: Tensor) -> Tensor:
        first = machine.visible.width - machine.visible.labels
        v, label = positive[:, :first], positive[:, first : machine.visible.width]
        return -self.strength * (label_log_probs(machine, v).log_softmax(-1) * label).sum(-1).mean()
