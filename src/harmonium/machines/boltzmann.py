"""The general Boltzmann machine: couplings between any two units."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from ..arguments import Count, Natural, checked
from ..errors import InputError
from ..numerics import Seed, Sites, in_loops, pair_sums, sequential_step, stream
from ..units import Concat, Device, Discrete, Potts, Units, as_units
from .base import Machine, coupled, first_weights

MANY = 8  # classes from which a call for each costs more than its work


class Ready(NamedTuple):
    """What is made of the weights: the upper triangle, J, and the columns of J that each class asks for."""

    upper: Tensor
    matrix: Tensor
    columns: list[Tensor]


class BoltzmannMachine(Machine):
    """Visible and hidden units coupled without restriction (Ackley, Hinton & Sejnowski, 1985).

    Energy(x) = own energies − ½ xᵀJx with x = (v, h); the blocks of the symmetric J are R (visible–visible), W
    (visible–hidden) and T (hidden–hidden), and J is zero within a site.  A Gibbs step goes through the classes of a
    coloring: units of one class are not coupled and move together, so a sparse machine moves in a few blocks and a
    dense one site by site.

    Args:
        visible, hidden: a row of units, or a number of Bernoulli units; hidden may be left out.
        mask: boolean (width, width), which couplings there are; all of them unless given.
        infer_steps: the clamped Gibbs steps of `infer`, and at most so many mean-field steps of `elbo`.
        generator, device, dtype: as for `RBM`.

    Example:
        >>> import harmonium as hm
        >>> machine = hm.BoltzmannMachine(hm.Spin(5), generator=0)
        >>> hm.evaluation.log_partition(machine).verdict  # all 2⁵ states are listed
        'exact'
    """

    mask: Tensor
    beta: Tensor | float = 1.0
    """What multiplies the couplings, on a path from a machine without any."""
    ready: Ready | None = None
    """What is made of the weights, where it is kept for many Gibbs steps."""

    @checked
    def __init__(
        self,
        visible: Units | Count,
        hidden: Units | Count | None = None,
        *,
        mask: Tensor | None = None,
        infer_steps: Natural = 30,
        generator: Seed = None,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.visible = as_units(visible, device=device, dtype=dtype)
        self.hidden = None if hidden is None else as_units(hidden, device=device, dtype=dtype)
        self.joined = (Concat(self.visible, *self.latent),)  # in a tuple, so that a row has one name in the state
        self.infer_steps = infer_steps
        n, site = self.width, sites(self.row)
        given = torch.ones(n, n, dtype=torch.bool, device=site.device) if mask is None else mask.to(site.device).bool()
        if given.shape != (n, n):
            raise InputError(f"the mask has shape {tuple(given.shape)}: {n} columns need ({n}, {n})")
        self.register_buffer("mask", ((given | given.mT) & (site[:, None] != site)).triu())
        self.weight = first_weights((n, n), self.visible.bias, generator)
        self.weight.data *= self.mask

    @property
    def width(self) -> int:
        """The number of columns of a state: visible, then hidden."""
        return self.row.width

    @property
    def row(self) -> Concat:
        """The row of all units: visible, then hidden."""
        return self.joined[0]

    @property
    def latent(self) -> list[Units]:
        """The hidden row, if there is one."""
        return [] if self.hidden is None else [self.hidden]

    @property
    def rows(self) -> list[Units]:
        """The one row of all units."""
        return [self.row]

    def fields(self, x: Tensor) -> list[Tensor]:
        """Return Jx."""
        return [self.beta * (x @ self.couplings)]

    def interaction(self, means: list[Tensor]) -> Tensor:
        """Return ½ xᵀJx; of states that are mostly 0, which no gradient follows, as a sum over pairs."""
        x = means[0]
        sums = pair_sums(x, self.upper) if not torch.is_grad_enabled() and self._in_loops(x) else None
        if sums is not None:
            return sums * (self.beta[..., 0] if isinstance(self.beta, Tensor) and self.beta.ndim else self.beta)
        return (self.beta * (x @ self.upper) * x).sum(-1)

    @torch.no_grad()
    def receptive_fields(self) -> list[Tensor]:
        """Return the weights between visible and hidden units; without these, those among the visible ones."""
        first = self.visible.width
        return [self.couplings[:first, first:] if self.latent else self.couplings]

    @property
    def upper(self) -> Tensor:
        """The upper triangle of J, (width, width)."""
        return self.ready.upper if self.ready else self.weight * self.mask

    @property
    def couplings(self) -> Tensor:
        """The symmetric J, (width, width), made from the upper triangle of ``weight``."""
        return self.ready.matrix if self.ready else self.upper + self.upper.mT

    def _apply(self, change: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.__dict__.pop("classes", None)  # they lie where the weights lie
        return super()._apply(change, recurse)  # type: ignore[no-any-return,no-untyped-call]

    @cached_property
    def classes(self) -> list[Tensor]:
        """The columns of each class of sites that are not coupled to each other, by greedy coloring."""
        site = sites(self.row).cpu()
        a, b = (site[end].numpy() for end in self.mask.cpu().nonzero(as_tuple=True))
        joined = np.zeros((int(site[-1]) + 1,) * 2, dtype=bool)
        joined[a, b] = joined[b, a] = True
        color = torch.from_numpy(greedy_coloring(joined))[site]
        order = color.argsort(stable=True).to(self.weight.device)
        return list(order.split(color.bincount().tolist()))

    @cached_property
    def order(self) -> Sites:
        """The sites, class by class, as loops take them."""
        order = sites(self.row)[torch.cat(self.classes)].unique_consecutive().numpy()
        return Sites(*(part[order] for part in sites_of(self.row)))

    def _in_loops(self, x: Tensor) -> bool:
        """Say whether loops move the sites: those of many classes, of finite kinds and linear energies."""
        finite = in_loops(x) and all(isinstance(part, Discrete) and part.linear for part in self.row.components())
        return finite and len(self.classes) >= MANY

    def free_energy(self, x: Tensor) -> Tensor:
        """Return own energies − ½ xᵀJx, in nats: nothing is summed out."""
        return self.row.energy(x) - self.interaction([x])

    @torch.no_grad()
    def rounded(self) -> Self:
        """Return the machine with its couplings as products round them here, and ready for many Gibbs steps."""
        if self.ready:
            return self
        twin = coupled(super().rounded(), {})
        twin.ready = Ready(twin.upper, twin.couplings, twin._columns())
        return twin

    def _columns(self) -> list[Tensor]:
        """Return the columns of J for each class, (width, units of the class): its rows, which lie together."""
        matrix = self.couplings
        return self.ready.columns if self.ready else [matrix[columns].mT for columns in self.classes]

    @torch.no_grad()
    def gibbs_with_means(
        self,
        x: Tensor,
        clamped: Tensor | None = None,
        external_field: Tensor | None = None,
        *,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the state after every class has moved once, and the means that it was drawn from."""
        extra = None if external_field is None else pad(external_field, (0, self.width - external_field.shape[-1]))
        if self._in_loops(x):
            bias = self.row.bias if extra is None else self.row.bias + extra
            return sequential_step(x, self.order, self.couplings, bias, self.beta, clamped, generator=generator)
        new, mean = x.clone(), x.clone()
        for columns, asked in zip(self.classes, self._columns(), strict=True):
            still = None if clamped is None else clamped[..., columns]
            if still is not None and bool(still.all()):
                continue
            row = self.row.select(columns)
            field = self.beta * (new @ asked)
            field = field if extra is None else field + extra[..., columns]
            drawn, expected = row.sample(field, generator=generator), row.mean(field)
            new[..., columns] = drawn if still is None else torch.where(still, new[..., columns], drawn)
            mean[..., columns] = expected if still is None else torch.where(still, mean[..., columns], expected)
        return new, mean

    @torch.no_grad()
    def infer(self, v: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return ``v`` with hidden units after clamped Gibbs steps from random states."""
        if self.hidden is None:
            return v
        x = torch.cat([v, self.hidden.sample(self.hidden.zero_field(*v.shape[:-1]), generator=generator)], -1)
        clamped = torch.arange(self.width, device=v.device) < v.shape[-1]
        for _ in range(self.infer_steps):
            x = self.gibbs(x, clamped, generator=generator)
        return x

    def mean_field_step(self, x: Tensor) -> Tensor:
        """Return the fields on the hidden units, each class in turn given the newest means of the others."""
        x, couplings, first = x.clone(), self.beta * self.couplings, self.visible.width
        fields = torch.zeros_like(x)
        for columns in (columns[columns >= first] for columns in self.classes):
            if len(columns):
                fields[..., columns] = (x @ couplings[..., columns]).to(x)  # products may be rounded
                x[..., columns] = self.row.select(columns).mean(fields[..., columns])
        return fields[..., first:]

    @torch.no_grad()
    def hidden_means(self, v: Tensor) -> list[Tensor]:
        """Return the mean-field means of the hidden row, if there is one."""
        return [self.mean_field(v).state[..., v.shape[-1] :]] if self.latent else []

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the mean of every unit given all others, at once."""
        return self.row.mean(self.fields(x)[0])

    @property
    def weights(self) -> list[Tensor]:
        """Return the one matrix, whose upper triangle counts."""
        return [self.beta * self.weight if isinstance(self.beta, Tensor) or self.beta != 1.0 else self.weight]

    def log_partition_independent(self) -> Tensor:
        """Return the log Z of the units without couplings."""
        return self.row.cgf(self.row.zero_field())

    @torch.no_grad()
    def sample_independent(self, count: int, *, generator: Seed = None) -> Tensor:
        """Draw ``count`` states without couplings."""
        generator = stream(generator, self.weight.device)
        return self.row.sample(self.row.zero_field(count), generator=generator)


def greedy_coloring(joined: np.ndarray) -> np.ndarray:
    """Return a color for each site, (sites,), the lowest that no site joined to it has; those of most joints first."""
    count = len(joined)
    color = np.full(count, count)
    for one in np.argsort(-np.count_nonzero(joined, axis=1), kind="stable"):
        taken = np.zeros(count + 1, dtype=bool)
        taken[color[joined[one]]] = True
        color[one] = taken.argmin()
    return color


def sites_of(row: Units) -> Sites:
    """Return the sites of a row of finite kinds from left to right, as loops take them."""
    size = sites(row).bincount().numpy()
    values = [given for part in row.components() for given in _one_column(part)]
    table = np.zeros((len(size), max(map(len, values))), dtype=np.float32)
    for site, given in enumerate(values):
        table[site, : len(given)] = given
    return Sites(np.cumsum(size) - size, size, np.array([len(given) for given in values]), table)


def _one_column(part: Units) -> list[list[float]]:
    """Return the values of every site of a part; none of one-hot sites."""
    if isinstance(part, Potts):
        return [[] for _ in range(part.n_sites)]
    values = part.values()
    assert values is not None
    return [values.flatten().tolist()] * part.width


def sites(row: Units) -> Tensor:
    """Return the number of the site that each column of a row belongs to."""
    columns = [len(found) for found in row.sites()]
    return torch.from_numpy(np.repeat(np.arange(len(columns)), columns)).to(row.bias.device)
