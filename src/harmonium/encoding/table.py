"""How tables of columns of their own kinds become states: a part of units for each kind, and a cell for each column."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data import Dataset, Form, Schema
from ..data.table import form_of
from ..units import Bernoulli, Binomial, Concat, Gaussian, Potts, Units, ZeroInflated
from .encoder import Encoder
from .scales import Scales

TABLE = "table"
SITES = {"date": "real", "discrete": "categorical"}  # kinds of columns that are units of another's
NO_SCALES = Scales.fit(torch.zeros(0, 0))


class Part(NamedTuple):
    """The columns of a table that are units of one kind: their places in a row, and in a state."""

    kind: str
    columns: list[int]
    states: slice


@dataclass(frozen=True)
class TableEncoder(Encoder):
    """The map from rows of codes to states of the visible units: see `data.Schema` for the codes.

    Categories and discrete numbers are sites of one `Potts` row, bits `Bernoulli`, counts `Binomial`, numbers
    `Gaussian` and those that are often zero `ZeroInflated` units, in this order; ``scales`` standardize the numbers, by
    their mean and deviation or, where they are skewed, by their quantiles.  A discrete number counts as the nearest of
    its levels.  Where a cell is empty all its columns of the state are NaN.
    """

    schema: Schema = field(default_factory=lambda: Schema(()))
    scales: Scales = NO_SCALES

    @classmethod
    def fit(cls, visible: str, binarize: str, train: Dataset, *, labels: bool = False) -> "TableEncoder":
        """Return the encoder of training rows that have a schema."""
        assert train.schema is not None
        known, nothing = train.label_names if labels else (), torch.zeros(0)
        made = cls(
            visible, binarize, 0, train.width, train.shape, known, train.names, train.label_column, nothing, nothing,
            schema=train.schema,
        )  # fmt: skip
        scaled = made._scaled
        numbers = torch.from_numpy(train.rows)[:, scaled]
        often = torch.tensor([train.schema.modeled[i].kind == "zero-inflated" for i in scaled], dtype=torch.bool)
        numbers = torch.where(often & (numbers == 0), torch.nan, numbers)
        object.__setattr__(made, "scales", Scales.fit(numbers))
        return made

    @cached_property
    def parts(self) -> list[Part]:
        """The kinds of units that there are, from left to right."""
        found, first = [], 0
        for kind in ("categorical", "binary", "count", "real", "zero-inflated"):
            own = [i for i, one in enumerate(self.schema.modeled) if SITES.get(one.kind, one.kind) == kind]
            if own:
                wide = sum(self._wide(i) for i in own)
                found.append(Part(kind, own, slice(first, first + wide)))
                first += wide
        return found

    def _wide(self, column: int) -> int:
        one = self.schema.modeled[column]
        return len(one.levels) if SITES.get(one.kind, one.kind) == "categorical" else 1 + (one.kind == "zero-inflated")

    @cached_property
    def cells(self) -> tuple[slice, ...]:  # type: ignore[override]
        """The columns of a state that each column of the table has."""
        found: dict[int, slice] = {}
        for part in self.parts:
            first = part.states.start
            for column in part.columns:
                found[column] = slice(first, first + self._wide(column))
                first += self._wide(column)
        return tuple(found[column] for column in range(self.columns))

    @cached_property
    def _scaled(self) -> list[int]:
        """The columns of numbers that are scaled, in the order of the states."""
        return [i for part in self.parts if part.kind in ("real", "zero-inflated") for i in part.columns]

    @property
    def width(self) -> int:
        """The number of visible columns of a state, labels not counted."""
        return self.parts[-1].states.stop

    @property
    def form(self) -> Form:
        """The columns that new rows must have."""
        return form_of(self.names, self.columns, self.label_column, self.schema)

    def units(self) -> Units:
        """Return a new visible row, without labels: at most one part of each kind."""
        made = [self._units_of(part) for part in self.parts]
        return made[0] if len(made) == 1 else Concat(*made)

    def _units_of(self, part: Part) -> Units:
        own, count = [self.schema.modeled[i] for i in part.columns], len(part.columns)
        if part.kind == "categorical":
            return copy.deepcopy(self._potts)
        if part.kind == "count":
            return Binomial(count, trials=max(1, *(int(one.high or 1) for one in own)))
        if part.kind == "zero-inflated":
            return ZeroInflated(count)
        return Bernoulli(count) if part.kind == "binary" else Gaussian(count)

    # Rows to states ---------------------------------------------------------------------------------------------------

    def encode(self, x: Tensor) -> Tensor:
        """Return states, (rows, width), from rows of codes; label columns stay behind them."""
        scaled = iter(self.scales.encode(x[..., self._scaled]).unbind(-1))
        pieces = [self._states(part, x[..., part.columns], scaled) for part in self.parts]
        return torch.cat([*pieces, x[..., self.columns :]], -1)

    def _states(self, part: Part, x: Tensor, scaled: Iterator[Tensor]) -> Tensor:
        if part.kind == "categorical":
            site, place, code = self._levels
            nearest = self._potts.blocks(-(x[..., site] - code).abs()).argmax(-1)
            return torch.where(x.isnan()[..., site], torch.nan, (nearest[..., site] == place).to(x.dtype))
        if part.kind in ("binary", "count"):
            return x
        y = torch.stack([next(scaled) for _ in part.columns], -1)
        if part.kind == "real":
            return y
        on = torch.where(x.isnan(), torch.nan, (x != 0).to(x.dtype))
        return torch.stack([on, torch.where(on == 0, 0.0, y)], -1).flatten(-2)

    @cached_property
    def _potts(self) -> Potts:
        """The sites of categories and discrete numbers."""
        return Potts([len(self.schema.modeled[i].levels) for i in self.parts[0].columns])

    @cached_property
    def _levels(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of every column of these sites, which it is of, its place there, and the code of its level."""
        own = [self.schema.modeled[i] for i in self.parts[0].columns]
        places = [torch.arange(len(one.levels)) for one in own]
        numbers = [self.numbers(i) for i in self.parts[0].columns]
        codes = [place.float() if number is None else number for place, number in zip(places, numbers, strict=True)]
        site = torch.arange(len(own)).repeat_interleave(torch.tensor([*map(len, places)]))
        return site, torch.cat(places), torch.cat(codes)

    def numbers(self, column: int) -> Tensor | None:
        """Return the numbers that the states of a column stand for, (levels,), where it is a discrete number."""
        one = self.schema.modeled[column]
        return torch.tensor(one.levels, dtype=torch.float32) if one.kind == "discrete" else None

    # And back ---------------------------------------------------------------------------------------------------------

    def natural(self, x: Tensor) -> Tensor:
        """Return states, (..., width), with numbers in their own scale: what may be averaged, and then `settle`\\ d."""
        found, scaled = x[..., : self.width].clone(), []
        for part in self.parts:
            if part.kind in ("real", "zero-inflated"):
                step = 1 if part.kind == "real" else 2
                scaled.append(torch.arange(part.states.start + step - 1, part.states.stop, step))
        if scaled:
            places = torch.cat(scaled)
            found[..., places] = self.scales.decode(found[..., places])
        for part in self.parts:
            if part.kind == "zero-inflated":
                on, y = found[..., part.states].unflatten(-1, (-1, 2)).unbind(-1)
                found[..., part.states] = torch.stack([on, on * y], -1).flatten(-2)
        return found

    def settle(self, x: Tensor) -> Tensor:
        """Return codes, (..., columns), from `natural` states or their means: of levels the likeliest."""
        found = x.new_empty(*x.shape[:-1], self.columns)
        for part in self.parts:
            piece = x[..., part.states]
            if part.kind == "categorical":
                piece = self._settled(piece)
            elif part.kind == "binary":
                piece = (piece >= 0.5).to(x.dtype)
            elif part.kind == "zero-inflated":
                piece = piece[..., 1::2]
            found[..., part.columns] = piece
        return found

    def _settled(self, x: Tensor) -> Tensor:
        """Return the likeliest levels, and the means of discrete numbers, (..., sites)."""
        found = self._potts.blocks(x, 0.0).argmax(-1).to(x.dtype)
        for site, column in enumerate(self.parts[0].columns):
            numbers = self.numbers(column)
            if numbers is not None:
                found[..., site] = x[..., self.cells[column]] @ numbers.to(x)
        return found

    def decode(self, x: Tensor) -> Tensor:
        """Return codes, (rows, columns), from states or from their means, labels left out."""
        return self.settle(self.natural(x))

    def columns_of(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return rows of codes as columns, (rows,) each, by name, in the words of their file."""
        return self.schema.words(rows)

    # In the model file ------------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return all but the tensors, as JSON holds it."""
        told = {name: value for name, value in super().facts().items() if name != "scales"}
        return told | {"schema": [[name, column] for name, column in self.schema.to_dict().items()]}

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors, by the names that they have in a model file."""
        return super().tensors() | {f"encoder.{name}": value for name, value in self.scales._asdict().items()}

    @classmethod
    def restore(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> "TableEncoder":
        """Return the encoder of a model file."""
        schema = Schema.from_dict({str(name): told for name, told in facts["schema"]})
        plain = Encoder.restore({name: value for name, value in facts.items() if name != "schema"}, tensors)
        scales = Scales(*(tensors[f"encoder.{name}"] for name in Scales._fields))
        return cls(**{**vars(plain), "schema": schema, "scales": scales})
