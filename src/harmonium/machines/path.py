"""The machines between two machines."""

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class Path(Generic[M]):
    """The straight line in parameter space from ``start`` to ``end``, two machines (or two rows) of one make.

    ``at(beta)`` is a machine; a ``beta`` of shape (K, 1, 1) gives a ladder of K machines in one, whose states
    have shape (K, chains, width).
    """

    def __init__(self, start: M, end: M):
        self.start, self.end = start, end
        self.here = copy.deepcopy(end).requires_grad_(False)
        self.pairs = [
            (
                self.here.get_submodule(name.rpartition(".")[0]),
                name.rpartition(".")[2],
                a.detach(),
                b.detach(),
            )
            for (name, a), b in zip(start.named_parameters(), end.parameters(), strict=True)
        ]

    def at(self, beta: Tensor | float) -> M:
        """Return the machine at ``beta`` ∈ [0, 1]; the object is the path's own and moves at the next call."""
        for owner, leaf, a, b in self.pairs:
            value = torch.lerp(a, b, torch.as_tensor(beta, dtype=b.dtype, device=b.device))
            owner._parameters[leaf] = nn.Parameter(value, requires_grad=False)
        return self.here
