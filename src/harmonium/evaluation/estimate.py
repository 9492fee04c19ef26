"""A number with its error, and a plain word on what it can be trusted for."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..machines import Machine


@dataclass(frozen=True)
class Estimate:
    """A value with one standard error, both in nats, how it was reached, and the verdict on it.

    ``verdict`` is ``exact``, ``reliable`` or ``unreliable``, or empty where none is passed; ``reason`` says why.
    ``ess`` is the effective number of chains out of ``chains``; ``reverse`` the value of the estimate that runs the
    other way, where there is one.
    """

    value: float
    error: float
    method: str
    verdict: str = ""
    reason: str = ""
    chains: int = 0
    rungs: int = 0
    ess: float = float("nan")
    reverse: float = float("nan")

    @classmethod
    def exact(cls, value: float) -> "Estimate":
        """Return a value that was enumerated."""
        return cls(value, 0.0, "exact", "exact", "every state of the smaller row was summed")


@torch.no_grad()
def log_likelihood(machine: Machine, v: Tensor, log_z: Estimate) -> Estimate:
    """Return the mean of −free_energy(v) − log Z over rows ``v``, (rows, visible), in nats a row.

    Its error is that of log Z, which all rows share; the verdict is handed on.
    """
    free = torch.cat([machine.free_energy(part).double() for part in v.split(8192)])
    value = -float(free.mean()) - log_z.value
    return Estimate(
        value, log_z.error, log_z.method, log_z.verdict, log_z.reason, log_z.chains, log_z.rungs, log_z.ess,
        -float(free.mean()) - log_z.reverse,
    )  # fmt: skip
