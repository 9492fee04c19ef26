"""Numbers that are often exactly zero: a point mass beside a Gaussian."""

import torch
from torch import Generator, Tensor, nn

from .. import numerics
from ..arguments import Count, checked
from .base import Device, Units


class ZeroInflated(Units):
    """Zero-inflated Gaussians, or spike and slab: each is exactly 0, or drawn from N(m, s²) (Courville et al., 2011).

    A site has two columns (z, y): whether it is not 0, and its value, which is 0 where z is.  With biases (b, c), a
    precision p and fields (f, g): energy −b·z − c·y + p·y²/2, and z is on with log-odds b + f + (c + g)²/2p +
    log(2π/p)/2; then y ~ N((c + g)/p, 1/p).

    Example:
        >>> import harmonium as hm
        >>> hm.ZeroInflated(2).width
        4
    """

    support = "pairs (0, 0) or (1, a number)"

    @checked
    def __init__(self, n_sites: Count, *, device: Device = None, dtype: torch.dtype | None = None):
        super().__init__(2 * n_sites, device=device, dtype=dtype)
        self.n_sites = int(n_sites)
        self.log_precision = nn.Parameter(torch.zeros(n_sites, device=device, dtype=dtype))

    def pairs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return whether each site is on, and its value, (..., sites) each."""
        z, y = x.unflatten(-1, (-1, 2)).unbind(-1)
        return z, y

    def energy(self, x: Tensor) -> Tensor:
        return 0.5 * (self.log_precision.exp() * self.pairs(x)[1] ** 2).sum(-1) - (self.bias * x).sum(-1)

    def given(self, field: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-odds that each site is on, and its mean where it is, (..., sites) each."""
        on, slope = self.pairs(self.bias + field)
        mean = slope * (-self.log_precision).exp()
        return on + 0.5 * slope * mean + numerics.HALF_LOG_2PI - 0.5 * self.log_precision, mean

    def cgf(self, field: Tensor) -> Tensor:
        return numerics.softplus(self.given(field)[0]).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        logits, mean = self.given(field)
        on = torch.sigmoid(logits)
        return torch.stack([on, on * mean], -1).flatten(-2)

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        logits, mean = self.given(field)
        on = numerics.bernoulli(logits, generator=generator)
        drawn = mean + numerics.normal(mean, generator=generator) * (-0.5 * self.log_precision).exp()
        return torch.stack([on, torch.where(on > 0, drawn, 0.0)], -1).flatten(-2)

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> None:
        """Set the share of zeros, and mean and variance of the rest; a variance is at least 1 % of their average."""
        z, y = self.pairs(v.double())
        count = z.sum(0)
        mean = y.sum(0) / count.clamp_min(1)
        var = (z * (y - mean) ** 2).sum(0) / count.clamp_min(1)
        var = var.clamp_min(0.01 * float(var.mean())) if var.any() else torch.ones_like(var)
        self._set(torch.logit((count + 1) / (len(v) + 2)), mean, -var.log())

    @torch.no_grad()
    def set_precision(self, log_precision: Tensor) -> None:
        """Take another precision; how often each site is on, and its mean there, stay."""
        self._set(*self.given(self.zero_field()), log_precision)

    def _set(self, odds: Tensor, mean: Tensor, log_precision: Tensor) -> None:
        self.log_precision.copy_(log_precision)
        slope = mean * log_precision.exp()
        on = odds - 0.5 * slope * mean - numerics.HALF_LOG_2PI + 0.5 * log_precision
        self.bias.copy_(torch.stack([on, slope], -1).flatten(-2))

    def in_support(self, x: Tensor) -> bool:
        z, y = self.pairs(x)
        return bool((((z == 0) & (y == 0)) | ((z == 1) & y.isfinite())).all())

    def in_range(self, x: Tensor) -> bool:
        z, y = self.pairs(x)
        return bool(((z >= 0) & (z <= 1) & y.isfinite()).all())

    def select(self, columns: Tensor) -> "ZeroInflated":
        piece = super().select(columns.new_zeros(0))
        assert isinstance(piece, ZeroInflated)
        own = {"bias": self.bias[..., columns], "log_precision": self.log_precision[..., columns[::2] // 2]}
        piece._parameters = own  # type: ignore[assignment]
        piece.width, piece.n_sites = len(columns), len(columns) // 2
        return piece

    def sites(self) -> list[Tensor]:
        return list(torch.arange(self.width, device=self.bias.device).split(2))

    def curvature(self) -> Tensor:
        precision = self.log_precision.exp()
        return torch.stack([torch.zeros_like(precision), precision], -1).flatten(-2)

    def extra_repr(self) -> str:
        return f"n_sites={self.n_sites}"
