"""Kinds with finitely many states, whose biases are all their parameters: Bernoulli, Spin, Binomial."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor

from .. import numerics
from ..arguments import Count, checked
from .base import Device, Units


class Discrete(Units):
    """Abstract: finitely many states, and biases alone: energy −bias·x."""

    @property
    def linear(self) -> bool:
        return True

    def energy(self, x: Tensor) -> Tensor:
        return -numerics.dot(x, self.bias)

    def in_support(self, x: Tensor) -> bool:
        return bool(torch.isin(x, self.values()).all())

    @abstractmethod
    def values(self) -> Tensor:
        """Return the values of one site, (values, columns of a site), where all sites are alike."""


class Bernoulli(Discrete):
    """Units that are 0 or 1: energy −bias·x, P(x = 1) = σ(bias + field).

    Example:
        >>> import harmonium as hm
        >>> units = hm.Bernoulli(3)
        >>> units.mean(units.zero_field(2)).tolist()
        [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
    """

    support = "0 or 1"

    def cgf(self, field: Tensor) -> Tensor:
        return numerics.softplus_sum(field, self.bias)

    def mean(self, field: Tensor) -> Tensor:
        return torch.sigmoid(self.bias + field)

    def moments(self, field: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return numerics.logistic(field, self.bias, weights)

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        return numerics.bernoulli(field, self.bias, generator=generator)

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> None:
        self.bias.copy_(torch.logit((numerics.column_sums(v) + 1) / (len(v) + 2)))

    def in_support(self, x: Tensor) -> bool:
        return bool(((x >= 0) & (x <= 1)).all())  # gray values count as probabilities

    def values(self) -> Tensor:
        return self.bias.new_tensor([[0.0], [1.0]])


@checked
def as_units(row: Units | Count, *, device: Device = None, dtype: torch.dtype | None = None) -> Units:
    """Return so many Bernoulli units for a number, and a row as it is, moved to a device and a type where given."""
    if not isinstance(row, Units):
        return Bernoulli(row, device=device, dtype=dtype)
    return row if device is None and dtype is None else row.to(device=device, dtype=dtype)


class Spin(Discrete):
    """Units that are −1 or +1: energy −bias·x, E[x] = tanh(bias + field).

    Example:
        >>> import harmonium as hm
        >>> hm.Spin(2).states().tolist()
        [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """

    support = "-1 or +1"

    def cgf(self, field: Tensor) -> Tensor:
        return numerics.log_two_cosh(self.bias + field).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        return torch.tanh(self.bias + field)

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        return 2 * numerics.bernoulli(2 * (self.bias + field), generator=generator) - 1

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> None:
        up = (numerics.column_sums(v) + len(v)) / 2
        self.bias.copy_(torch.logit((up + 1) / (len(v) + 2)) / 2)

    def values(self) -> Tensor:
        return self.bias.new_tensor([[-1.0], [1.0]])


class Binomial(Discrete):
    """Counts 0 … ``trials``, each the sum of that many equal Bernoulli units: energy −bias·x − log C(trials, x).

    Example:
        >>> import harmonium as hm
        >>> hm.Binomial(1, trials=3).states().tolist()
        [[0.0], [1.0], [2.0], [3.0]]
    """

    @checked
    def __init__(self, width: int, trials: Count, *, device: Device = None, dtype: torch.dtype | None = None):
        super().__init__(width, device=device, dtype=dtype)
        self.trials = int(trials)
        self.support = f"whole numbers 0 to {trials}"

    @property
    def linear(self) -> bool:
        return False

    def energy(self, x: Tensor) -> Tensor:
        n = x.new_tensor(float(self.trials))
        ways = torch.lgamma(n + 1) - torch.lgamma(x + 1) - torch.lgamma(n - x + 1)
        return -(self.bias * x + ways).sum(-1)

    def cgf(self, field: Tensor) -> Tensor:
        return self.trials * numerics.softplus(self.bias + field).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        return self.trials * torch.sigmoid(self.bias + field)

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        return numerics.binomial(self.bias + field, self.trials, generator=generator)

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> None:
        self.bias.copy_(torch.logit((numerics.column_sums(v) + 1) / (len(v) * self.trials + 2)))

    def in_support(self, x: Tensor) -> bool:
        return bool(((x >= 0) & (x <= self.trials) & (x == x.round())).all())

    def values(self) -> Tensor:
        return torch.arange(self.trials + 1).to(self.bias)[:, None]

    def extra_repr(self) -> str:
        return f"{self.width}, trials={self.trials}"
