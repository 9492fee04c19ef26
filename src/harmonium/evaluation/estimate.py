"""A number with its error, and a plain word on what it can be trusted for."""

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..arguments import checked
from ..errors import InputError
from ..machines import DBN, Machine, evidence
from ..numerics import Seed, stream
from ..units import Rows
from .basins import Basins


@dataclass(frozen=True)
class Estimate:
    """A value with one standard error, both in nats, how it was reached, and the verdict on it.

    ``verdict`` is ``exact``, ``consistent`` or ``inconsistent``, or empty where none is passed; ``reason`` says why.
    The truth is expected from ``low`` to ``high``.  ``ess`` is the effective number of chains out of ``chains``;
    ``reverse`` the value of the estimate that runs the other way, where there is one, and ``reverse_error`` its error.
    Of log Z, ``certificate`` is a lower bound by distinct states, and ``shares`` are those of its ``basins``.

    Raises `InputError` for a verdict on a value that is not finite.
    """

    value: float
    error: float
    method: str
    verdict: str = ""
    reason: str = ""
    chains: int = 0
    n_betas: int = 0
    ess: float = math.nan
    reverse: float = math.nan
    reverse_error: float = math.nan
    low: float = math.nan
    high: float = math.nan
    certificate: float = -math.inf
    basins: Basins | None = field(default=None, repr=False, compare=False)
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict and not (math.isfinite(self.value) and math.isfinite(self.error)):
            raise InputError(
                f"the estimate came out as {self.value} ± {self.error} by {self.method}: the parameters of the machine "
                "are out of range; train it with a smaller learning rate"
            )

    @property
    def bracket(self) -> tuple[float, float]:
        """The lowest and the highest value that the evidence leaves; NaN where there is none."""
        return self.low, self.high

    @classmethod
    def exact(cls, value: float) -> "Estimate":
        """Return a value that was enumerated."""
        return cls(value, 0.0, "exact", "exact", "every state was summed", low=value, high=value, certificate=value)

    def at_least(self, certificate: float) -> "Estimate":
        """Return the estimate of log Z in the light of another lower bound on it."""
        if certificate <= self.certificate:
            return self
        low, high = max(self.low, certificate), max(self.high, certificate)
        value = max(self.value, certificate)
        found = replace(self, value=value, certificate=certificate, low=low, high=high)
        if self.verdict == "exact" or certificate <= self.value + 3 * self.error:
            return found
        return replace(
            found,
            verdict="inconsistent",
            reason=f"rows alone hold {certificate - self.value:.2f} nats more than the estimate: "
            "take more temperatures (--n-betas)",
        )


@checked
@torch.no_grad()
def log_likelihood(machine: Machine | DBN, v: Rows, log_z: Estimate, *, generator: Seed = None) -> Estimate:
    """Return the mean of log p over rows ``v``, (rows, visible), in nats a row, given log Z (of a `DBN`: of its top).

    A machine with latent layers gives its variational bound, a `DBN` one draw of its own; a label that the rows lack
    is summed out.  The error is that of log Z, which all rows share; the verdict is handed on.

    Example:
        >>> import harmonium as hm
        >>> rbm, v = hm.RBM(9, 4).independent(), hm.data.bars_and_stripes(3)
        >>> found = hm.evaluation.log_likelihood(rbm, v, hm.evaluation.log_partition(rbm))
        >>> round(found.value, 4), found.verdict  # −9 log 2
        (-6.2383, 'exact')
    """
    value = float(log_evidence(machine, v, generator=generator).mean())
    return replace(
        log_z,
        value=value - log_z.value,
        reverse=value - log_z.reverse,
        low=value - log_z.high,
        high=value - log_z.low,
        certificate=-math.inf,
    )


@checked
@torch.no_grad()
def log_evidence(machine: Machine | DBN, v: Rows, *, generator: Seed = None) -> Tensor:
    """Return log p(v) + log Z of each row in float64, or the bound on it."""
    generator = stream(generator, machine.weights[0].device)
    v = machine.as_rows(v)
    if isinstance(machine, DBN):
        return torch.cat([machine.elbo(part, generator=generator).double() for part in v.split(8192)])
    return torch.cat([evidence(machine, part).double() for part in v.split(8192)])
