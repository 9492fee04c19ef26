"""Kinds on the real line: Gaussian, and the Gaussian cut at zero (ReLU)."""

import torch
from torch import Generator, Tensor, nn

from .. import numerics
from .base import Device, Units


class Quadratic(Units):
    """Abstract: energy precision·x²/2 − bias·x, with a precision learned for each unit."""

    log_precision: Tensor

    def __init__(self, width: int, *, device: Device = None, dtype: torch.dtype | None = None):
        super().__init__(width, device=device, dtype=dtype)
        self.log_precision = nn.Parameter(torch.zeros_like(self.bias))

    def energy(self, x: Tensor) -> Tensor:
        return (0.5 * self.log_precision.exp() * x**2 - self.bias * x).sum(-1)

    def scale(self) -> Tensor:
        """Return the standard deviation of each uncut Gaussian."""
        return (-0.5 * self.log_precision).exp()

    def curvature(self) -> Tensor:
        return self.log_precision.exp()

    @torch.no_grad()
    def set_precision(self, log_precision: Tensor) -> None:
        """Take another precision; the mean of each uncut Gaussian stays."""
        self.bias.mul_(torch.exp(log_precision - self.log_precision))
        self.log_precision.copy_(log_precision)

    def standard(self, field: Tensor) -> Tensor:
        """Return the center of each uncut Gaussian in units of its standard deviation."""
        return (self.bias + field) * self.scale()


class Gaussian(Quadratic):
    """Real units: x ~ N((bias + field)/precision, 1/precision), the precision of each learned as its logarithm.

    Example:
        >>> import harmonium as hm, torch
        >>> units = hm.Gaussian(1)
        >>> units.init_from_data(torch.tensor([[1.0], [3.0]]))
        >>> units.mean(units.zero_field(1)).tolist(), units.scale().tolist()
        ([[2.0]], [1.0])
    """

    support = "real numbers"

    def cgf(self, field: Tensor) -> Tensor:
        return (0.5 * self.standard(field) ** 2 + numerics.HALF_LOG_2PI - 0.5 * self.log_precision).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        return self.standard(field) * self.scale()

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        z = self.standard(field)
        return (z + numerics.normal(z, generator=generator)) * self.scale()

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> None:
        """Set mean and variance from the data; a variance is taken as at least 1 % of the columns' average."""
        var = v.double().var(0, correction=0)
        var = var.clamp_min(0.01 * float(var.mean())) if var.any() else torch.ones_like(var)
        self.log_precision.copy_(-var.log())
        self.bias.copy_(v.double().mean(0) / var)

    def in_support(self, x: Tensor) -> bool:
        return bool(x.isfinite().all())


class ReLU(Quadratic):
    """Units on x ≥ 0: a Gaussian centered at (bias + field)/precision and cut at zero (Nair & Hinton, 2010).

    Example:
        >>> import harmonium as hm
        >>> units = hm.ReLU(4)
        >>> bool((units.sample(units.zero_field(100)) >= 0).all())
        True
    """

    support = "numbers of 0 or more"

    def cgf(self, field: Tensor) -> Tensor:
        return (numerics.log_half_line(self.standard(field)) - 0.5 * self.log_precision).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        z = self.standard(field)
        return cut_mean(z) * self.scale()

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        return numerics.positive_normal(self.standard(field), generator=generator) * self.scale()

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> None:
        """Set both moments from the data, by bisection on the center between z = −20 and 1000."""
        mean, var = v.double().mean(0).clamp_min(1e-6), v.double().var(0, correction=0).clamp_min(1e-12)
        low, high = torch.full_like(mean, -20.0), torch.full_like(mean, 1e3)
        for _ in range(80):
            z = (low + high) / 2
            wide = cut_var(z) / cut_mean(z) ** 2 > var / mean**2
            low, high = torch.where(wide, z, low), torch.where(wide, high, z)
        scale = mean / cut_mean(low)
        self.log_precision.copy_(-2 * scale.log())
        self.bias.copy_(low / scale)

    def in_support(self, x: Tensor) -> bool:
        return bool((x.isfinite() & (x >= 0)).all())


def cut_mean(z: Tensor) -> Tensor:
    """Return the mean of N(z, 1) cut at zero, worked in float64; below z = −30 by its series, where the sum cancels."""
    deep = z.double()
    far, near = deep.clamp_max(-30), deep.clamp_min(-30)
    series = -1 / far + 2 / far**3 - 10 / far**5
    return torch.where(deep < -30, series, near + numerics.inverse_mills(near)).to(z.dtype)


def cut_var(z: Tensor) -> Tensor:
    """Return the variance of N(z, 1) cut at zero, worked in float64; below z = −30 by its series."""
    deep = z.double()
    far, near = deep.clamp_max(-30), deep.clamp_min(-30)
    series = 1 / far**2 - 6 / far**4 + 50 / far**6
    rate = numerics.inverse_mills(near)
    return torch.where(deep < -30, series, 1 - rate * (near + rate)).to(z.dtype)
