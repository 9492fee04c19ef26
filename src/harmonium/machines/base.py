"""What every machine answers."""

import copy
from abc import ABC, abstractmethod
from typing import NamedTuple, Self

import torch
from torch import Generator, Tensor, nn

from ..units import Units


class MeanField(NamedTuple):
    """A factorised guess at what is not visible, and how it was reached.

    ``state`` (..., width) has the visible part as it was given and means behind it; ``field`` (..., latent) gives these
    means.  ``change`` is the largest move in the last of ``sweeps`` sweeps: near 0 when they converged.
    """

    state: Tensor
    field: Tensor
    sweeps: int
    change: float


class Machine(nn.Module, ABC):
    """An unnormalised density over one tensor x of shape (..., width), visible units first, and its Gibbs kernel.

    The density is exp(−free_energy(x))/Z.  Whatever can be summed out is summed out, and the parameters get
    their gradient through ``free_energy`` alone.
    """

    sweeps: int = 0
    """The most sweeps that `infer` takes, where it takes any."""

    @property
    @abstractmethod
    def width(self) -> int:
        """The number of columns of a state."""

    @property
    @abstractmethod
    def visible(self) -> Units:
        """The row that meets the data: the first columns of a state."""

    @property
    @abstractmethod
    def latent(self) -> list[Units]:
        """The rows that make up the rest of a state; none where all that is hidden is summed out."""

    @property
    def labels(self) -> int:
        """The number of classes whose softmax label ends the visible row; 0 where there is none."""
        return self.visible.labels

    @abstractmethod
    def hidden_means(self, v: Tensor) -> list[Tensor]:
        """Return the mean of every hidden row given rows ``v``, from the lowest up, exact or by mean field."""

    @abstractmethod
    def free_energy(self, x: Tensor) -> Tensor:
        """Return −log of the unnormalised density, in nats: (..., width) → (...)."""

    @abstractmethod
    def sweep(
        self,
        x: Tensor,
        held: Tensor | None = None,
        channel: Tensor | None = None,
        *,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the state after one sweep, and the means that it was drawn from.

        Units where the mask ``held`` is true keep their value; ``channel`` is an extra field on the visible units.
        """

    def gibbs(self, x: Tensor, held: Tensor | None = None, *, generator: Generator | None = None) -> Tensor:
        """Return the state after one sweep; units where the mask ``held`` is true keep their value."""
        return self.sweep(x, held, generator=generator)[0]

    @abstractmethod
    def infer(self, v: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return a state whose visible part is ``v``: the positive phase."""

    @abstractmethod
    def mean_field(self, v: Tensor) -> MeanField:
        """Return the factorised guess at the rest of the state that makes `bound` highest near its start."""

    @abstractmethod
    def bound(self, v: Tensor) -> Tensor:
        """Return a lower bound on log p(v) + log Z, in nats, (..., visible) → (...): exact without latent rows."""

    @abstractmethod
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the means of a state given the means of its neighbours given ``x``."""

    @abstractmethod
    def couplings(self) -> list[Tensor]:
        """Return the weight tensors."""

    @abstractmethod
    def fields_log_partition(self) -> Tensor:
        """Return log Z of the machine with its couplings at zero, where it is exact."""

    @abstractmethod
    def fields_sample(self, count: int, *, generator: Generator | None = None) -> Tensor:
        """Draw ``count`` exact states of the machine with its couplings at zero."""

    def decoupled(self) -> Self:
        """Return the same machine with its couplings at zero: everything about it is exact."""
        machine = copy.deepcopy(self).requires_grad_(False)
        for weight in machine.couplings():
            weight.zero_()
        return machine

    @torch.no_grad()
    def match(self, v: Tensor) -> Self:
        """Set the visible biases so that, without couplings, the units have the means of the data ``v``."""
        self.visible.match(v.reshape(-1, self.visible.width))
        return self
