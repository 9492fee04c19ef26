"""Blocks of bits of which at most one is on: categories as columns of bits, one-hot or with one level left out."""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from .. import numerics
from ..arguments import Count, checked
from .base import Device
from .discrete import Discrete
from .potts import layout


class OneHot(Discrete):
    """Bits in blocks of ``sizes``, of which at most one is on: P(i) ∝ exp(biasᵢ + fieldᵢ), and P(none) ∝ 1.

    A block of one bit is a Bernoulli unit, and one of several a Potts site whose state of no bit has neither bias nor
    column (multinomial logit with a base category).

    Example:
        >>> import harmonium as hm
        >>> hm.OneHot([2]).states().tolist()
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """

    support = "bits, of which at most one in a block is on"
    none: Tensor | None = None
    """What log P(none) of each block has besides, (blocks,), under conditions."""

    @checked
    def __init__(self, sizes: Sequence[Count], *, device: Device = None, dtype: torch.dtype | None = None):
        super().__init__(sum(map(int, sizes)), device=device, dtype=dtype)
        self._set_sizes(tuple(map(int, sizes)))

    def _set_sizes(self, sizes: tuple[int, ...]) -> None:
        self.sizes, self._layout = sizes, layout(sizes)

    @property
    def linear(self) -> bool:
        return self.none is None

    def blocks(self, x: Tensor, first: Tensor | None = None, fill: float = -torch.inf) -> Tensor:
        """Return ``x`` with one axis for blocks and one for their bits, the state of none ``first``: 0 unless given."""
        place = self._layout.place.to(x.device)
        blocks = pad(x, (0, 1), value=fill).index_select(-1, place).unflatten(-1, (len(self.sizes), -1))
        none = blocks.new_zeros(()) if first is None else first.to(x)
        return torch.cat([none.expand(blocks.shape[:-1])[..., None], blocks], -1)

    def flat(self, blocks: Tensor) -> Tensor:
        """Return what `blocks` made as a row again."""
        return blocks[..., 1:].flatten(-2).index_select(-1, self._layout.column.to(blocks.device))

    def on(self, x: Tensor) -> Tensor:
        """Return how many bits of each block are on: (..., width) → (..., blocks)."""
        return self.blocks(x, fill=0.0).sum(-1)

    def energy(self, x: Tensor) -> Tensor:
        own = super().energy(x)
        return own if self.none is None else own - ((1 - self.on(x)) * self.none.to(x)).sum(-1)

    def cgf(self, field: Tensor) -> Tensor:
        return self.blocks(self.bias + field, self.none).logsumexp(-1).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        return self.flat(self.blocks(self.bias + field, self.none).softmax(-1))

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        return self.flat(numerics.one_hot(self.blocks(self.bias + field, self.none), generator=generator))

    @torch.no_grad()
    def init_from_data(self, v: Tensor) -> None:
        counts = numerics.column_sums(v)
        none = len(v) - self.on(counts)
        self.bias.copy_(torch.log((counts + 1) / (none + 1)[self._layout.site.to(none.device)]))

    def in_support(self, x: Tensor) -> bool:
        return bool(((x == 0) | (x == 1)).all() and (self.on(x) <= 1).all())

    def in_range(self, x: Tensor) -> bool:
        return bool(((x >= 0) & (x <= 1)).all())

    def select(self, columns: Tensor) -> "OneHot":
        piece = super().select(columns)
        assert isinstance(piece, OneHot)
        found, sizes = self._layout.site[columns.cpu()].unique_consecutive(return_counts=True)
        piece.none = None if self.none is None else self.none[found.to(self.none.device)]
        piece._set_sizes(tuple(sizes.tolist()))
        return piece

    def sites(self) -> list[Tensor]:
        return list(torch.arange(self.width, device=self.bias.device).split(list(self.sizes)))

    def values(self) -> Tensor | None:  # type: ignore[override]
        return None

    @property
    def count(self) -> float:
        return float(math.prod(size + 1 for size in self.sizes))

    def state_at(self, index: Tensor) -> Tensor:
        site, level = (x.to(index.device) for x in self._layout[:2])
        each = torch.tensor(self.sizes, device=index.device) + 1
        stride = each.flip(0).cumprod(0).flip(0) // each
        return ((index[:, None] // stride % each).index_select(-1, site) == level + 1).to(self.bias)

    def extra_repr(self) -> str:
        return str([*self.sizes])
