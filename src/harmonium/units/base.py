"""What every row of units answers."""

import copy
import math
from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor, nn

from .. import numerics
from ..arguments import Count, checked

Device = torch.device | str | None


class Units(nn.Module, ABC):
    """A row of ``width`` independent units: a factorized exponential family in the field sent by the neighbors.

    The density of a state x under a field is exp(field·x − energy(x) − cgf(field)).  The last axis of every tensor,
    (..., width), is the row; all axes before it are batch.  A parameter may carry leading axes of its own (a ladder of
    machines), which broadcast against the batch.
    """

    support: str = ""
    """The values that a unit takes, in words."""

    width: int
    bias: Tensor

    @checked
    def __init__(self, width: Count, *, device: Device = None, dtype: torch.dtype | None = None):
        super().__init__()
        self.width = int(width)
        self.bias = nn.Parameter(torch.zeros(width, device=device, dtype=dtype))

    @abstractmethod
    def energy(self, x: Tensor) -> Tensor:
        """Return the row's own energy, summed over units: (..., width) → (...)."""

    @abstractmethod
    def cgf(self, field: Tensor) -> Tensor:
        """Return log ∫ exp(field·x − energy(x)) dx, the cumulant generating function: (..., width) → (...)."""

    @abstractmethod
    def mean(self, field: Tensor) -> Tensor:
        """Return E[x | field] = ∂cgf/∂field: (..., width) → (..., width)."""

    def moments(self, field: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the means times a weight a row, (rows, width), their sums over rows, (width,), and Σ weight·cgf, ().

        The first are in the type of the field, to be a factor of a product; no gradient follows.
        """
        mean = self.mean(field) * weights[:, None]
        return mean.to(field.dtype), mean.sum(0), numerics.dot(weights, self.cgf(field))

    @abstractmethod
    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Draw one state a row: (..., width) → (..., width)."""

    @abstractmethod
    def init_from_data(self, v: Tensor) -> None:
        """Set the parameters so that without any field the row has the moments of the data ``v``, (N, width).

        Frequencies are smoothed by one pseudo-count a state, so that none is zero.
        """

    @abstractmethod
    def in_support(self, x: Tensor) -> bool:
        """Say whether every entry of ``x`` is a value that the units take."""

    def in_range(self, x: Tensor) -> bool:
        """Say whether every entry of ``x`` lies between two values that the units take, as their means do."""
        values = self.values()
        return values is None or bool(((x >= values.min()) & (x <= values.max())).all())

    def zero_field(self, *batch: int) -> Tensor:
        """Return the field of a row without neighbors: zeros of shape (*batch, width)."""
        return self.bias.new_zeros(*batch, self.width)

    @property
    def linear(self) -> bool:
        """Whether the energy is −bias·x, and nothing else."""
        return False

    @property
    def labels(self) -> int:
        """The number of classes that the row's last columns stand for; 0 where there is no label."""
        return 0

    def components(self) -> list["Units"]:
        """Return the rows of one kind that this row is made of, from left to right."""
        return [self]

    def select(self, columns: Tensor) -> "Units":
        """Return the row of some columns alone, whole sites in ascending order, with copies of their parameters."""
        piece = copy.copy(self)
        piece._parameters = {name: p[..., columns] for name, p in self._parameters.items()}  # type: ignore[index,misc]
        piece.width = len(columns)
        return piece

    def values(self) -> Tensor | None:
        """Return the values of one site, (values, columns of a site); none where it is continuous or sites differ."""
        return None

    def sites(self) -> list[Tensor]:
        """Return the columns of every site: what `select` takes, and what cannot be set by halves."""
        values = self.values()
        return list(torch.arange(self.width, device=self.bias.device).split(1 if values is None else values.shape[1]))

    def curvature(self) -> Tensor:
        """Return the precision of every column of continuous units, 0 for those that cannot grow: (..., width)."""
        return torch.zeros_like(self.bias)

    @property
    def count(self) -> float:
        """The number of states of the whole row; infinite for continuous kinds."""
        values = self.values()
        return math.inf if values is None else len(values) ** (self.width // values.shape[1])

    def state_at(self, index: Tensor) -> Tensor:
        """Return the states numbered ``index``, (n,) → (n, width); finite kinds only."""
        values = self.values()
        if values is None:
            raise TypeError(f"{type(self).__name__} units are continuous: their states cannot be numbered")
        sites = self.width // values.shape[1]
        place = len(values) ** torch.arange(sites - 1, -1, -1, device=index.device)
        return values[index[:, None] // place % len(values)].flatten(1)

    def states(self) -> Tensor:
        """Return every state, (count, width); finite kinds only."""
        if not self.count < 2**40:
            raise ValueError(f"{type(self).__name__} units have {self.count:.3g} states: too many to list")
        return self.state_at(torch.arange(int(self.count), device=self.bias.device))

    def extra_repr(self) -> str:
        """Return what ``print`` shows."""
        return f"{self.width}"
