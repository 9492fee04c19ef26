"""Two rows that only talk to each other."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor

from ..units import Units
from .base import Machine


class Bipartite(Machine):
    """A machine of an even and an odd row, joined by linear maps; the odd row is summed out.

    Free energy = even.energy(x) − odd.cgf(up(x)).  A sweep draws the odd row given the even one, then the even
    row given the odd one (Smolensky, 1986; Hinton, 2002).
    """

    even: Units
    odd: Units

    @abstractmethod
    def up(self, x: Tensor) -> Tensor:
        """Return the field that the even row sends to the odd one."""

    @abstractmethod
    def down(self, y: Tensor) -> Tensor:
        """Return the field that the odd row sends to the even one."""

    @property
    def width(self) -> int:
        """The number of columns of a state: those of the even row."""
        return self.even.width

    def energy(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the joint energy of an even state ``x`` and an odd state ``y``."""
        return self.even.energy(x) + self.odd.energy(y) - (self.up(x) * y).sum(-1)

    def free_energy(self, x: Tensor) -> Tensor:
        """Return even.energy(x) − odd.cgf(up(x)), in nats."""
        return self.even.energy(x) - self.odd.cgf(self.up(x))

    def gibbs(self, x: Tensor, held: Tensor | None = None, *, generator: Generator | None = None) -> Tensor:
        """Return the even state after one sweep, odd row first; where ``held`` is true it keeps its value."""
        y = self.odd.sample(self.up(x), generator=generator)
        new = self.even.sample(self.down(y), generator=generator)
        return new if held is None else torch.where(held, x, new)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the mean of the even row given the mean of the odd row given ``x``: one pass up and down."""
        return self.even.mean(self.down(self.odd.mean(self.up(x))))

    def fields_log_partition(self) -> Tensor:
        """Return the log Z of the two rows without couplings."""
        return self.even.cgf(self.even.rest()) + self.odd.cgf(self.odd.rest())

    @torch.no_grad()
    def fields_sample(self, count: int, *, generator: Generator | None = None) -> Tensor:
        """Draw ``count`` even states without couplings."""
        return self.even.sample(self.even.rest(count), generator=generator)
