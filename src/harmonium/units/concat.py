"""Rows of different kinds side by side."""

import math
from collections.abc import Iterator
from typing import cast

import torch
from torch import Generator, Tensor, nn

from ..arguments import Count, checked
from ..errors import InputError
from .base import Device, Units
from .discrete import as_units
from .potts import Potts


class Concat(Units):
    """Several rows laid side by side as one: pixels and a label, say, or columns of different kinds.

    A number is that many Bernoulli units.

    Example:
        >>> import harmonium as hm
        >>> units = hm.Concat(64, hm.Potts(1, 10))
        >>> units.width, units.labels
        (74, 10)
    """

    @checked
    def __init__(self, *parts: Units | Count, device: Device = None, dtype: torch.dtype | None = None):
        nn.Module.__init__(self)
        if not parts:
            raise InputError("Concat was given no rows: give at least one")
        rows = [as_units(part, device=device, dtype=dtype) for part in parts]
        self.parts = nn.ModuleList(rows)
        self.width = sum(row.width for row in rows)
        self.support = ", then ".join(f"{row.width} columns of {row.support}" for row in rows)

    @property
    def bias(self) -> Tensor:  # type: ignore[override]
        """The biases of all parts, side by side."""
        return torch.cat([part.bias for part in self.components()], -1)

    @property
    def linear(self) -> bool:
        return all(part.linear for part in self.rows())

    @property
    def labels(self) -> int:
        """The number of classes, where the last part is one softmax label beside other units; else 0."""
        last = self.components()[-1]
        return last.width if isinstance(last, Potts) and last.n_sites == 1 and self.width > last.width else 0

    def rows(self) -> list[Units]:
        """Return the parts, from left to right."""
        return [cast(Units, part) for part in self.parts]

    def components(self) -> list[Units]:
        return [one for part in self.rows() for one in part.components()]

    def pieces(self, x: Tensor) -> Iterator[tuple[Units, Tensor]]:
        """Return each part with its columns of ``x``."""
        rows = self.rows()
        return zip(rows, x.split([row.width for row in rows], -1), strict=True)

    def select(self, columns: Tensor) -> Units:
        pieces, start, first, last = [], 0, int(columns[0]), int(columns[-1])
        for row in self.rows():
            end = start + row.width
            if start <= first and last < end:
                return row.select(columns - start)
            if first < end and start <= last:
                own = columns[(columns >= start) & (columns < end)] - start
                pieces += [row.select(own)] if len(own) else []
            start = end
        return Concat(*pieces)

    def _total(self, method: str, x: Tensor) -> Tensor:
        terms = [getattr(part, method)(piece) for part, piece in self.pieces(x)]
        return torch.stack(torch.broadcast_tensors(*terms)).sum(0)

    def _side_by_side(self, method: str, x: Tensor) -> Tensor:
        return torch.cat([getattr(part, method)(piece) for part, piece in self.pieces(x)], -1)

    def energy(self, x: Tensor) -> Tensor:
        return self._total("energy", x)

    def cgf(self, field: Tensor) -> Tensor:
        return self._total("cgf", field)

    def mean(self, field: Tensor) -> Tensor:
        return self._side_by_side("mean", field)

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        return torch.cat([part.sample(piece, generator=generator) for part, piece in self.pieces(field)], -1)

    def init_from_data(self, v: Tensor) -> None:
        for part, piece in self.pieces(v):
            part.init_from_data(piece)

    def in_support(self, x: Tensor) -> bool:
        return all(part.in_support(piece) for part, piece in self.pieces(x))

    def sites(self) -> list[Tensor]:
        found, first = [], 0
        for row in self.rows():
            found += [columns + first for columns in row.sites()]
            first += row.width
        return found

    def curvature(self) -> Tensor:
        return torch.cat([part.curvature() for part in self.rows()], -1)

    @property
    def count(self) -> float:
        return math.prod(part.count for part in self.rows())

    def state_at(self, index: Tensor) -> Tensor:
        pieces: list[Tensor] = []
        for part in reversed(self.rows()):  # the last part runs fastest
            if part.count == math.inf:
                raise TypeError("a part of this row is continuous: its states cannot be numbered")
            pieces.insert(0, part.state_at(index % int(part.count)))
            index = index // int(part.count)
        return torch.cat(pieces, -1)

    def extra_repr(self) -> str:
        return ""
