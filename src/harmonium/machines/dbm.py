"""The deep Boltzmann machine."""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Self, cast

import torch
from torch import Tensor, nn

from ..arguments import Count, Natural, checked
from ..errors import InputError
from ..numerics import Seed, stream
from ..units import Concat, Device, Units, as_units
from .base import first_weights
from .bipartite import Bipartite
from .rbm import RBM


class DoubledRBM(RBM):
    """An RBM that learns one pair of layers of a `DBM` to be: it stands in for the layers that are still missing.

    A hidden unit sees ``up_times`` copies of the row below, a visible unit ``down_times`` copies of the row above: 2
    where the pair will have another layer on that side, 1 at the ends (Salakhutdinov & Hinton, 2009, §3).
    """

    @checked
    def __init__(
        self,
        visible: Units | Count,
        hidden: Units | Count,
        up_times: Count,
        down_times: Count,
        *,
        generator: Seed = None,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(visible, hidden, generator=generator, device=device, dtype=dtype)
        self.up_times, self.down_times = up_times, down_times

    def up(self, x: Tensor) -> Tensor:
        """Return the field on the hidden row of all copies of the row below."""
        return self.up_times * super().up(x)

    def down(self, y: Tensor) -> Tensor:
        """Return the field on the visible row of all copies of the row above."""
        return self.down_times * super().down(y)

    def free_energy(self, x: Tensor) -> Tensor:
        """Return one copy's share of the free energy: the weights get the plain gradient."""
        return self.even.energy(x) / self.down_times - self.odd.cgf(self.up(x)) / self.up_times


class DBM(Bipartite):
    """A chain of layers, each joined to the next by a weight matrix (Salakhutdinov & Hinton, 2009).

    Energy = Σ layer energies − Σ hₗᵀWₗhₗ₊₁.  A chain is bipartite: even layers talk to odd layers alone, so one row
    holds the even layers, the other, summed out, the odd ones.  A state is (..., even layers side by side), visible
    first.

    Args:
        layers: rows of units, the visible one first; a number is that many Bernoulli units.
        infer_steps: the most mean-field steps of `infer` and `elbo`.
        generator, device, dtype: as for `RBM`.

    Example:
        >>> import harmonium as hm
        >>> dbm = hm.DBM(6, 4, 3, generator=0)
        >>> dbm.elbo(dbm.sample_independent(5)[:, :6]).shape  # evidence lower bound (ELBO) on log p(v) + log Z
        torch.Size([5])
    """

    @checked
    def __init__(
        self,
        *layers: Units | Count,
        infer_steps: Natural = 30,
        generator: Seed = None,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        if len(layers) < 2:
            raise InputError(f"a DBM was given {len(layers)} layers: give two or more, the visible one first")
        rows, drawn = [as_units(layer, device=device, dtype=dtype) for layer in layers], stream(generator)
        self.layers = cast("Sequence[Units]", nn.ModuleList(rows))
        self.joined = Concat(*rows[0::2]), Concat(*rows[1::2])  # in a tuple, so that a layer has one name in the state
        self.infer_steps = infer_steps
        shapes = ((below.width, above.width) for below, above in pairwise(rows))
        made = (first_weights(shape, rows[0].bias, drawn) for shape in shapes)
        self.weights = nn.ParameterList(made)  # type: ignore[misc, assignment]

    @classmethod
    @checked
    def stack(cls, halves: Sequence["DoubledRBM"], *, infer_steps: Natural = 30) -> Self:
        """Return the machine whose layers were learned one by one as `DoubledRBM` machines, the lowest first."""
        rows = [halves[0].visible, *(half.hidden for half in halves)]
        machine = cls(*copy.deepcopy(rows), infer_steps=infer_steps).to(halves[0].weight)
        with torch.no_grad():
            for weight, half in zip(machine.weights, halves, strict=True):
                weight.copy_(half.weight)
            for row, half in zip(machine.layers[1:], halves, strict=True):  # what each half says of the row above it
                for leaf in row.components():
                    leaf.bias.div_(half.up_times)
            for row, half in zip(machine.layers[1:], halves[1:], strict=False):  # and of the row below it
                for leaf, learned in zip(row.components(), half.visible.components(), strict=True):
                    leaf.bias.add_(learned.bias / half.down_times)
        return machine

    @property
    def visible(self) -> Units:  # type: ignore[override]
        """The row that meets the data."""
        return self.joined[0].rows()[0]

    @property
    def even(self) -> Units:
        """The even layers, side by side."""
        return self.joined[0]

    @property
    def odd(self) -> Units:
        """The odd layers, side by side."""
        return self.joined[1]

    def up(self, x: Tensor) -> Tensor:
        """Return, for every odd layer, the fields of the layers below and above it, side by side."""
        even, odd = (row.rows() for row in self.joined)
        parts, weights = x.split([row.width for row in even], -1), list(self.weights)
        fields = [part @ weight for part, weight in zip(parts, weights[0::2], strict=False)]
        for i, weight in enumerate(weights[1::2]):
            fields[i] = fields[i] + parts[i + 1] @ weight.mT
        return torch.cat(fields, -1) if len(odd) > 1 else fields[0]

    def down(self, y: Tensor) -> Tensor:
        """Return, for every even layer, the fields of the layers below and above it, side by side."""
        even, odd = (row.rows() for row in self.joined)
        parts, weights = y.split([row.width for row in odd], -1), list(self.weights)
        fields = [part @ weight.mT for part, weight in zip(parts, weights[0::2], strict=False)]
        for i, weight in enumerate(weights[1::2]):
            field = parts[i] @ weight
            if i + 1 < len(fields):
                fields[i + 1] = fields[i + 1] + field
            else:
                fields.append(field)
        return torch.cat(fields, -1) if len(even) > 1 else fields[0]

    @property
    def weights(self) -> Sequence[Tensor]:
        """The weight matrices, the lowest first."""
        return cast("Sequence[Tensor]", self._modules["weights"])
