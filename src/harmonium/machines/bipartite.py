"""Two rows that only talk to each other."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from ..numerics import Seed, stream
from ..units import Units
from .base import Machine


class Bipartite(Machine):
    """A machine of an even and an odd row, joined by linear maps; the odd row is summed out.

    Free energy = even.energy(x) − odd.cgf(up(x)).  A Gibbs step draws the odd row given the even one, then the even
    row given the odd one (Smolensky, 1986; Hinton, 2002).
    """

    @property
    @abstractmethod
    def even(self) -> Units:
        """The row of the even layers: a state."""

    @property
    @abstractmethod
    def odd(self) -> Units:
        """The row of the odd layers, which is summed out."""

    layers: Sequence[Units]
    """The rows from the visible one up; coupling i joins layers i and i + 1."""

    @property
    def latent(self) -> list[Units]:
        """The even layers above the visible one."""
        return list(self.layers)[2::2]

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

    def gibbs(self, x: Tensor, clamped: Tensor | None = None, *, generator: Generator | None = None) -> Tensor:
        """Return the even state after one Gibbs step, odd row first; where ``clamped`` is true it keeps its value."""
        y = self.odd.sample(self.up(x), generator=generator)
        new = self.even.sample(self.down(y), generator=generator)
        return new if clamped is None else torch.where(clamped, x, new)

    def gibbs_with_means(
        self,
        x: Tensor,
        clamped: Tensor | None = None,
        external_field: Tensor | None = None,
        *,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the even state after one Gibbs step, and the means that it was drawn from."""
        field = self.down(self.odd.sample(self.up(x), generator=generator))
        if external_field is not None:
            field = field + pad(external_field, (0, self.width - external_field.shape[-1]))
        new, mean = self.even.sample(field, generator=generator), self.even.mean(field)
        return (new, mean) if clamped is None else (torch.where(clamped, x, new), torch.where(clamped, x, mean))

    def infer(self, v: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return ``v`` with the means of the latent layers behind it."""
        return v if not self.latent else self.mean_field(v).state

    def mean_field_step(self, x: Tensor) -> Tensor:
        """Return the fields that odd layers at their means send to the even layers above the visible one."""
        return self.down(self.odd.mean(self.up(x)))[..., self.visible.width :]

    def layer_means(self, x: Tensor) -> list[Tensor]:
        """Return every layer of a state from the visible one up: even ones as they are in ``x``, odd ones by means."""
        layers, y = list(self.layers), self.odd.mean(self.up(x))
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

    def log_partition_independent(self) -> Tensor:
        """Return the log Z of the two rows without couplings."""
        return self.even.cgf(self.even.zero_field()) + self.odd.cgf(self.odd.zero_field())

    @torch.no_grad()
    def sample_independent(self, count: int, *, generator: Seed = None) -> Tensor:
        """Draw ``count`` even states without couplings."""
        generator = stream(generator, self.even.bias.device)
        return self.even.sample(self.even.zero_field(count), generator=generator)
