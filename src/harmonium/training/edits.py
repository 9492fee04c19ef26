"""Edits: changes of the gradients between ``backward`` and ``step``."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from ..machines import RBM, Machine
from ..units import Units


class Edit(nn.Module, ABC):
    """A change of the gradients in place; what it remembers is a buffer, saved with the run."""

    @abstractmethod
    def forward(self, machine: Machine, positive: Tensor, negative: Tensor) -> None:
        """Edit the gradients of ``machine`` given the states of both phases."""


class Centre(Edit):
    """Rewrite plain gradients as those of the centred RBM; the machine itself stays plain.

    With offsets μ for v and λ for h, the centred energy has (v − μ)ᵀW(h − λ).  In plain parameters the gradient is

        ∇W = ∇W − ∇b λᵀ − μ ∇cᵀ,   ∇b = ∇b − ∇W λ,   ∇c = ∇c − ∇Wᵀ μ    (the new ∇W on the right).

    The offsets are moving averages over the data phase with weight ``rate`` for the newest batch.
    Reference: Montavon & Müller, 2012; Melchior, Fischer & Wiskott, 2016.
    """

    visible: Tensor
    hidden: Tensor

    def __init__(self, rate: float = 0.01):
        super().__init__()
        self.rate = rate
        self.register_buffer("visible", None)
        self.register_buffer("hidden", None)

    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, negative: Tensor) -> None:
        """Centre the gradients of an `RBM`."""
        if not isinstance(machine, RBM):
            raise TypeError(f"Centre edits the gradients of an RBM: it was given a {type(machine).__name__}")
        self.follow(positive.mean(0), machine.hidden.mean(machine.up(positive)).mean(0))
        weight, mu, lam = machine.weight.grad, self.visible, self.hidden
        assert weight is not None
        weight.addr_(bias_gradient(machine.visible), lam, alpha=-1)
        weight.addr_(mu, bias_gradient(machine.hidden), alpha=-1)
        lower_bias_gradient(machine.visible, weight @ lam)
        lower_bias_gradient(machine.hidden, mu @ weight)

    def follow(self, visible: Tensor, hidden: Tensor) -> None:
        """Move the offsets towards the newest means; the first batch sets them."""
        first = self.visible is None
        self.visible = visible if first else torch.lerp(self.visible, visible, self.rate)
        self.hidden = hidden if first else torch.lerp(self.hidden, hidden, self.rate)


class ClipNorm(Edit):
    """Scale the gradient down to a Euclidean norm of at most ``limit``."""

    def __init__(self, limit: float):
        super().__init__()
        self.limit = limit

    def forward(self, machine: Machine, positive: Tensor, negative: Tensor) -> None:
        """Clip the gradients of any machine."""
        nn.utils.clip_grad_norm_(machine.parameters(), self.limit)


def bias_gradient(units: Units) -> Tensor:
    """Return the gradient of all biases of a row, side by side."""
    return torch.cat([leaf.bias.grad for leaf in units.leaves()], -1)  # type: ignore[misc]


def lower_bias_gradient(units: Units, amount: Tensor) -> None:
    """Subtract ``amount`` from the gradient of a row's biases."""
    leaves = units.leaves()
    for leaf, piece in zip(leaves, amount.split([leaf.width for leaf in leaves]), strict=True):
        leaf.bias.grad -= piece  # type: ignore[operator]
