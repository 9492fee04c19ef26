"""The restricted Boltzmann machine."""

from typing import Self

import torch
from torch import Generator, Tensor, nn

from ..arguments import Count, checked
from ..errors import InputError
from ..numerics import Seed
from ..units import Device, Units, as_units
from . import binary
from .base import first_weights
from .bipartite import Bipartite
from .contrast import ClosedForm, descend, hooked, inputs


class RBM(Bipartite):
    """A visible and a hidden row of any kinds, joined by one weight matrix (Smolensky, 1986; Hinton, 2002).

    Energy(v, h) = visible.energy(v) + hidden.energy(h) − vᵀWh, with W of shape (visible, hidden) drawn from N(0,
    0.01²); called on rows, (..., visible), it gives their free energy in nats, visible.energy(v) − hidden.cgf(vᵀW).

    Args:
        visible, hidden: a row of units, or a number of Bernoulli units.
        generator: a `torch.Generator` or a seed, for the weights.
        device, dtype: as in `torch.nn`; those of the visible row unless given.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(hm.Spin(6), 4, generator=0)  # six spins, four Bernoulli units
        >>> rbm(rbm.sample_independent(5)).shape
        torch.Size([5])
    """

    @checked
    def __init__(
        self,
        visible: Units | Count,
        hidden: Units | Count,
        *,
        generator: Seed = None,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.visible = as_units(visible, device=device, dtype=dtype)
        self.hidden = as_units(hidden, device=device, dtype=dtype)
        self.weight = first_weights((self.visible.width, self.hidden.width), self.visible.bias, generator)

    @classmethod
    @checked
    def from_tensors(cls, weight: Tensor, visible_bias: Tensor, hidden_bias: Tensor) -> Self:
        """Return the machine of Bernoulli units that holds copies of W, (visible, hidden), and of both biases.

        Other kinds of units take theirs by ``load_state_dict``: ``weight``, ``visible.bias``, ``hidden.bias``, …
        """
        if weight.ndim != 2 or weight.shape != (*visible_bias.shape, *hidden_bias.shape):
            given = [tuple(x.shape) for x in (weight, visible_bias, hidden_bias)]
            raise InputError(f"the shapes are {given} where [(visible, hidden), (visible,), (hidden,)] was expected")
        with torch.device("meta"):
            machine = cls(*weight.shape)
        values = {"weight": weight, "visible.bias": visible_bias, "hidden.bias": hidden_bias}
        machine.load_state_dict({name: value.detach().clone() for name, value in values.items()}, assign=True)
        return machine.requires_grad_(True)

    @property
    def even(self) -> Units:
        """The visible row."""
        return self.visible

    @property
    def odd(self) -> Units:
        """The hidden row."""
        return self.hidden

    @property
    def layers(self) -> list[Units]:  # type: ignore[override]
        """The visible and the hidden row."""
        return [self.visible, self.hidden]

    def up(self, x: Tensor) -> Tensor:
        """Return vᵀW, the field on the hidden row."""
        found = self._field(x, "up")
        return x @ self.weight if found is None else found

    def down(self, y: Tensor) -> Tensor:
        """Return Wh, the field on the visible row."""
        found = self._field(y, "down")
        return y @ self.weight.mT if found is None else found

    def _field(self, states: Tensor, way: str) -> Tensor | None:
        """Return the field that states of bits send up or down where it is a sum of rows and no gradient follows."""
        if torch.is_grad_enabled() and (states.requires_grad or self.weight.requires_grad):
            return None
        return binary.field(self, states, way)

    def gibbs(self, x: Tensor, clamped: Tensor | None = None, *, generator: Generator | None = None) -> Tensor:
        """Return the state after one Gibbs step; units where the mask ``clamped`` is true keep their value."""
        found = binary.walk(self, x, 1, clamped, generator=generator) if self._own() else None
        return super().gibbs(x, clamped, generator=generator) if found is None else found

    def gibbs_steps(
        self, x: Tensor, steps: int, clamped: Tensor | None = None, *, generator: Generator | None = None
    ) -> Tensor:
        """Return the state after some Gibbs steps; units where the mask ``clamped`` is true keep their value."""
        found = binary.walk(self, x, steps, clamped, generator=generator) if self._own() and steps else None
        return super().gibbs_steps(x, steps, clamped, generator=generator) if found is None else found

    def contrastive_loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the difference of mean free energies; its gradient has a closed form where rows are linear in biases.

        Where a machine has fields or a free energy of its own, is called with tensors that are no parameters of its
        own (`torch.func`), or the states want a gradient too, autograd makes the gradient.
        """
        if self._closed(positive, negative):
            return ClosedForm.apply(self, positive, negative, *inputs(self))  # type: ignore[no-any-return,no-untyped-call]
        return super().contrastive_loss(positive, negative)

    def descend(self, positive: Tensor, negative: Tensor) -> Tensor:
        """Add the gradients of `contrastive_loss` to those of the parameters, and return its value in nats."""
        if self._closed(positive, negative) and not any(hooked(parameter) for parameter in inputs(self)):
            return descend(self, positive, negative)
        return super().descend(positive, negative)

    def _closed(self, positive: Tensor, negative: Tensor) -> bool:
        still = positive.ndim == negative.ndim == 2 and not (positive.requires_grad or negative.requires_grad)
        plain = all(isinstance(parameter, nn.Parameter) for parameter in inputs(self))
        return self._own() and still and plain and self.even.linear and self.odd.linear

    def _own(self) -> bool:
        """Say whether the fields and the free energy are those of this class."""
        kind = type(self)
        return kind.up is RBM.up and kind.down is RBM.down and kind.free_energy is RBM.free_energy

    @property
    def weights(self) -> list[Tensor]:
        """Return the one weight matrix."""
        return [self.weight]
