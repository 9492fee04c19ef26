"""The RBM of the article behind the recipe ``walkthrough``, faults and all, and the same with its two faults mended.

`Printed` keeps the article's names and its arithmetic; only the random stream is passed in.  It is here to be measured:
for work, take `harmonium.RBM`.
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ...machines import RBM
from ...numerics import softplus
from ...units import Bernoulli


class Printed(nn.Module):
    """The article's class: D visible units with biases c, F hidden ones with biases b, W of shape (F, D), k steps."""

    def __init__(self, D: int, F: int, k: int, *, generator: Generator | None = None):
        super().__init__()
        self.W = nn.Parameter(torch.randn(F, D, generator=generator) * 1e-2)
        self.c = nn.Parameter(torch.zeros(D))
        self.b = nn.Parameter(torch.zeros(F))
        self.k = k

    def sample(self, p: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return draws of 0 and 1 after clamping ``p`` into 0…1."""
        return torch.bernoulli(torch.clamp(p, 0, 1), generator=generator)

    def P_h_x(self, x: Tensor) -> Tensor:
        """Return σ(Wx + b)."""
        return torch.sigmoid(F.linear(x, self.W, self.b))

    def P_x_h(self, h: Tensor) -> Tensor:
        """Return c + hW: the field, where a probability is expected."""
        return self.c + torch.matmul(h, self.W)

    def free_energy(self, x: Tensor) -> Tensor:
        """Return −c·x − Σ log(1 + exp(Wx + b)), the logarithm as printed."""
        visible = torch.sum(x * self.c, dim=1)
        hidden = torch.sum(torch.log(1 + torch.exp(F.linear(x, self.W, self.b))), dim=1)
        return -visible - hidden

    def forward(self, x: Tensor, *, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return the negative states after k steps from ``x``, and what the article takes for their probabilities."""
        x_negative, x_k = x.clone(), x
        for _ in range(self.k):
            h_k = self.sample(self.P_h_x(x_negative), generator=generator)
            x_k = self.P_x_h(h_k)
            x_negative = self.sample(x_k, generator=generator)
        return x_negative, x_k


class Mended(Printed):
    """The article's class with a sigmoid in ``P_x_h`` and a softplus in ``free_energy``."""

    def P_x_h(self, h: Tensor) -> Tensor:
        """Return σ(c + hW)."""
        return torch.sigmoid(super().P_x_h(h))

    def free_energy(self, x: Tensor) -> Tensor:
        """Return −c·x − Σ softplus(Wx + b)."""
        return -torch.sum(x * self.c, dim=1) - torch.sum(softplus(F.linear(x, self.W, self.b)), dim=1)


@torch.no_grad()
def as_machine(model: Printed) -> RBM:
    """Return the RBM with the weights and biases of the article's class: the density that its training is to fit."""
    machine = RBM(Bernoulli(len(model.c)), Bernoulli(len(model.b))).to(model.W.dtype)
    for ours, theirs in _parameters(machine, model):
        ours.copy_(theirs)
    return machine


@torch.no_grad()
def from_machine(kind: type[Printed], machine: RBM, k: int) -> Printed:
    """Return the article's class with the weights and biases of an RBM."""
    model = kind(machine.visible.width, machine.hidden.width, k).to(machine.weight.dtype)
    for ours, theirs in _parameters(machine, model):
        theirs.copy_(ours)
    return model


def _parameters(machine: RBM, model: Printed) -> list[tuple[Tensor, Tensor]]:
    return [(machine.weight, model.W.mT), (machine.visible.bias, model.c), (machine.hidden.bias, model.b)]
