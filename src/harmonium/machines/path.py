"""The machines between two machines."""

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..units import Quadratic, Units, ZeroInflated
from .base import Machine
from .bipartite import Bipartite
from .boltzmann import BoltzmannMachine

CURVED = (Quadratic, ZeroInflated)


class Partway(Bipartite):
    """A bipartite machine on the way from one without couplings: its fields are ``beta`` times those at the end.

    It keeps the last row that it took up, so that several betas ask for one product.
    """

    def __init__(self, end: Bipartite):
        super().__init__()
        self.end = end
        self.beta: Tensor | float = 1.0
        self.last: tuple[Tensor, int, Tensor] | None = None

    @property
    def visible(self) -> Units:  # type: ignore[override]
        """The row that meets the data."""
        return self.end.visible

    @property
    def even(self) -> Units:
        """The row of the even layers."""
        return self.end.even

    @property
    def odd(self) -> Units:
        """The row of the odd layers."""
        return self.end.odd

    @property
    def layers(self) -> Sequence[Units]:  # type: ignore[override]
        """The rows, with the parameters that they have here."""
        return self.end.layers

    def up(self, x: Tensor) -> Tensor:
        """Return ``beta`` times the field that the even row sends at the end."""
        if self.last is None or x is not self.last[0] or x._version != self.last[1]:
            self.last = x, x._version, self.end.up(x)
        return self.beta * self.last[2]

    def down(self, y: Tensor) -> Tensor:
        """Return ``beta`` times the field that the odd row sends at the end."""
        return self.beta * self.end.down(y)

    @property
    def weights(self) -> list[Tensor]:
        """Return the weights here."""
        return [self.beta * weight for weight in self.end.weights]


def abreast(machines: Sequence[Machine]) -> Machine:
    """Return machines of one make and no couplings as one, whose parameters, (machines, 1, ...), lie side by side.

    Its states have shape (machines, chains, width).
    """
    made = copy.deepcopy(machines[0]).requires_grad_(False)
    couplings = {id(weight) for weight in made.weights}
    names = [name for name, parameter in made.named_parameters() if id(parameter) not in couplings]
    for name in names:
        values = torch.stack([machine.get_parameter(name).detach() for machine in machines])[:, None]
        owner, _, leaf = name.rpartition(".")
        made.get_submodule(owner)._parameters[leaf] = nn.Parameter(values, requires_grad=False)
    return made


@torch.no_grad()
def at_temperature(machine: Machine, temperature: float) -> Machine:
    """Return the machine whose density is exp(−energy / temperature): flatter above 1, sharper below it.

    Raises `InputError` for a temperature that is not above 0.
    """
    if not 0 < temperature < math.inf:
        raise InputError(
            f"the temperature {temperature} was given where a number above 0 was expected: 1 is the model's own"
        )
    made = copy.deepcopy(machine).requires_grad_(False)
    for weight in made.weights:
        weight.div_(temperature)
    for leaf in (leaf for row in made.rows for leaf in row.components()):
        leaf.bias.div_(temperature)
        if isinstance(leaf, CURVED):
            leaf.log_precision.sub_(math.log(temperature))
    return made


@torch.no_grad()
def ais_base(machine: Machine, data: Tensor | None = None) -> Machine:
    """Return the start of the path: no couplings, hidden biases of zero, visible biases from the ``data``, (rows,
    visible).

    Precisions stay those of the machine, so that every machine on the path can be normalized.
    """
    start = machine.independent()
    below = start.visible.components()
    for leaf in (leaf for row in start.rows for leaf in row.components() if all(leaf is not one for one in below)):
        leaf.bias.zero_()
    if data is not None:
        start.init_from_data(data)
        for own, leaf in zip(machine.visible.components(), below, strict=True):
            if isinstance(own, CURVED) and isinstance(leaf, CURVED):
                leaf.set_precision(own.log_precision)
    return start


class InterpolationPath:
    """The straight line in parameter space from ``start`` to ``end``, two machines of one make.

    ``at(beta)`` is a machine; a ``beta`` of shape (K, 1, 1) gives a ladder of K machines in one, whose states
    have shape (K, chains, width).
    """

    def __init__(self, start: Machine, end: Machine):
        here = copy.deepcopy(end).requires_grad_(False)
        still = {id(w) for w in start.weights} if not any(bool(w.any()) for w in start.weights) else set()
        self.scaled = isinstance(here, Bipartite | BoltzmannMachine) and bool(still)
        whole = here.rounded() if isinstance(here, BoltzmannMachine) and self.scaled else here
        self.here: Any = Partway(here) if isinstance(here, Bipartite) and self.scaled else whole
        self.moving = [
            (here.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], a.detach(), b.detach())
            for (name, a), b in zip(start.named_parameters(), end.parameters(), strict=True)
            if not (self.scaled and id(a) in still)
        ]

    def at(self, beta: Tensor | float) -> Machine:
        """Return the machine at ``beta``: 0 is the start, 1 the end, and beyond 1 the line goes on.

        From a start whose parameters are all zero, the machine at T₀/T is the end, taken at temperature T₀, at
        temperature T.  The object is the path's own and moves at the next call.
        """
        for owner, leaf, a, b in self.moving:
            value = torch.lerp(a, b, torch.as_tensor(beta, dtype=b.dtype, device=b.device))
            owner._parameters[leaf] = nn.Parameter(value, requires_grad=False)
        if self.scaled:
            weight = self.moving[0][2]
            self.here.beta = beta.to(weight) if isinstance(beta, Tensor) else beta
        return self.here
