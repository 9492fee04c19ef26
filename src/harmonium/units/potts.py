"""Sites of which one state is on: Potts units, softmax units, one-hot rows."""

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from .. import numerics
from ..arguments import Count, checked
from ..errors import InputError
from .base import Device
from .discrete import Discrete

Size = Annotated[int, 2]
FEW = 16  # states up to which neighboring sites are laid out together, whatever room that leaves


class Potts(Discrete):
    """One-hot sites, laid flat: P(state) = softmax(bias + field) over the states of a site; also the label unit.

    A row of ``n_sites`` sites of ``n_states`` has n_sites · n_states columns, the states of the first site first; of
    sites that differ the sizes are given, ``Potts([3, 5, 2])``, and are its ``n_states``.

    Example:
        >>> import harmonium as hm
        >>> hm.Potts(1, 3).states().tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        >>> hm.Potts([3, 5, 2]).width
        10
    """

    support = "one-hot blocks"
    n_sites: int
    n_states: int | tuple[int, ...]

    @checked
    def __init__(
        self,
        n_sites: Count | Sequence[Size],
        n_states: Size | Sequence[Size] | None = None,
        *,
        device: Device = None,
        dtype: torch.dtype | None = None,
    ):
        self._set_sizes(_sizes(n_sites, n_states))
        super().__init__(sum(self.sizes), device=device, dtype=dtype)

    def _set_sizes(self, sizes: tuple[int, ...]) -> None:
        self.sizes, self.n_sites, self._layout = sizes, len(sizes), layout(sizes)
        self.n_states = sizes[0] if len(set(sizes)) == 1 else sizes
        self._parts = parts(sizes)

    def blocks(self, x: Tensor, fill: float = -torch.inf) -> Tensor:
        """Return ``x`` with one axis for sites and one for states; ``fill`` stands where a site has fewer than most."""
        return blocks_of(x, self.sizes, self._layout, fill)

    def flat(self, blocks: Tensor) -> Tensor:
        """Return what `blocks` made as a row again."""
        return flat_of(blocks, self.sizes, self._layout)

    def cgf(self, field: Tensor) -> Tensor:
        logits = self.bias + field
        return torch.cat([part.blocks(logits).logsumexp(-1) for part in self._parts], -1).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        logits = self.bias + field
        return torch.cat([part.flat(part.blocks(logits).softmax(-1)) for part in self._parts], -1)

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        logits = self.bias + field
        drawn = [numerics.winners(part.blocks(logits), generator=generator)[..., 0] for part in self._parts]
        first = [part.first.to(logits.device) for part in self._parts]
        columns = torch.cat([place + begin for place, begin in zip(drawn, first, strict=True)], -1)
        return torch.zeros_like(logits).scatter_(-1, columns, 1.0)

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> None:
        counts = self.blocks(numerics.column_sums(v) + 1, 0.0)
        self.bias.copy_(self.flat((counts / counts.sum(-1, keepdim=True)).log()))

    def in_support(self, x: Tensor) -> bool:
        return bool(((x == 0) | (x == 1)).all() and (self.blocks(x, 0.0).sum(-1) == 1).all())

    def in_range(self, x: Tensor) -> bool:
        return bool(((x >= 0) & (x <= 1)).all())

    def select(self, columns: Tensor) -> "Potts":
        piece = super().select(columns)
        assert isinstance(piece, Potts)
        found = self._layout.site[columns.cpu()].unique_consecutive(return_counts=True)[1]
        piece._set_sizes(tuple(found.tolist()))
        return piece

    def sites(self) -> list[Tensor]:
        return list(torch.arange(self.width, device=self.bias.device).split(list(self.sizes)))

    def values(self) -> Tensor | None:  # type: ignore[override]
        return torch.eye(self.n_states).to(self.bias) if isinstance(self.n_states, int) else None

    @property
    def count(self) -> float:
        return float(math.prod(self.sizes))

    def state_at(self, index: Tensor) -> Tensor:
        site, level, stride, sizes = (x.to(index.device) for x in (*self._layout[:3], torch.tensor(self.sizes)))
        state = index[:, None] // stride % sizes
        return (state.index_select(-1, site) == level).to(self.bias)

    def extra_repr(self) -> str:
        if isinstance(self.n_states, int):
            return f"n_sites={self.n_sites}, n_states={self.n_states}"
        return str([*self.sizes])


class Layout(NamedTuple):
    """Where the columns of sites of different sizes lie, on the processor."""

    site: Tensor
    """Of every column its site."""
    level: Tensor
    """Of every column its state there."""
    stride: Tensor
    """By how much the number of a state of the row moves with the state of each site."""
    column: Tensor
    """Of every column its place in the flattened blocks."""
    place: Tensor
    """Of each place in these the column, one past the last where there is none."""


@lru_cache(256)
def layout(sizes: tuple[int, ...]) -> Layout:
    """Return the layout of sites of so many states."""
    with torch.device("cpu"):
        each, most = torch.tensor(sizes), max(sizes)
        site = torch.arange(len(sizes)).repeat_interleave(each)
        level = torch.arange(len(site)) - (each.cumsum(0) - each)[site]
        stride = torch.cat([each[1:].flip(0).cumprod(0).flip(0), torch.ones(1, dtype=torch.long)])
        column = site * most + level
        place = torch.full((len(sizes) * most,), len(site)).scatter_(0, column, torch.arange(len(site)))
    return Layout(site, level, stride, column, place)


class Part(NamedTuple):
    """Neighboring sites of a row, laid out with one axis for sites and one for states."""

    sizes: tuple[int, ...]
    columns: slice
    first: Tensor
    """Of each site its first column of the row."""
    layout: Layout

    def blocks(self, row: Tensor) -> Tensor:
        """Return logits of a row as (..., sites, states), −∞ where a site has fewer than most."""
        return blocks_of(row[..., self.columns], self.sizes, self.layout, -torch.inf)

    def flat(self, blocks: Tensor) -> Tensor:
        """Return blocks as columns of the row again."""
        return flat_of(blocks, self.sizes, self.layout)


@lru_cache(256)
def parts(sizes: tuple[int, ...]) -> tuple[Part, ...]:
    """Return the sites of a row in parts: neighbors of one size, or of few states, so that little is padding."""
    runs: list[list[int]] = []
    for size in sizes:
        if runs and (max(size, *runs[-1]) <= FEW or {size} == set(runs[-1])):
            runs[-1].append(size)
        else:
            runs.append([size])
    ends = [0, *itertools.accumulate(map(sum, runs))]
    return tuple(_part(tuple(run), begin) for run, begin in zip(runs, ends, strict=False))


def _part(sizes: tuple[int, ...], begin: int) -> Part:
    ends = [*itertools.accumulate(sizes, initial=begin)]
    return Part(sizes, slice(begin, ends[-1]), torch.tensor(ends[:-1], device="cpu"), layout(sizes))


def blocks_of(x: Tensor, sizes: tuple[int, ...], laid: Layout, fill: float) -> Tensor:
    """Return ``x`` with one axis for sites and one for states; ``fill`` stands where a site has fewer than most."""
    if len(set(sizes)) == 1:
        return x.unflatten(-1, (len(sizes), sizes[0]))
    return pad(x, (0, 1), value=fill).index_select(-1, laid.place.to(x.device)).unflatten(-1, (len(sizes), -1))


def flat_of(blocks: Tensor, sizes: tuple[int, ...], laid: Layout) -> Tensor:
    """Return what `blocks_of` made as a row again."""
    flat = blocks.flatten(-2)
    return flat if len(set(sizes)) == 1 else flat.index_select(-1, laid.column.to(blocks.device))


def _sizes(n_sites: int | Sequence[int], n_states: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return the number of states of every site."""
    listed = n_sites if n_states is None else n_states
    if isinstance(listed, Sequence):
        sizes = tuple(map(int, listed))
    else:
        sizes = (int(listed),) * (n_sites if n_states and isinstance(n_sites, int) else 0)
    if not sizes or (n_states is not None and len(sizes) != n_sites):
        given = f"Potts was given {n_sites} sites and {n_states} states"
        raise InputError(f"{given}: give a number of sites and of states, or the sizes of all sites, such as [3, 5, 2]")
    return sizes
