"""torch's SGD and Adam, bit for bit, without its compiler: importing that takes more than a second and 70 MB."""

from collections.abc import Callable, Iterable
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class Light(Optimizer):
    """Abstract: an optimizer whose methods do not ask for the compiler."""

    add_param_group = unwrap(Optimizer.add_param_group)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)
    zero_grad = unwrap(Optimizer.zero_grad)


class SGD(Light):
    """Stochastic gradient descent: buffer ← momentum·buffer + gradient, parameter ← parameter − lr·buffer.

    Example:
        >>> import harmonium as hm
        >>> from harmonium.training import SGD
        >>> rbm, v = hm.RBM(9, 4), hm.data.bars_and_stripes(3)
        >>> len(list(hm.train(rbm, [v] * 3, hm.CD(), SGD(rbm.parameters(), lr=0.1, momentum=0.5))))
        3
    """

    def __init__(self, params: Iterable[nn.Parameter] | list[dict[str, Any]], lr: float = 0.001, momentum: float = 0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move all parameters that have a gradient."""
        for group in self.param_groups:
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            if moving:
                torch._foreach_add_(moving, self._directions(moving, group["momentum"]), alpha=-group["lr"])

    def _directions(self, parameters: list[Tensor], momentum: float) -> list[Tensor]:
        gradients: list[Tensor] = [parameter.grad for parameter in parameters]  # type: ignore[misc]
        if not momentum:
            return gradients
        buffers = [self._buffer(parameter) for parameter in parameters]
        torch._foreach_mul_(buffers, momentum)
        torch._foreach_add_(buffers, gradients)
        return buffers

    def _buffer(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        return state["momentum_buffer"]  # type: ignore[no-any-return]

    step.hooked = True  # type: ignore[attr-defined]  # or torch wraps it for the profiler, which takes longer than it


class Adam(Light, torch.optim.Adam):
    """Adam (Kingma & Ba, 2015).

    Example:
        >>> import harmonium as hm
        >>> from harmonium.training import Adam
        >>> rbm, v = hm.RBM(9, 4), hm.data.bars_and_stripes(3)
        >>> len(list(hm.train(rbm, [v] * 3, hm.CD(), Adam(rbm.parameters(), lr=0.001))))
        3
    """

    step = torch.no_grad()(unwrap(torch.optim.Adam.step))
