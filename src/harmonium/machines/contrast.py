"""The difference of mean free energies, with its gradient in closed form."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..numerics import product, stacked
from ..units import Units
from .binary import pair

if TYPE_CHECKING:
    from .rbm import RBM

Parts = tuple[Tensor, ...]


class ClosedForm(torch.autograd.Function):
    """Mean free_energy(positive) − mean free_energy(negative) of an RBM whose rows are linear in their biases.

    Its gradients are −E[v mᵀ], −E[v] and −E[m] over the positive states less those over the negative ones, with m the
    hidden means given v.  They are made when asked for, of the parameters that want one, and times what comes down.
    """

    @staticmethod
    def forward(ctx: Any, rbm: "RBM", positive: Tensor, negative: Tensor, *parameters: Tensor) -> Tensor:
        """Return the difference in nats, (); the ``parameters`` are those of `inputs`."""
        loss, parts, ctx.share = phases(rbm, positive, negative)
        ctx.save_for_backward(*parts)
        ctx.parameters = parameters
        return loss

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the parameters that want one, given that of the loss, ().

        Raises `RuntimeError` where they are to be differentiated again.
        """
        if torch.is_grad_enabled():
            raise RuntimeError("the loss was differentiated twice: take the means of machine.free_energy in its place")
        return (
            None,
            None,
            None,
            *gradients(ctx.parameters, ctx.needs_input_grad[3:], ctx.saved_tensors, ctx.share * above),
        )


@torch.no_grad()
def descend(rbm: "RBM", positive: Tensor, negative: Tensor, rounded: "RBM | None" = None) -> Tensor:
    """Do what ``backward`` of `ClosedForm` does, without the engine of autograd, and return the loss.

    Products are those of the machine ``rounded`` where it is there already.
    """
    loss, parts, share = phases(rounded or rbm, positive, negative)
    parameters = inputs(rbm)
    found = gradients(parameters, [parameter.requires_grad for parameter in parameters], parts, share)
    for parameter, gradient in zip(parameters, found, strict=True):
        if gradient is not None:
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
    return loss


def phases(rbm: "RBM", positive: Tensor, negative: Tensor) -> tuple[Tensor, Parts, float]:
    """Return the loss, what its gradients are made of, and by what they are to be scaled."""
    rows = pair(rbm, positive)
    if rows and rows.sharp(positive) and rows.sharp(negative):
        made = rows.phases(positive, negative)
        parts = torch.empty_like(rbm.weight), torch.from_numpy(made.biases), torch.empty(0)
        made.gradient(parts[0].numpy(), made.biases)
        return torch.tensor(made.loss(rbm.even.bias[made.pair.count :].detach().numpy())), parts, 1.0
    weights, here, there, share = shares(len(positive), len(negative), positive.dtype, positive.device)
    x, (above, below) = stacked(positive, negative)
    mean, upper, cgf = rbm.odd.moments(rbm.up(x), weights)
    lower = torch.add(here * above, below, alpha=there)
    loss = cgf + torch.dot(lower, rbm.even.bias)
    return loss if share == 1 else share * loss, (x, mean, lower, upper), share


def gradients(
    parameters: Sequence[Tensor], wanted: Sequence[bool], parts: Parts, scale: Tensor | float
) -> Iterator[Tensor | None]:
    """Yield the gradient of each of the `inputs` that wants one: of the weights, then of all biases."""
    *table, lower, upper = parts  # the gradient of the weights, or the factors of its product
    weight, *biases = parameters
    yield _times(product(table[0].T, table[1], weight.dtype) if table[1:] else table[0], scale) if wanted[0] else None
    pieces = torch.cat([lower, upper]).split([bias.shape[-1] for bias in biases])
    for bias, piece, one in zip(biases, pieces, wanted[1:], strict=True):
        yield _times(piece.to(bias.dtype), scale) if one else None


def _times(x: Tensor, scale: Tensor | float) -> Tensor:
    return x if isinstance(scale, float) and scale == 1 else x * scale


@lru_cache(maxsize=16)
def shares(ahead: int, behind: int, kind: torch.dtype, device: torch.device) -> tuple[Tensor, float, float, float]:
    """Return the weight of every state, the positive ones first, that of each phase, and by what to scale their sums.

    They are equal or whole numbers, so that rounded products weigh both phases alike.
    """
    both = math.gcd(ahead, behind)
    unit, share = (1 / ahead, 1.0) if ahead == behind else (1.0, both / (ahead * behind))
    here, there = -unit * (behind // both), unit * (ahead // both)
    return torch.tensor([here] * ahead + [there] * behind, dtype=kind, device=device), here, there, share


def inputs(rbm: "RBM") -> list[Tensor]:
    """Return the parameters that the closed form differentiates: the weights, and the biases of both rows."""
    return [rbm.weight, *biases(rbm.even), *biases(rbm.odd)]


def biases(units: Units) -> list[Tensor]:
    """Return the biases of the components of a row, from left to right."""
    return [part.bias for part in units.components()]


def hooked(parameter: Tensor) -> bool:
    """Say whether something waits for the gradient of a parameter."""
    return bool(parameter._backward_hooks or parameter._post_accumulate_grad_hooks)  # type: ignore[attr-defined]
