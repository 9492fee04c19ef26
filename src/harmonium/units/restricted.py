"""Rows whose units take only some of their values: what is left of a row under conditions."""

from collections.abc import Sequence
from functools import singledispatch
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from .. import numerics
from ..errors import InputError
from .base import Units
from .continuous import Gaussian, Quadratic, ReLU
from .discrete import Discrete
from .inflated import ZeroInflated
from .onehot import OneHot
from .potts import Potts

NEVER = 1e4  # nats of energy that rule a value out: exp(−10⁴) is 0


class Condition(NamedTuple):
    """What one site may be: one of ``values``, (values, columns of the site), or a number from ``low`` to ``high``.

    ``columns`` are those of the site; ``values`` are asked of kinds that have finitely many.  A zero-inflated site is
    (0, 0) if that is among the values, or a number of the range.
    """

    columns: Tensor
    values: Tensor | None = None
    low: float = -torch.inf
    high: float = torch.inf


class Chosen(Discrete):
    """Units of a finite kind, of one column each, that take only the values which a mask (width, values) allows."""

    allowed: Tensor

    def __init__(self, kind: Discrete, allowed: Tensor):
        torch.nn.Module.__init__(self)
        self.width, self.kind, self.support = kind.width, kind, f"some of {kind.support}"
        self.register_buffer("allowed", allowed)

    @property
    def bias(self) -> Tensor:  # type: ignore[override]
        """The biases of the kind."""
        return self.kind.bias

    @property
    def linear(self) -> bool:
        return False

    def values(self) -> Tensor:
        return self.kind.values()

    def energy(self, x: Tensor) -> Tensor:
        found = (x[..., None] == self.values()[:, 0]) & ~self.allowed
        return self.kind.energy(x) + NEVER * found.sum((-1, -2))

    def scores(self, field: Tensor) -> Tensor:
        """Return log p of every value of every unit but for a constant, (..., width, values)."""
        values, one = self.values(), self.kind.select(torch.tensor([0]))
        own = -one.energy(values) - one.bias * values[:, 0]
        return (self.bias + field)[..., None] * values[:, 0] + own + torch.where(self.allowed, 0.0, -NEVER)

    def cgf(self, field: Tensor) -> Tensor:
        return self.scores(field).logsumexp(-1).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        return self.scores(field).softmax(-1) @ self.values()[:, 0]

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        return numerics.one_hot(self.scores(field), generator=generator) @ self.values()[:, 0]

    def init_from_data(self, v: Tensor) -> None:
        self.kind.init_from_data(v)

    def select(self, columns: Tensor) -> "Chosen":
        piece = self.kind.select(columns)
        assert isinstance(piece, Discrete)
        return Chosen(piece, self.allowed[columns])


class Truncated(Quadratic):
    """Gaussians cut to an interval each, from ``low`` to ``high``, (width,): energy precision·x²/2 − bias·x there."""

    low: Tensor
    high: Tensor

    def __init__(self, kind: Quadratic, low: Tensor, high: Tensor):
        torch.nn.Module.__init__(self)
        self.width, self.bias, self.log_precision = kind.width, kind.bias, kind.log_precision
        self.support = "numbers of an interval"
        self.register_buffer("low", low)
        self.register_buffer("high", high)

    def ends(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return where the interval begins and ends, in deviations from centers ``z``."""
        return self.low / self.scale() - z, self.high / self.scale() - z

    def cut(self, x: Tensor) -> Tensor:
        """Return numbers, rounded into the interval."""
        return torch.minimum(torch.maximum(x, self.low), self.high)

    def cgf(self, field: Tensor) -> Tensor:
        z = self.standard(field)
        whole = 0.5 * z**2 + numerics.HALF_LOG_2PI - 0.5 * self.log_precision
        return (whole + numerics.log_between(*self.ends(z)).to(z.dtype)).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        z = self.standard(field)
        return self.cut((z + numerics.mean_between(*self.ends(z)).to(z.dtype)) * self.scale())

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        z = self.standard(field)
        return self.cut((z + numerics.normal_between(*self.ends(z), generator=generator)) * self.scale())

    def init_from_data(self, v: Tensor) -> None:
        Gaussian.init_from_data(self, v)  # type: ignore[arg-type]

    def in_support(self, x: Tensor) -> bool:
        return bool(((x >= self.low) & (x <= self.high)).all())

    def select(self, columns: Tensor) -> "Truncated":
        piece = super().select(columns)
        piece._buffers = {"low": self.low[columns], "high": self.high[columns]}
        assert isinstance(piece, Truncated)
        return piece


class TruncatedInflated(ZeroInflated):
    """Zero-inflated Gaussians of which some may not be 0, and others lie in an interval, (sites,) each."""

    low: Tensor
    high: Tensor
    zero: Tensor

    def __init__(self, kind: ZeroInflated, low: Tensor, high: Tensor, zero: Tensor):
        torch.nn.Module.__init__(self)
        self.width, self.n_sites, self.support = (
            kind.width,
            kind.n_sites,
            "pairs (0, 0) or (1, a number of an interval)",
        )
        self.bias, self.log_precision = kind.bias, kind.log_precision
        for name, value in (("low", low), ("high", high), ("zero", zero)):
            self.register_buffer(name, value)

    def ends(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return where the interval begins and ends, in deviations from ``mean``."""
        root = (0.5 * self.log_precision).exp()
        return (self.low - mean) * root, (self.high - mean) * root

    def given(self, field: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-odds that each site is on, and the mean of its uncut Gaussian, (..., sites) each."""
        logits, mean = super().given(field)
        inside = numerics.log_between(*self.ends(mean)).to(mean.dtype).clamp_min(-NEVER)
        return torch.where(self.zero, logits + torch.where(self.low > self.high, -NEVER, inside), NEVER), mean

    def cgf(self, field: Tensor) -> Tensor:
        logits, mean = super().given(field)
        inside = torch.where(self.low > self.high, -NEVER, numerics.log_between(*self.ends(mean)).to(mean.dtype))
        return torch.logaddexp(torch.where(self.zero, 0.0, -NEVER), logits + inside).sum(-1)

    def cut(self, x: Tensor) -> Tensor:
        """Return numbers, rounded into the interval."""
        return torch.minimum(torch.maximum(x, self.low), self.high)

    def mean(self, field: Tensor) -> Tensor:
        logits, mean = self.given(field)
        on, root = torch.sigmoid(logits), (0.5 * self.log_precision).exp()
        inside = self.cut(mean + numerics.mean_between(*self.ends(mean)).to(mean.dtype) / root)
        return torch.stack([on, torch.where(on > 0, on * inside, 0.0)], -1).flatten(-2)

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        logits, mean = self.given(field)
        on = numerics.bernoulli(logits, generator=generator)
        root = (0.5 * self.log_precision).exp()
        drawn = self.cut(mean + numerics.normal_between(*self.ends(mean), generator=generator).to(mean.dtype) / root)
        return torch.stack([on, torch.where(on > 0, drawn, 0.0)], -1).flatten(-2)

    def select(self, columns: Tensor) -> "TruncatedInflated":
        piece, site = super().select(columns), columns[::2] // 2
        piece._buffers = {name: value[site] for name, value in self._buffers.items() if value is not None}
        assert isinstance(piece, TruncatedInflated)
        return piece


@singledispatch
def restricted(row: Units, conditions: Sequence[Condition]) -> Units:
    """Return a row of one kind whose sites meet conditions: under any field, the row given that they do.

    Raises `InputError` for a kind of which no value can be ruled out, and where a site is left no value.
    """
    raise InputError(f"a condition is on {type(row).__name__} units, of which no value can be ruled out: drop it")


@restricted.register
def _(row: Discrete, conditions: Sequence[Condition]) -> Units:
    allowed = torch.ones(row.width, len(row.values()), dtype=torch.bool)
    for condition in conditions:
        allowed[condition.columns] &= torch.isin(row.values()[:, 0], _values(condition))
    return Chosen(row, _some_left(allowed))


@restricted.register
def _(row: Potts, conditions: Sequence[Condition]) -> Units:
    for condition in conditions:
        left = _some_left(_values(condition).bool() & (row.bias[condition.columns] > -NEVER / 2))
        row.bias.data[condition.columns] -= NEVER * (~left.any(0)).to(row.bias)
    return row


@restricted.register
def _(row: OneHot, conditions: Sequence[Condition]) -> Units:
    block = row.bias.detach().new_zeros(len(row.sizes)) if row.none is None else row.none.clone()
    for condition in conditions:
        values = _values(condition)
        none = torch.where((values == 0).all(-1).any(), 0.0, -NEVER).to(block)
        site = row._layout.site.to(block.device)[condition.columns[:1]]
        block[site] = torch.minimum(block[site], none)
        bias = row.bias.data[condition.columns]
        row.bias.data[condition.columns] = torch.where(values.any(0), bias, bias - NEVER)
        left = row.bias.data[condition.columns] > -NEVER / 2
        _some_left(torch.cat([left, block[site] == 0])[None])
    row.none = block
    return row


@restricted.register
def _(row: Quadratic, conditions: Sequence[Condition]) -> Units:
    low = torch.full_like(row.bias, 0.0 if isinstance(row, ReLU) else -torch.inf)
    high = torch.full_like(row.bias, torch.inf)
    for condition in conditions:
        low[condition.columns] = low[condition.columns].clamp_min(condition.low)
        high[condition.columns] = high[condition.columns].clamp_max(condition.high)
    _some_left((low <= high)[:, None])
    return Truncated(row, low.detach(), high.detach())


@restricted.register
def _(row: ZeroInflated, conditions: Sequence[Condition]) -> Units:
    low, high = (torch.full((row.n_sites,), end).to(row.bias) for end in (-torch.inf, torch.inf))
    zero = torch.ones(row.n_sites, dtype=torch.bool)
    for condition in conditions:
        site = condition.columns[::2] // 2
        low[site], high[site] = low[site].clamp_min(condition.low), high[site].clamp_max(condition.high)
        zero[site] &= condition.values is not None and bool((condition.values == 0).all(-1).any())
    _some_left(torch.stack([zero, low <= high], -1))
    return TruncatedInflated(row, low, high, zero)


def _values(condition: Condition) -> Tensor:
    if condition.values is None:
        raise InputError("a range is set on units of finitely many values: give those that are left")
    return condition.values


def _some_left(allowed: Tensor) -> Tensor:
    """Return what is allowed, (sites, values), where every site is left something."""
    if not bool(allowed.any(-1).all()):
        raise InputError("the conditions leave a column no value at all: change one of them")
    return allowed
