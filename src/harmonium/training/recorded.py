"""Updates on a graphics card, recorded once and played back by one call: launching each kernel takes longer than it."""

from collections.abc import Hashable
from typing import Self

import torch
from torch import Generator, Tensor

from ..machines import RBM
from ..machines.contrast import descend, hooked
from ..sampling import CD, PCD
from .transforms import CenterGradient

EAGER = 3  # steps as they are before one is recorded: they compile kernels, and make what is made once


class Recorded:
    """The gradients of all updates of a training by contrastive divergence, plain or persistent, on a card.

    They are what the machine, the sampler and `CenterGradient` give one after the other, to the bit.  The optimizer
    stands outside, since its rate changes.
    """

    def __init__(self, machine: RBM, sampler: CD | PCD, center: CenterGradient | None):
        self.machine, self.sampler, self.center = machine, sampler, center
        self.parameters = list(machine.parameters())
        self.known: Hashable = None
        self.seen = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.chains: Tensor | None = None

    @classmethod
    def of(cls, machine: RBM, sampler: CD | PCD, center: CenterGradient | None) -> Self | None:
        """Return what makes the gradients of all updates, or nothing where it cannot."""
        if not (machine.even.linear and machine.odd.linear) or any(map(hooked, machine.parameters())):
            return None
        return cls(machine, sampler, center)

    def fits(self, v: Tensor) -> bool:
        """Say whether all is for some steps as it was: shapes, places, precision and the chains."""
        now, moved = self._circumstances(v), self.graph is not None and self._chains() is not self.chains
        if now != self.known or moved:
            self.known, self.seen, self.graph = now, 0, None
        self.seen += 1
        return self.seen > EAGER

    def _circumstances(self, v: Tensor) -> Hashable:
        parameters = *[(p.data_ptr(), p.requires_grad) for p in self.parameters], self.sampler.k
        offsets = self.center.offsets.data_ptr() if self.center else None
        rounded = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
        return v.shape, v.dtype, parameters, offsets, rounded, torch.get_float32_matmul_precision()

    def _chains(self) -> Tensor | None:
        return self.sampler.chains if isinstance(self.sampler, PCD) else None

    def descend(self, v: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor, bool]:
        """Set the gradients; return the loss in nats, the negative states, and that nobody has looked at them."""
        if self.graph is None:
            self.graph = self._record(v, generator)
        self.v.copy_(v)
        self.graph.replay()
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        return self.loss.clone(), self.negative.clone(), False

    def _record(self, v: Tensor, generator: Generator | None) -> torch.cuda.CUDAGraph:
        graph, sampler = torch.cuda.CUDAGraph(), self.sampler
        self.v, held = v.clone(), self._chains()
        self.chains = None if held is None else held.clone()  # whoever holds the last states keeps them
        if generator is not None:
            graph.register_generator_state(generator)
        if isinstance(sampler, PCD) and self.chains is not None:
            sampler.chains = self.chains
        for parameter in self.parameters:
            parameter.grad = None
        with torch.cuda.graph(graph):  # nothing is done as yet
            rounded = self.machine.rounded()
            self.negative = sampler(rounded, self.v, generator=generator)
            self.loss = descend(self.machine, self.v, self.negative, rounded)
            if self.center:
                self.center(self.machine, self.v, self.negative)
            if self.chains is not None:
                self.chains.copy_(self.negative)
        if isinstance(sampler, PCD) and self.chains is not None:
            sampler.chains = self.chains
        self.gradients = [parameter.grad for parameter in self.parameters]
        return graph
