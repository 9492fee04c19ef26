"""What can be reckoned without chance on a machine whose states can all be listed: means, slopes and kernels."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ... import numerics
from ...machines import RBM
from ...numerics import softplus
from ...units import Bernoulli
from .steps import stream

Means = tuple[Tensor, Tensor, Tensor]


def tiny(visible: int, hidden: int, seed: int, scale: float = 1.0) -> RBM:
    """Return a float64 RBM whose weights and biases are all drawn from N(0, scale²)."""
    machine, generator = RBM(Bernoulli(visible), Bernoulli(hidden)).double(), stream(seed, 9)
    for parameter in machine.parameters():
        parameter.data = scale * numerics.normal(parameter.detach(), generator=generator)
    return machine


@torch.no_grad()
def data_means(machine: RBM, v: Tensor) -> Means:
    """Return the means of v hᵀ, v and h when v comes from the rows given and h from p(h | v)."""
    h = machine.hidden.mean(machine.up(v))
    return v.mT @ h / len(v), v.mean(0), h.mean(0)


@torch.no_grad()
def model_means(machine: RBM) -> Means:
    """Return the exact means of v hᵀ, v and h under the machine, by listing every hidden state."""
    h = machine.hidden.states()
    odds = torch.softmax(machine.visible.cgf(machine.down(h)) - machine.hidden.energy(h), 0)
    v = machine.visible.mean(machine.down(h))
    return v.mT @ (odds[:, None] * h), odds @ v, odds @ h


def log_z(machine: RBM) -> Tensor:
    """Return log Z by listing every hidden state, with its gradient."""
    h = machine.hidden.states()
    return torch.logsumexp(machine.visible.cgf(machine.down(h)) - machine.hidden.energy(h), 0)


@torch.no_grad()
def slopes(machine: RBM, value: Callable[[], Tensor], step: float = 1e-5) -> Means:
    """Return central differences of ``value()`` in the weights, the visible biases and the hidden biases."""

    def difference(parameter: Tensor, at: int) -> float:
        flat = parameter.view(-1)
        kept, ends = float(flat[at]), []
        for move in (step, -step):
            flat[at] = kept + move
            ends.append(float(value()))
        flat[at] = kept
        return (ends[0] - ends[1]) / (2 * step)

    parameters = (machine.weight.data, machine.visible.bias.data, machine.hidden.bias.data)
    w, b, c = (p.new_tensor([difference(p, i) for i in range(p.numel())]).view_as(p) for p in parameters)
    return w, b, c


def overflow(fields: Sequence[float]) -> list[dict[str, float]]:
    """Return log(1 + eˣ) and its slope in float32, written so and as softplus, beside softplus in float64."""
    found = []
    for field in fields:
        row = {"x": field, "truth": float(softplus(torch.tensor(field, dtype=torch.float64)))}
        for name, function in (("naive", lambda x: torch.log(1 + torch.exp(x))), ("softplus", softplus)):
            x = torch.tensor(field, requires_grad=True)
            value = function(x)
            row |= {name: float(value.detach()), f"{name}_slope": float(torch.autograd.grad(value, x)[0])}
        found.append(row)
    return found


def chances(p: Tensor, states: Tensor) -> Tensor:
    """Return the probability of each row of ``states`` under independent units: (rows, width) → (rows, states)."""
    on, off = p[:, None, :], 1 - p[:, None, :]
    return torch.where(states.bool(), on, off).prod(-1)


@torch.no_grad()
def kernel(machine: RBM, visible_odds: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the matrix of one Gibbs step from v to v′, ``visible_odds`` turning the field on v into probabilities."""
    v, h = machine.visible.states(), machine.hidden.states()
    up = chances(machine.hidden.mean(machine.up(v)), h)
    down = chances(visible_odds(machine.visible.bias + machine.down(h)), v)
    return up @ down


@torch.no_grad()
def visible_odds_of(machine: RBM) -> Tensor:
    """Return the exact probability of every visible state."""
    return torch.softmax(-machine.free_energy(machine.visible.states()), 0)


def total_variation(p: Tensor, q: Tensor) -> float:
    """Return half the sum of |p − q|: the largest difference in the probability of any event."""
    return 0.5 * float((p - q).abs().sum())
