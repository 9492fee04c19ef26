"""Sites of which one state is on: Potts units, softmax units, one-hot rows."""

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

    def blocks(self, x: Tensor, fill: float = -torch.inf) -> Tensor:
        """Return ``x`` with one axis for sites and one for states; ``fill`` stands where a site has fewer than most."""
        if isinstance(self.n_states, int):
            return x.unflatten(-1, (self.n_sites, self.n_states))
        place = self._layout.place.to(x.device)
        return pad(x, (0, 1), value=fill).index_select(-1, place).unflatten(-1, (self.n_sites, -1))

    def flat(self, blocks: Tensor) -> Tensor:
        """Return what `blocks` made as a row again."""
        if isinstance(self.n_states, int):
            return blocks.flatten(-2)
        return blocks.flatten(-2).index_select(-1, self._layout.column.to(blocks.device))

    def cgf(self, field: Tensor) -> Tensor:
        return self.blocks(self.bias + field).logsumexp(-1).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        return self.flat(self.blocks(self.bias + field).softmax(-1))

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        return self.flat(numerics.one_hot(self.blocks(self.bias + field), generator=generator))

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
