"""Columns of numbers on one scale: mean 0 and deviation 1, and where they are skewed normal scores."""

from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

KNOTS = 129  # quantiles that a skewed column is interpolated between
SKEWED = 1.0  # the skewness from which a column is one
FAR = 10.0  # deviations from the mean that a value of another column may lie


class Scales(NamedTuple):
    """How numbers are scaled: by ``mean`` and ``deviation``, (columns,), and then from ``knots`` to ``scores``.

    Both are (columns, `KNOTS`): quantiles of the scaled numbers, and the normal quantiles of the same ranks (the normal
    scores of van der Waerden, 1952); rows of zeros for columns that are not skewed.
    """

    mean: Tensor
    deviation: Tensor
    knots: Tensor
    scores: Tensor

    @classmethod
    def fit(cls, x: Tensor) -> Self:
        """Return the scales of columns, (rows, columns), where NaN is nothing."""
        found = [_fit(column[np.isfinite(column)]) for column in x.double().numpy().T]
        if not found:
            return cls(torch.zeros(0), torch.zeros(0), torch.zeros(0, KNOTS), torch.zeros(0, KNOTS))
        return cls(*(torch.tensor(np.array(values), dtype=torch.float32) for values in zip(*found, strict=True)))

    def encode(self, x: Tensor) -> Tensor:
        """Return numbers, (..., columns), on the common scale."""
        z = (x - self.mean) / self.deviation
        if not self.skewed.any():
            return z
        both = [interpolated(z, self.knots, self.scores, right=right) for right in (False, True)]
        return torch.where(self.skewed, (both[0] + both[1]) / 2, z)  # of equal knots the middle

    def decode(self, z: Tensor) -> Tensor:
        """Return numbers, (..., columns), as they are, none of a skewed column beyond its first and last quantile."""
        if self.skewed.any():
            z = torch.where(self.skewed, interpolated(z, self.scores, self.knots), z)
        return z * self.deviation + self.mean

    @property
    def skewed(self) -> Tensor:
        """Which columns go from knots to scores, (columns,)."""
        return self.scores[..., -1] > self.scores[..., 0]


def interpolated(x: Tensor, at: Tensor, to: Tensor, *, right: bool = False) -> Tensor:
    """Return x, (..., columns), taken piecewise linearly from points ``at``, (columns, knots), ``to`` others."""
    flat = x.movedim(-1, 0).reshape(len(at), -1)
    place = torch.searchsorted(at, flat.contiguous(), right=right).clamp(1, at.shape[1] - 1)
    low, high = at.gather(1, place - 1), at.gather(1, place)
    share = torch.where(high > low, (flat - low) / (high - low), 0.0).clamp(0, 1)
    found = to.gather(1, place - 1).lerp(to.gather(1, place), share)
    return torch.where(flat.isnan(), flat, found).reshape(x.movedim(-1, 0).shape).movedim(0, -1)


def _fit(held: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
    mean, deviation = (float(held.mean()), float(held.std())) if len(held) else (0.0, 1.0)
    deviation = deviation if deviation > 1e-7 * abs(mean) else 1.0
    z, nothing = (held - mean) / deviation, np.zeros(KNOTS)
    if not len(held) or (abs(float((z**3).mean())) < SKEWED and np.abs(z).max() < FAR):
        return mean, deviation, nothing, nothing
    rank = np.linspace(0, 1, KNOTS)
    inner = torch.from_numpy(rank.clip(0.5 / len(held), 1 - 0.5 / len(held)))
    return mean, deviation, np.quantile(z, rank), torch.special.ndtri(inner).numpy()
