"""Two rows that only talk to each other."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from ..units import Units
from .base import Machine


class Bipartite(Machine):
    """A machine of an even and an odd row, joined by linear maps; the odd row is summed out.

    Free energy = even.energy(x) − odd.cgf(up(x)).  A sweep draws the odd row given the even one, then the even
    row given the odd one (Smolensky, 1986; Hinton, 2002).
    """

    even: Units
    odd: Units

    @property
    @abstractmethod
    def layers(self) -> list[Units]:
        """The rows from the visible one up; coupling i joins layers i and i + 1."""

    @property
    def visible(self) -> Units:
        """The row that meets the data."""
        return self.layers[0]

    @property
    def latent(self) -> list[Units]:
        """The even layers above the visible one."""
        return self.layers[2::2]

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

    @property
    def rows(self) -> list[Units]:
        """The even and the odd row."""
        return [self.even, self.odd]

    def fields(self, x: Tensor) -> list[Tensor]:
        """Return what the odd row at its means sends down, and what ``x`` sends up."""
        up = self.up(x)
        return [self.down(self.odd.mean(up)), up]

    def interaction(self, means: list[Tensor]) -> Tensor:
        """Return up(x)·y."""
        return (self.up(means[0]) * means[1]).sum(-1)

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

    def sweep(
        self,
        x: Tensor,
        held: Tensor | None = None,
        channel: Tensor | None = None,
        *,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the even state after one sweep, and the means that it was drawn from."""
        field = self.down(self.odd.sample(self.up(x), generator=generator))
        if channel is not None:
            field = field + pad(channel, (0, self.width - channel.shape[-1]))
        new, mean = self.even.sample(field, generator=generator), self.even.mean(field)
        return (new, mean) if held is None else (torch.where(held, x, new), torch.where(held, x, mean))

    @torch.no_grad()
    def infer(self, v: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return ``v`` with the means of the latent layers behind it."""
        return v if not self.latent else self.mean_field(v).state

    def settle(self, x: Tensor) -> Tensor:
        """Return the fields that odd layers at their means send to the even layers above the visible one."""
        return self.down(self.odd.mean(self.up(x)))[..., self.visible.width :]

    def layer_means(self, x: Tensor) -> list[Tensor]:
        """Return every layer of a state from the visible one up: even ones as they are in ``x``, odd ones by means."""
        layers, y = self.layers, self.odd.mean(self.up(x))
        even = x.split([layer.width for layer in layers[0::2]], -1)
        odd = y.split([layer.width for layer in layers[1::2]], -1)
        return [(even, odd)[i % 2][i // 2] for i in range(len(layers))]

    @torch.no_grad()
    def hidden_means(self, v: Tensor) -> list[Tensor]:
        """Return the mean of every hidden layer given rows ``v``."""
        return self.layer_means(self.infer(v))[1:]

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
