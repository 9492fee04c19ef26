"""What every machine answers."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple, Self

import torch
from torch import Generator, Tensor, nn

from ..numerics import Seed, autocast_like, distributed, normal, stream
from ..units import Concat, Units, as_rows
from .door import guard
from .showing import Shown

CLOSE = 1e-4  # mean field has converged when no mean moves by more


class MeanField(NamedTuple):
    """A factorized guess at what is not visible, and how it was reached.

    ``state`` (..., width) has the visible part as it was given and means behind it; ``field`` (..., latent) gives these
    means.  ``change`` is the largest move in the last of ``steps`` mean-field steps: near 0 when they converged.
    """

    state: Tensor
    field: Tensor
    steps: int
    change: float


class Machine(Shown, nn.Module, ABC):
    """An unnormalized density over one tensor x of shape (..., width), visible units first, and its Gibbs kernel.

    The density is exp(−free_energy(x))/Z.  Whatever can be summed out is summed out, and the parameters get
    their gradient through ``free_energy`` alone.
    """

    infer_steps: int = 0
    """The most mean-field steps that `mean_field` takes; of clamped Gibbs steps, as many as `infer` takes."""

    @property
    @abstractmethod
    def width(self) -> int:
        """The number of columns of a state."""

    visible: Units
    """The row that meets the data: the first columns of a state."""

    @property
    @abstractmethod
    def latent(self) -> list[Units]:
        """The rows that make up the rest of a state; none where all that is hidden is summed out."""

    @property
    def labels(self) -> int:
        """The number of classes whose softmax label ends the visible row; 0 where there is none."""
        return self.visible.labels

    @abstractmethod
    def hidden_means(self, v: Tensor) -> list[Tensor]:
        """Return the mean of every hidden row given rows ``v``, from the lowest up, exact or by mean field."""

    @abstractmethod
    def free_energy(self, x: Tensor) -> Tensor:
        """Return −log of the unnormalized density, in nats: (..., width) → (...)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the free energy of whole states, in nats: (..., width) → (...); `infer` completes visible rows."""
        return self.free_energy(x)

    def contrastive_loss(self, positive: Tensor, negative: Tensor) -> Tensor:
        """Return mean free_energy(positive) − mean free_energy(negative), in nats: (states, width) of each phase → ().

        Its gradient is minus that of the mean log-likelihood when the negative states are the machine's own.
        """
        energies = self.free_energy(torch.cat([positive, negative]))
        return energies[: len(positive)].mean() - energies[len(positive) :].mean()

    def descend(self, positive: Tensor, negative: Tensor) -> Tensor:
        """Add the gradients of `contrastive_loss` to those of the parameters, and return its value in nats."""
        loss = self.contrastive_loss(positive, negative)
        loss.backward()
        return loss.detach()

    @abstractmethod
    def gibbs_with_means(
        self,
        x: Tensor,
        clamped: Tensor | None = None,
        external_field: Tensor | None = None,
        *,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the state after one Gibbs step, and the means that it was drawn from.

        Units where the mask ``clamped`` is true keep their value; ``external_field`` is an extra field on the visible
        units.
        """

    def gibbs(self, x: Tensor, clamped: Tensor | None = None, *, generator: Generator | None = None) -> Tensor:
        """Return the state after one Gibbs step; units where the mask ``clamped`` is true keep their value."""
        return self.gibbs_with_means(x, clamped, generator=generator)[0]

    def gibbs_steps(
        self, x: Tensor, steps: int, clamped: Tensor | None = None, *, generator: Generator | None = None
    ) -> Tensor:
        """Return the state after some Gibbs steps; units where the mask ``clamped`` is true keep their value."""
        machine = self.rounded()
        for _ in range(steps):
            x = machine.gibbs(x, clamped, generator=generator)
        return x

    @abstractmethod
    def infer(self, v: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return a state whose visible part is ``v``: the positive phase."""

    @abstractmethod
    def mean_field_step(self, x: Tensor) -> Tensor:
        """Return the fields that give the latent rows new means, one mean-field step on from those in ``x``."""

    @torch.no_grad()
    def mean_field(self, v: Tensor) -> MeanField:
        """Return the fixed point of the latent means given ``v``: each step raises `elbo`, or leaves it.

        It has converged when no mean moves by more than `CLOSE` (Salakhutdinov & Hinton, 2009).
        """
        if not self.latent:
            return MeanField(v, v[..., :0], 0, 0.0)
        rest = Concat(*self.latent)
        field = v.new_zeros(*v.shape[:-1], rest.width)
        mean, change, taken = rest.mean(field), 1.0, 0
        while change >= CLOSE and taken < self.infer_steps:
            field = self.mean_field_step(torch.cat([v, mean], -1))
            before, mean = mean, rest.mean(field)
            change, taken = distributed.furthest(mean - before), taken + 1
        return MeanField(torch.cat([v, mean], -1), field, taken, change)

    def elbo(self, v: Tensor) -> Tensor:
        """Return the variational lower bound on log p(v) + log Z, in nats, (..., visible) → (...).

        It is E_q[−energy] + entropy of q, where q factorizes over the latent units.  With fields θ and means m of the
        latent rows: −free_energy(v, m) + latent.energy(m) + cgf(θ) − θ·m; exact without latent rows.
        """
        if not self.latent:
            return -self.free_energy(v)
        q, rest = self.mean_field(v), Concat(*self.latent)
        mean = q.state[..., v.shape[-1] :]
        return rest.energy(mean) + rest.cgf(q.field) - (q.field * mean).sum(-1) - self.free_energy(q.state)

    @abstractmethod
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the means of a state given the means of its neighbors given ``x``."""

    @property
    @abstractmethod
    def weights(self) -> Sequence[Tensor]:
        """The weight tensors."""

    @abstractmethod
    def log_partition_independent(self) -> Tensor:
        """Return log Z of the machine with its couplings at zero, where it is exact."""

    @abstractmethod
    def sample_independent(self, count: int, *, generator: Seed = None) -> Tensor:
        """Draw ``count`` exact states of the machine with its couplings at zero."""

    @torch.no_grad()
    def rounded(self) -> Self:
        """Return the machine with its couplings as products round them here, for many products; no gradient passes."""
        weights = self.weights
        if not torch.is_autocast_enabled(weights[0].device.type):
            return self
        pieces = {id(weight): autocast_like(weight) for weight in weights}
        return self if all(id(piece) in pieces for piece in pieces.values()) else coupled(self, pieces)

    @torch.no_grad()
    def receptive_fields(self) -> list[Tensor]:
        """Return, for every hidden layer, the weights from the visible row to it, through the layers between."""
        return projected(self.weights)

    @property
    @abstractmethod
    def rows(self) -> list[Units]:
        """The rows of units that hold the biases, those that are summed out included."""

    @abstractmethod
    def fields(self, x: Tensor) -> list[Tensor]:
        """Return the field on each of the ``rows`` at states x, (..., width); what is summed out sends its mean."""

    @abstractmethod
    def interaction(self, means: list[Tensor]) -> Tensor:
        """Return minus the energy of the couplings at means of the ``rows``, in nats: (...)."""

    @torch.no_grad()
    def independent(self, x: Tensor | None = None) -> Self:
        """Return the same machine with its couplings at zero: everything about it is exact.

        Given states ``x``, (states, width), the biases take up the mean of the fields there: independent units that
        stand where the states stand.
        """
        machine = copy.deepcopy(self).requires_grad_(False)
        for weight in machine.weights:
            weight.zero_()
        for row, field in zip(machine.rows, [] if x is None else self.fields(x), strict=x is not None):
            parts = row.components()
            for part, piece in zip(parts, field.mean(0).split([part.width for part in parts]), strict=True):
                part.bias.add_(piece)
        return machine

    @torch.no_grad()
    def independent_elbo(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means of independent units under the fields at ``x``, (..., width), and their bounds on log Z.

        log Z ≥ E_q[−energy] + entropy of q, where q has a field θ and means m for each row: Σ cgf(θ) − θ·m, and minus
        the energy of the couplings at the means (Gibbs, Bogoliubov & Feynman).
        """
        fields = self.fields(x)
        means = [row.mean(field) for row, field in zip(self.rows, fields, strict=True)]
        own = [
            row.cgf(field) - (field * mean).sum(-1) for row, field, mean in zip(self.rows, fields, means, strict=True)
        ]
        return means[0], torch.stack(own).sum(0) + self.interaction(means)

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> Self:
        """Set the visible biases so that, without couplings, the units have the means of the data ``v``."""
        self.visible.init_from_data(self.as_rows(v, whole=True).reshape(-1, self.visible.width))
        return self

    def as_rows(self, v: Any, what: str = "v", *, whole: bool = False, means: bool = False) -> Tensor:
        """Return the rows ``v`` as a tensor, or raise `InputError` where they are no rows of the visible units.

        Unless ``whole``, the columns of the label may be missing; with ``means`` they may be means of rows.
        """
        return as_rows(self.visible, v, what, whole=whole, means=means)

    def as_states(self, x: Any, what: str = "x") -> Tensor:
        """Return states or their means, (..., width), as a tensor, or raise `InputError` where they are none."""
        units = Concat(self.visible, *self.latent) if self.latent else self.visible
        return as_rows(units, x, what, whole=True, means=True)

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        guard(cls)


guard(Machine)  # type: ignore[type-abstract]


def projected(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return the products of the first weights, of the first two, and so on."""
    return list(accumulate(weights, torch.matmul))


def first_weights(shape: tuple[int, int], like: Tensor, seed: Seed) -> nn.Parameter:
    """Return weights drawn from N(0, 0.01²), of the type and on the device of ``like``.

    A generator draws where it lives, so that a seed gives the same weights on every device.
    """
    generator = stream(seed)
    place = like.device if generator is None else generator.device
    return nn.Parameter((0.01 * normal(torch.empty(shape, device=place), generator=generator)).to(like))


def coupled(module: Any, pieces: dict[int, Tensor]) -> Any:
    """Return the module with other couplings, by the ids of its own; it shares its units."""
    twin = object.__new__(type(module))
    twin.__dict__ = dict(module.__dict__)
    twin._parameters = {name: pieces.get(id(p), p) for name, p in module._parameters.items()}
    twin._modules = {n: m if isinstance(m, Units) else coupled(m, pieces) for n, m in module._modules.items()}
    return twin
