"""The restricted Boltzmann machine."""

import torch
from torch import Generator, Tensor, nn

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
        weight = 0.01 * torch.randn(visible.width, hidden.width, generator=generator)
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

    def couplings(self) -> list[Tensor]:
        """Return the one weight matrix."""
        return [self.weight]
