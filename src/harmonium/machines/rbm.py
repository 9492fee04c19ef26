"""The restricted Boltzmann machine."""

import math

import torch
from torch import Generator, Tensor, nn

from ..numerics import autocast_like, normal
from ..units import Units
from .bipartite import Bipartite


class RBM(Bipartite):
    """A visible and a hidden row of any kinds, joined by one weight matrix (Smolensky, 1986; Hinton, 2002).

    Energy(v, h) = visible.energy(v) + hidden.energy(h) − vᵀWh, with W of shape (visible, hidden) drawn from
    N(0, 0.01²).
    """

    def __init__(self, visible: Units, hidden: Units, *, generator: Generator | None = None):
        super().__init__()
        self.even, self.odd = visible, hidden
        weight = 0.01 * normal(torch.empty(visible.width, hidden.width), generator=generator)
        self.weight = nn.Parameter(weight)

    @property
    def layers(self) -> list[Units]:
        """The visible and the hidden row."""
        return [self.even, self.odd]

    @property
    def hidden(self) -> Units:
        """The row of features."""
        return self.odd

    def up(self, x: Tensor) -> Tensor:
        """Return vᵀW, the field on the hidden row."""
        return x @ self.weight

    def down(self, y: Tensor) -> Tensor:
        """Return Wh, the field on the visible row."""
        return y @ self.weight.mT

    @torch.no_grad()
    def contrastive_loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the difference of free energies and set its gradients, in closed form for rows linear in their biases.

        Its gradients are −E[v mᵀ], −E[v] and −E[m] over the positive states less those over the negative ones, with m
        the hidden means given v.
        """
        if not (self.even.linear and self.odd.linear):
            with torch.enable_grad():
                return super().contrastive_loss(positive, negative)
        ahead, behind = len(positive), len(negative)
        both = math.gcd(ahead, behind)  # whole numbers or equal ones, so that rounded products weigh both phases alike
        unit, share = (1 / ahead, 1.0) if ahead == behind else (1.0, both / (ahead * behind))
        here, there = -unit * (behind // both), unit * (ahead // both)
        weights = torch.cat([positive.new_full((ahead,), here), positive.new_full((behind,), there)])
        x = torch.cat([autocast_like(positive), autocast_like(negative)])
        mean, upper, cgf = self.odd.moments(self.up(x), weights)
        self.weight.grad = (x.T @ mean).to(self.weight)
        lower = torch.add(here * positive.sum(0), negative.sum(0), alpha=there)
        set_bias_gradient(self.even, lower)
        set_bias_gradient(self.odd, upper)
        loss = share * (cgf + (lower * self.even.bias).sum())
        if share < 1:
            torch._foreach_mul_([p.grad for p in self.parameters() if p.grad is not None], share)
        return loss

    @property
    def weights(self) -> list[Tensor]:
        """Return the one weight matrix."""
        return [self.weight]


def set_bias_gradient(units: Units, gradient: Tensor) -> None:
    """Set the gradient of all biases of a row, side by side."""
    leaves = units.components()
    for leaf, piece in zip(leaves, gradient.split([leaf.width for leaf in leaves]), strict=True):
        leaf.bias.grad = piece.to(leaf.bias)
