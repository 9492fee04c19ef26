"""How stored rows become states of the visible units, and how states become rows and pictures again."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from .. import data, numerics
from ..data import Dataset, Form, one_hot
from ..errors import InputError
from ..units import Concat, Potts, Units
from .kinds import encoding, make_units, parse, sizes

SMALL = ("bernoulli", "spin", "binomial", "potts", "one-hot")  # kinds whose states fit into a byte
FAR = 10.0  # deviations from the mean that a standardized value may lie
MOST, CHUNK = 10_000_000, 1000  # entries that independent units are fitted to at most, and rows at a time
MODEL = "the model was trained on"


@dataclass(frozen=True)
class Encoder:
    """The map from rows to states of the visible units, fitted once to the training rows and kept with the model.

    ``visible`` is the kind of the units, ``levels`` the stored value that means fully on (0: the values are meant as
    they are), ``shape`` that of one row as a picture, ``label_names`` the classes in order, none where the model does
    not learn them, ``names`` those of the columns and ``label_column`` the one that held labels.  ``mean`` and
    ``deviation`` (columns,) are those of the training rows, for kinds that take them out; in ``raised`` columns, nearly
    constant, the deviation is such that no value lies more than `FAR` of them from the mean.
    """

    visible: str
    binarize: str
    levels: int
    columns: int
    shape: tuple[int, ...]
    label_names: tuple[str, ...]
    names: tuple[str, ...]
    label_column: str
    mean: Tensor
    deviation: Tensor
    raised: int = 0

    @classmethod
    def fit(cls, visible: str, binarize: str, train: Dataset, *, labels: bool = False) -> "Encoder":
        """Return the encoder of training rows; the deviation of a constant column counts as 1."""
        mean, deviation, raised = torch.zeros(()), torch.ones(()), 0
        if encoding(visible).scaled:
            mean, deviation = (torch.from_numpy(found).float() for found in train.moments())
            least = torch.from_numpy(train.reach()).float() / FAR
            raised = int((deviation < least).sum())
            deviation = torch.maximum(deviation, least)
            deviation = torch.where(deviation > 0, deviation, 1.0)
        known = train.label_names if labels else ()
        form = train.names, train.label_column
        return cls(visible, binarize, train.levels, train.width, train.shape, known, *form, mean, deviation, raised)

    @property
    def number(self) -> int:
        """The number of states or trials of a unit, where the kind has one."""
        return parse(self.visible)[1]

    @property
    def labels(self) -> int:
        """The number of classes; 0 where the model does not learn them."""
        return len(self.label_names)

    @property
    def width(self) -> int:
        """The number of visible columns of a state, labels not counted."""
        return self.columns * (self.number if self.visible.startswith("potts") else 1)

    @property
    def form(self) -> Form:
        """The columns that new rows must have."""
        return Form(self.names, self.columns, self.label_column)

    @property
    def cells(self) -> tuple[slice, ...]:
        """The columns of a state that each column of the rows has: of one-hot bits those of their block."""
        blocks = sizes(self.visible)
        if blocks:
            cells = [slice(end - size, end) for size, end in zip(blocks, accumulate(blocks), strict=True)]
            return tuple(cell for cell, size in zip(cells, blocks, strict=True) for _ in range(size))
        wide = self.width // self.columns
        return tuple(slice(first, first + wide) for first in range(0, self.width, wide))

    def spread(self, known: Tensor) -> Tensor:
        """Return which columns of states, (..., width), are known where those of rows, (..., columns), are."""
        if sizes(self.visible):
            return torch.stack([known[..., cell].all(-1) for cell in self.cells], -1)
        owner = torch.empty(self.width, dtype=torch.long)
        for column, cell in enumerate(self.cells):
            owner[cell] = column
        return known[..., owner]

    def units(self) -> Units:
        """Return a new visible row, without labels."""
        return make_units(self.visible, self.columns)

    def beside(self, units: Units) -> Units:
        """Return the units with a label beside them, where the model learns labels."""
        return Concat(units, Potts(1, self.labels)) if self.labels else units

    def encode(self, x: Tensor) -> Tensor:
        """Return states, (rows, width), from the float rows that `data` gives; label columns stay behind them."""
        if x.shape[-1] == self.columns:
            return encoding(self.visible).encode(self, x)
        return torch.cat([self.encode(x[..., : self.columns]), x[..., self.columns :]], -1)

    @property
    def unit(self) -> int:
        """What the value 1 of a float row is in the rows as they are stored."""
        return max(self.levels, 1)

    def decode(self, x: Tensor) -> Tensor:
        """Return rows, (rows, columns), as they are stored, from states or from their means, labels left out."""
        return encoding(self.visible).decode(self, x[..., : self.width]) * self.unit

    def columns_of(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return rows as they are stored as columns, (rows,) each, by name, in the words of their file."""
        return data.by_name(rows, self.names)

    def natural(self, x: Tensor) -> Tensor:
        """Return states, (..., width), on the scale on which they are averaged."""
        return x[..., : self.width]

    def settle(self, x: Tensor) -> Tensor:
        """Return rows, (..., columns), as they are stored, from `natural` states or their means."""
        return self.decode(x)

    def picture(self, rows: np.ndarray) -> np.ndarray:
        """Return rows as they are stored as gray from 0 to 1, for drawing."""
        draw, rows = encoding(self.visible).picture, np.asarray(rows) / self.unit
        return rows if draw is None else draw(self, torch.as_tensor(rows)).numpy()

    def read(self, rows: Any) -> Dataset:
        """Return new rows, a path, a name or an array, in the reading of the training rows.

        Its ids and labels are left out as they were there, and columns are put in order by their names. Raises
        `InputError` where they have other columns, or values of another kind.
        """
        if isinstance(rows, Dataset):
            found = rows
        elif isinstance(rows, str) or hasattr(rows, "__fspath__"):
            found = _read(lambda levels: data.load_rows(rows, like=self.form, to=MODEL, levels=levels), self)
        else:
            given: dict[str, Any] = {"name": "the rows", "split": "test", "like": self.form}
            found = _read(lambda levels: data.from_array(rows, levels=levels, **given), self)
        return found.conformed(self.form, MODEL)

    def rows(
        self,
        dataset: Dataset,
        *,
        sharp: bool = False,
        labeled: bool = False,
        whole: bool = False,
        generator: Generator | None = None,
    ) -> Tensor:
        """Return all rows of a data set as states; ``labeled``: with their labels, where the model learns labels.

        An empty cell of a table is NaN, or where ``whole`` rows are wanted the value of another row. With ``sharp``,
        gray values that the model was trained on as probabilities are drawn as bits: a likelihood of binary units means
        nothing else.
        """
        binarize = "sample" if sharp and self.blurred(dataset) else self.binarize if dataset.levels else "none"
        x = dataset.tensor(binarize, generator=generator)
        x = self.encode(filled(x, generator=generator) if whole and dataset.schema is not None else x)
        if not labeled or not self.labels:
            return x
        return torch.cat([x, one_hot(dataset.relabeled(self.label_names), self.labels)], -1)

    def holed(self, dataset: Dataset) -> np.ndarray:
        """Return which rows have an empty cell, (rows,)."""
        found: np.ndarray = np.isnan(dataset.rows).any(1) if dataset.schema else np.zeros(len(dataset), bool)
        return found

    def independent(self, train: Dataset) -> Units:
        """Return independent units fitted to training rows, some thousands at a time: the rows may be many."""
        fixed, units = Generator().manual_seed(0), self.units().double()
        if len(train) > MOST // self.width:
            train = train.select(numerics.permutation(len(train), generator=fixed)[: MOST // self.width].numpy())
        kind = torch.int8 if parse(self.visible)[0] in SMALL and self.number < 128 else torch.float32
        states = torch.empty(len(train), self.width, dtype=kind)
        for part in torch.arange(len(train)).split(CHUNK):
            states[part] = self.rows(train.select(part.numpy()), sharp=True, whole=True, generator=fixed).to(kind)
        units.init_from_data(states)
        return units.requires_grad_(False)

    def blurred(self, dataset: Dataset) -> bool:
        """Say whether binary units were trained on gray values as they are."""
        return self.visible == "bernoulli" and self.binarize == "none" and dataset.kind == "gray"

    def bits(self, dataset: Dataset) -> str:
        """Return how gray rows become bits when they are evaluated: threshold, sample or none."""
        return "sample" if self.blurred(dataset) else self.binarize

    def facts(self) -> dict[str, Any]:
        """Return all but the tensors, as JSON holds it."""
        held = {field.name: getattr(self, field.name) for field in fields(self) if field.type is not Tensor}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in held.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors, by the names that they have in a model file."""
        return {"encoder.mean": self.mean, "encoder.deviation": self.deviation}

    @classmethod
    def restore(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> "Encoder":
        """Return the encoder of a model file."""
        held = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
        return cls(
            **{"names": (), "label_column": ""} | held,
            mean=tensors["encoder.mean"],
            deviation=tensors["encoder.deviation"],
        )


def filled(x: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Return rows, (rows, columns), with every hole filled by another row's value of its column, drawn at random.

    A column of holes alone is filled with zeros.
    """
    holes, found = x.isnan(), x.clone()
    for column in holes.any(0).nonzero().flatten().tolist():
        empty, held = holes[:, column], x[~holes[:, column], column]
        drawn = numerics.integers(max(1, len(held)), int(empty.sum()), generator=generator)
        found[empty, column] = held[drawn] if len(held) else 0.0
    return found


def _read(load: Callable[[int | None], Dataset], encoder: Encoder) -> Dataset:
    """Read rows with the levels of the training; bits and fractions of one mean the same whatever these were."""
    if encoder.levels == 0:
        return load(0)
    with suppress(InputError):
        found = load(None)
        if found.levels in (1, encoder.levels):
            return found
    return load(encoder.levels)
