"""Updates of a machine of bits by contrastive divergence, plain or persistent, in a few compiled calls."""

from typing import Any, Self

import numpy as np
import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from ..machines import RBM
from ..machines.binary import moved, pair
from ..machines.contrast import hooked, inputs
from ..numerics import sparse_kernels
from ..sampling import CD, PCD
from .transforms import CenterGradient

FAR = 1e9  # nats: a difference of free energies that no useful machine comes near


class Fused:
    """The gradients of all updates of a training whose products are sums of rows: of `machines.binary`.

    They are what the machine, the sampler and `CenterGradient` give one after the other, but for rounding.
    """

    def __init__(self, machine: RBM, sampler: CD | PCD, center: CenterGradient | None, rows: Any):
        self.machine, self.sampler, self.center, self.rows = machine, sampler, center, rows
        self.parameters = inputs(machine)
        self.places = [parameter.data_ptr() for parameter in self.parameters]
        self.widths = [parameter.shape[0] for parameter in self.parameters[1:]]
        self.label = [parameter.detach().numpy() for parameter in self.parameters[2:-1]]
        self.found = np.empty(machine.weight.shape, np.float32), np.empty(sum(self.widths), np.float32)
        self.gradients = [torch.from_numpy(self.found[0]), *torch.from_numpy(self.found[1]).split(self.widths)]
        self.last: Tensor | None = None

    @classmethod
    def of(
        cls, machine: RBM, sampler: CD | PCD, center: CenterGradient | None, optimizer: Optimizer, v: Tensor
    ) -> Self | None:
        """Return what makes the gradients of a training that begins at a batch, or nothing where it cannot."""
        own, moving = inputs(machine), [p for group in optimizer.param_groups for p in group["params"]]
        if v.ndim != 2 or not {*moving} <= {*own} or not all(p.requires_grad and not hooked(p) for p in own):
            return None
        return cls(machine, sampler, center, found) if (found := pair(machine, v)) else None

    def fits(self, v: Tensor) -> bool:
        """Say whether it can make the gradients at a batch: parameters lie where they lay, and states are sharp."""
        still = [parameter.data_ptr() for parameter in self.parameters] == self.places
        if not still or sparse_kernels(v, self.parameters[0]) is None or not self.rows.sharp(v):
            return False
        start = self._start(v)
        return start is v or start is self.last or self.rows.sharp(start)

    def _start(self, v: Tensor) -> Tensor:
        return self.sampler.chains if isinstance(self.sampler, PCD) else v

    def descend(self, v: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor, bool]:
        """Set the gradients; return the loss in nats, the negative states and whether all is finite and near."""
        negative = moved(self.machine, self.rows, self._start(v), self.sampler.k, generator=generator)
        if isinstance(self.sampler, PCD):
            self.sampler.chains = self.last = negative
        phases = self.rows.phases(v, negative)
        loss = phases.loss(*self.label)
        finite = phases.gradient(*self.found, *self._offsets(phases))
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            if parameter.grad is not gradient:
                parameter.grad = gradient
        return torch.tensor(loss), negative, finite and abs(loss) < FAR

    def _offsets(self, phases: Any) -> list[np.ndarray]:
        if self.center is None:
            return []
        self.center.follow(torch.from_numpy(phases.ahead))
        return [self.center.offsets.numpy()]
