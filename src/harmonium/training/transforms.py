"""Transforms: changes of the gradients between ``backward`` and ``step``."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..arguments import checked
from ..machines import Bipartite, Machine
from ..numerics import Remembering, distributed
from ..sampling import TrajectoryTempering
from ..units import Units


class GradientTransform(Remembering, ABC):
    """A change of the gradients in place; what it remembers is a buffer, saved with the run."""

    @abstractmethod
    def forward(self, machine: Machine, positive: Tensor, negative: Tensor) -> None:
        """Change the gradients of ``machine`` given the states of both phases."""


class CenterGradient(GradientTransform):
    """Rewrite plain gradients as those of the centered machine; the machine itself stays plain.

    With an offset λ for every layer, the centered energy has (hₗ − λₗ)ᵀWₗ(hₗ₊₁ − λₗ₊₁).  In plain parameters the
    gradient of the weights between rows of biases a below and b above becomes

        ∇W = ∇W − ∇a λ_bᵀ − λ_a ∇bᵀ,   and then   ∇a = ∇a − ∇W λ_b,   ∇b = ∇b − ∇Wᵀ λ_a   (the new ∇W on the right).

    What has no gradient, since it is frozen, counts as one that is zero and stays without.
    The offsets are moving averages over the data phase with weight ``rate`` for the newest batch.
    Reference: Montavon & Müller, 2012; Melchior, Fischer & Wiskott, 2016.

    Example:
        >>> import harmonium as hm, torch
        >>> rbm, v = hm.RBM(9, 4), hm.data.bars_and_stripes(3)
        >>> loop = hm.train(rbm, [v], hm.CD(), torch.optim.SGD(rbm.parameters()), transforms=[hm.CenterGradient()])
        >>> len(list(loop))
        1
    """

    offsets: Tensor

    @checked
    def __init__(self, rate: float = 0.01):
        super().__init__()
        self.rate = rate
        self.register_buffer("offsets", torch.zeros(0))

    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, negative: Tensor) -> None:
        """Center the gradients of a machine of layers."""
        if not isinstance(machine, Bipartite):
            raise TypeError(f"CenterGradient needs a machine of layers, not a {type(machine).__name__}")
        layers = machine.layers
        self.follow(distributed.mean(torch.cat([means.mean(0) for means in machine.layer_means(positive)])))
        offsets = self.offsets.split([layer.width for layer in layers])
        plain = [bias_gradient(layer) for layer in layers]
        for i, parameter in enumerate(machine.weights):
            weight = parameter.grad
            if weight is None:
                continue
            weight.addr_(plain[i], offsets[i + 1], alpha=-1).addr_(offsets[i], plain[i + 1], alpha=-1)
            lower_bias_gradient(layers[i], weight @ offsets[i + 1])
            lower_bias_gradient(layers[i + 1], offsets[i] @ weight)

    def follow(self, means: Tensor) -> None:
        """Move the offsets towards the newest means; the first batch sets them."""
        if self.offsets.shape == means.shape and self.offsets.dtype == means.dtype:
            self.offsets.lerp_(means, self.rate)
        else:
            self.offsets = torch.lerp(self.offsets.to(means), means, self.rate) if len(self.offsets) else means


class ClipGradNorm(GradientTransform):
    """Scale the gradient down to a Euclidean norm of at most ``limit``.

    Example:
        >>> import harmonium as hm, torch
        >>> rbm, v = hm.RBM(9, 4), hm.data.bars_and_stripes(3)
        >>> loop = hm.train(rbm, [v], hm.CD(), torch.optim.SGD(rbm.parameters()), transforms=[hm.ClipGradNorm(1.0)])
        >>> next(loop).index
        0
    """

    @checked
    def __init__(self, limit: float):
        super().__init__()
        self.limit = limit

    def forward(self, machine: Machine, positive: Tensor, negative: Tensor) -> None:
        """Clip the gradients of any machine."""
        nn.utils.clip_grad_norm_(machine.parameters(), self.limit)


class Rollback(GradientTransform):
    """Take back updates that led a machine out of reach of its trajectory's chains.

    The machine and its chains return to the last replica, the optimizer forgets its momentum, and its learning rate is
    halved.  Put it last: the gradient of the lost machine is dropped.  ``count`` is how often it happened.
    """

    count: Tensor

    @checked
    def __init__(self, sampler: TrajectoryTempering, optimizer: Optimizer):
        super().__init__()
        self.held = sampler, optimizer  # in a tuple, so that the run does not save them twice
        self.register_buffer("count", torch.tensor(0))

    def forward(self, machine: Machine, positive: Tensor, negative: Tensor) -> None:
        """Roll back if the sampler says that the machine is lost."""
        sampler, optimizer = self.held
        if not sampler.lost:
            return
        sampler.roll_back(machine)
        self.count += 1
        optimizer.state.clear()
        optimizer.zero_grad(set_to_none=False)
        for group in optimizer.param_groups:
            for rate in {"lr", "initial_lr"} & set(group):
                group[rate] *= 0.5


def bias_gradient(units: Units) -> Tensor:
    """Return the gradient of all biases of a row, side by side; zeros where a bias has none."""
    biases = [part.bias for part in units.components()]
    return torch.cat([torch.zeros_like(bias) if bias.grad is None else bias.grad for bias in biases], -1)


def lower_bias_gradient(units: Units, amount: Tensor) -> None:
    """Subtract ``amount`` from the gradient of a row's biases."""
    parts = units.components()
    for part, piece in zip(parts, amount.split([part.width for part in parts]), strict=True):
        if part.bias.grad is not None:
            part.bias.grad -= piece
