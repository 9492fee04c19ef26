"""A number with its error, and a plain word on what it can be trusted for."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from ..machines import DBN, Machine, evidence


@dataclass(frozen=True)
class Estimate:
    """A value with one standard error, both in nats, how it was reached, and the verdict on it.

    ``verdict`` is ``exact``, ``reliable`` or ``unreliable``, or empty where none is passed; ``reason`` says why.
    ``ess`` is the effective number of chains out of ``chains``; ``reverse`` the value of the estimate that runs the
    other way, where there is one, and ``reverse_error`` its error.
    """

    value: float
    error: float
    method: str
    verdict: str = ""
    reason: str = ""
    chains: int = 0
    rungs: int = 0
    ess: float = math.nan
    reverse: float = math.nan
    reverse_error: float = math.nan

    @property
    def bracket(self) -> tuple[float, float]:
        """The lowest and the highest of three errors about the value and about the way back; NaN where there is none.

        Forwards errs low in Z and backwards high, each whatever the number of rungs: it is wide where they have not
        met.
        """
        ends = (self.value, self.error), (self.reverse, self.reverse_error)
        if self.method == "exact":
            return self.value, self.value
        if math.isnan(self.reverse):
            return math.nan, math.nan
        return min(v - 3 * e for v, e in ends), max(v + 3 * e for v, e in ends)

    @classmethod
    def exact(cls, value: float) -> "Estimate":
        """Return a value that was enumerated."""
        return cls(value, 0.0, "exact", "exact", "every state was summed")


@torch.no_grad()
def log_likelihood(
    machine: Machine | DBN, v: Tensor, log_z: Estimate, *, generator: Generator | None = None
) -> Estimate:
    """Return the mean of log p over rows ``v``, (rows, visible), in nats a row, given log Z (of a `DBN`: of its top).

    A machine with latent layers gives its variational bound, a `DBN` one draw of its own; a label that the rows lack
    is summed out.  The error is that of log Z, which all rows share; the verdict is handed on.
    """
    value = float(log_evidence(machine, v, generator=generator).mean())
    return replace(log_z, value=value - log_z.value, reverse=value - log_z.reverse)


@torch.no_grad()
def log_evidence(machine: Machine | DBN, v: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Return log p(v) + log Z of each row in float64, or the bound on it."""
    machine.admit(v)
    if isinstance(machine, DBN):
        return torch.cat([machine.bound(part, generator=generator).double() for part in v.split(8192)])
    return torch.cat([evidence(machine, part).double() for part in v.split(8192)])
