"""The deep belief network: directed layers under a top RBM."""

import copy
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from ..arguments import checked
from ..errors import InputError
from ..numerics import Seed, stream
from ..units import Concat, Device, Units, as_rows, as_units
from .base import projected
from .door import guard
from .labels import evidence
from .rbm import RBM
from .showing import Shown


class SigmoidBeliefLayer(nn.Module):
    """Two rows joined by arrows: ``generation`` draws the row below, ``recognition`` guesses the row above.

    p(below | above) has the field above·Gᵀ, q(above | below) the field below·R; G and R, (below, above), are not tied,
    and neither are the biases: those of ``below`` generate, those of ``above`` recognize.
    """

    @checked
    def __init__(
        self, below: Units | int, above: Units | int, *, device: Device = None, dtype: torch.dtype | None = None
    ):
        super().__init__()
        self.below, self.above = (as_units(row, device=device, dtype=dtype) for row in (below, above))
        zeros = self.below.bias.new_zeros(self.below.width, self.above.width)
        self.generation, self.recognition = nn.Parameter(zeros), nn.Parameter(zeros.clone())

    @classmethod
    @torch.no_grad()
    def untie(cls, rbm: RBM) -> Self:
        """Return the layer whose two sets of weights are copies of those of an RBM."""
        layer = cls(copy.deepcopy(rbm.visible), copy.deepcopy(rbm.hidden)).to(rbm.weight)
        layer.generation.copy_(rbm.weight)
        layer.recognition.copy_(rbm.weight)
        return layer

    def up(self, x: Tensor) -> Tensor:
        """Return the field that recognizes the row above."""
        return x @ self.recognition

    def down(self, y: Tensor) -> Tensor:
        """Return the field that generates the row below."""
        return y @ self.generation.mT


@guard
class DBN(Shown, nn.Module):
    """Directed layers under a top RBM, whose visible row is the highest code, with labels beside it if there are any.

    p(v, h) = p(v | h₁) p(h₁ | h₂) … p_top(h_L), trained layer by layer and then by `training.updown` (Hinton, Osindero
    & Teh, 2006).  It is no `Machine`: its density has no closed form up to Z; `elbo` is its evidence lower bound
    (ELBO).

    Args:
        layers: the directed layers, the lowest first; each ends where the next begins.
        top: the RBM whose visible row is the highest code.

    Example:
        >>> import harmonium as hm
        >>> dbn = hm.DBN.stack([hm.RBM(6, 4), hm.RBM(4, 5)])  # of RBMs that were learned one by one
        >>> hm.sample(dbn, 3, gibbs_steps=10).shape
        torch.Size([3, 6])
    """

    @checked
    def __init__(self, *layers: SigmoidBeliefLayer, top: RBM):
        super().__init__()
        self.layers, self.top = nn.ModuleList(layers), top
        for layer, above in zip(layers, [*(layer.below.width for layer in layers[1:]), self.code], strict=False):
            if layer.above.width != above:
                raise InputError(f"a layer ends in {layer.above.width} units and the next begins with {above}")

    @classmethod
    @checked
    def stack(cls, rbms: Sequence[RBM]) -> Self:
        """Return the network of RBMs that were learned one by one, the lowest first."""
        if not rbms:
            raise InputError("a DBN was given no RBMs: give one or more, the lowest first")
        return cls(*(SigmoidBeliefLayer.untie(rbm) for rbm in rbms[:-1]), top=copy.deepcopy(rbms[-1]))

    @property
    def visible(self) -> Units:
        """The row that meets the data; without directed layers that of the top RBM."""
        return self.arrows()[0].below if len(self.layers) else self.top.visible

    @property
    def labels(self) -> int:
        """The number of classes beside the highest code; 0 where there are none."""
        return self.top.visible.labels

    def as_rows(self, v: Any, what: str = "v", *, whole: bool = False, means: bool = False) -> Tensor:
        """Return the rows ``v`` as a tensor, or raise `InputError` where they are no rows of the network.

        Unless ``whole``, the columns of the label may be missing; with ``means`` they may be means of rows.
        """
        beside = self.top.visible.components()[-1:] if self.labels and len(self.layers) else []
        return as_rows(Concat(self.visible, *beside), v, what, whole=whole, means=means)

    def as_states(self, x: Any, what: str = "x") -> Tensor:
        """Return rows or their means as a tensor, or raise `InputError`; the columns of the label may be missing."""
        return self.as_rows(x, what, means=True)

    @property
    def latent(self) -> list[Units]:
        """The rows of a state beyond the visible one and the labels: none."""
        return []

    @property
    def code(self) -> int:
        """The width of the highest code."""
        return self.top.visible.width - self.labels

    @property
    def width(self) -> int:
        """The number of visible columns, and of labels behind them."""
        return self.visible.width + self.labels if len(self.layers) else self.top.width

    def arrows(self) -> list[SigmoidBeliefLayer]:
        """Return the directed layers, the lowest first."""
        return [layer for layer in self.layers if isinstance(layer, SigmoidBeliefLayer)]

    @property
    def weights(self) -> list[Tensor]:
        """Return the recognition and generation weights of each layer, then those of the top RBM."""
        pairs = [[layer.recognition, layer.generation] for layer in self.arrows()]
        return [*(weight for pair in pairs for weight in pair), *self.top.weights]

    @torch.no_grad()
    def receptive_fields(self) -> list[Tensor]:
        """Return, for every hidden layer, the weights from the visible row to it, through the layers between."""
        return projected([*(layer.generation for layer in self.arrows()), self.top.weight[: self.code]])

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Return the top RBM's visible state of rows ``x`` by means, layer by layer; label columns are handed on."""
        v, label = self.split(x)
        for layer in self.arrows():
            v = layer.above.mean(layer.up(v))
        return torch.cat([v, label], -1)

    def infer(self, v: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return ``v`` itself, a whole state."""
        return v

    @torch.no_grad()
    def hidden_means(self, v: Tensor) -> list[Tensor]:
        """Return the mean of every hidden layer by a pass up from rows ``v``; a missing label counts as an even one."""
        x, label = self.split(v)
        means = []
        for layer in self.arrows():
            x = layer.above.mean(layer.up(x))
            means.append(x)
        return [*means, self.top.hidden.mean(self.top.up(torch.cat([x, self._label(label)], -1)))]

    def _label(self, label: Tensor) -> Tensor:
        """Return label columns as they are, or even ones where they are missing."""
        return label if label.shape[-1] else label.new_full((*label.shape[:-1], self.labels), 1 / max(self.labels, 1))

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the columns of the first row, and the label columns behind them (none where ``x`` has none)."""
        first = self.visible.width if len(self.layers) else self.code
        return x[..., :first], x[..., first:]

    @torch.no_grad()
    def recognize(self, v: Tensor, *, generator: Generator | None = None) -> list[Tensor]:
        """Draw a state of every layer above ``v`` from the recognition weights; the first entry is ``v``."""
        states = [v]
        for layer in self.arrows():
            states.append(layer.above.sample(layer.up(states[-1]), generator=generator))
        return states

    @torch.no_grad()
    def generate(self, code: Tensor, *, generator: Generator | None = None) -> list[Tensor]:
        """Draw a state of every layer below ``code``, the lowest by its mean; the last entry is ``code``."""
        states = [code]
        for i, layer in reversed(list(enumerate(self.arrows()))):
            field = layer.down(states[0])
            states.insert(0, layer.below.sample(field, generator=generator) if i else layer.below.mean(field))
        return states

    @torch.no_grad()
    def draw_below(
        self, code: Tensor, external_field: Tensor | None = None, *, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw the layers below ``code`` one by one; return the lowest, and the means that it was drawn from."""
        for layer in reversed(self.arrows()[1:]):
            code = layer.below.sample(layer.down(code), generator=generator)
        lowest = self.arrows()[0]
        field = lowest.down(code)
        field = field if external_field is None else field + external_field[..., : field.shape[-1]]
        return lowest.below.sample(field, generator=generator), lowest.below.mean(field)

    @torch.no_grad()
    def gibbs_with_means(
        self,
        x: Tensor,
        clamped: Tensor | None = None,
        external_field: Tensor | None = None,
        *,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return rows, labels behind them, after a pass up, a Gibbs step of the top and a pass down, and their means.

        Where the recognition weights are not the posterior the kernel only nearly leaves the density alone.
        """
        if not len(self.layers):
            return self.top.gibbs_with_means(x, clamped, external_field, generator=generator)
        v, label = self.split(x)
        code = self.recognize(v, generator=generator)[-1]
        still = None
        if clamped is not None and self.labels:
            still = pad(clamped[..., self.visible.width :].expand(label.shape), (self.code, 0))
        top = self.top.gibbs(torch.cat([code, label], -1), still, generator=generator)
        drawn, means = self.draw_below(top[..., : self.code], external_field, generator=generator)
        new, mean = (torch.cat([row, top[..., self.code :]], -1) for row in (drawn, means))
        return (new, mean) if clamped is None else (torch.where(clamped, x, new), torch.where(clamped, x, mean))

    @torch.no_grad()
    def sample_independent(self, count: int, *, generator: Seed = None) -> Tensor:
        """Draw ``count`` rows, labels behind them, without any couplings: where chains start."""
        generator = stream(generator, self.top.weight.device)
        top = self.top.sample_independent(count, generator=generator)
        if not len(self.layers):
            return top
        v = self.visible.sample(self.visible.zero_field(count), generator=generator)
        return torch.cat([v, top[..., self.code :]], -1)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return rows ``x`` after a pass up and down by means, label columns as the top RBM sees them.

        A missing label counts as an even one.
        """
        first, label = self.split(x)
        mean = self.top.reconstruct(torch.cat([self.encode(first), self._label(label)], -1))
        v, label = mean[..., : self.code], mean[..., self.code :]
        for layer in reversed(self.arrows()):
            v = layer.below.mean(layer.down(v))
        return torch.cat([v, label], -1)

    @torch.no_grad()
    def elbo(self, v: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return an unbiased estimate of a lower bound on log p(v) + log Z of the top, in nats: (..., width) → (...).

        E_q[Σ log p(hₗ | hₗ₊₁) − log q(hₗ₊₁ | hₗ) − free energy of the code] by one draw of q, the pass up
        (Salakhutdinov & Murray, 2008).  A label that ``v`` lacks is summed out.
        """
        x, label = self.split(v)
        states = self.recognize(x, generator=generator)
        total = evidence(self.top, torch.cat([states[-1], label], -1))
        for layer, below, above in zip(self.arrows(), states, states[1:], strict=False):
            total = total + log_density(layer.below, below, layer.down(above))
            total = total - log_density(layer.above, above, layer.up(below))
        return total


def log_density(row: Units, x: Tensor, field: Tensor) -> Tensor:
    """Return log p(x | field) of a row: field·x − energy(x) − cgf(field)."""
    return (field * x).sum(-1) - row.energy(x) - row.cgf(field)
