"""Rows of one split."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harmonium.data.batches import to_float
from harmonium.data.labels import classes, listed, relabeled
from harmonium.data.schema import Schema
from harmonium.data.table import Form, form_of
from harmonium.data.values import kind
from harmonium.data.weights import weights_of
from harmonium.errors import InputError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of one split, kept as they came: uint8 for gray, binary and count data, else float32.

    Where ``index`` is given they are those rows of the table, in that order: nothing is copied before it is needed,
    and a table may lie in a file that is larger than the memory.

    ``labels`` are indices of classes, whose names are ``label_names`` in order; numbers given alone are named by
    themselves. ``notes`` tell what the reader noticed and did: show them to whoever gave the file.
    """

    name: str  # "mnist", or the file's stem
    split: str  # "train", "valid" or "test"
    table: np.ndarray = field(repr=False)  # (N, width), C-contiguous, uint8 or float32
    levels: int  # the value that means "fully on": 255, 16, 1; 0 for real values
    shape: tuple[int, ...]  # (28, 28) for pictures, (width,) otherwise
    labels: np.ndarray | None = field(repr=False)  # (N,) int64, indices into label_names
    source: str  # the file or package it was read from
    index: np.ndarray | None = field(default=None, repr=False)  # the numbers of the split's rows in the table
    label_names: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=(), repr=False)  # of the columns, where the file has any
    ids: np.ndarray | None = field(default=None, repr=False)  # (N,) text: the file's own index of its rows
    label_column: str = ""  # the name, or the number from 1, of the column that the labels were
    notes: tuple[str, ...] = ()
    schema: Schema | None = field(default=None, repr=False)  # of a table of codes: see `Schema.words`
    weights: np.ndarray | None = field(default=None, repr=False)  # (N,) float64: how much each row counts in training

    def __post_init__(self) -> None:
        if self.table.ndim != 2 or self.table.dtype not in (np.uint8, np.float32):
            raise InputError(
                f"rows of shape {self.table.shape} and type {self.table.dtype} were given where (N, width) of "
                "uint8 or float32 was expected: see harmonium.data.from_array"
            )
        if math.prod(self.shape) != self.width:
            raise InputError(f"shape {self.shape} does not hold {self.width} values: pass the shape of one row")
        if self.labels is not None and not self.label_names:
            indices, names = classes(self.labels, len(self), self.source)
            object.__setattr__(self, "labels", indices)
            object.__setattr__(self, "label_names", names)

    def __len__(self) -> int:
        return len(self.table if self.index is None else self.index)

    def __getitem__(self, number: int) -> torch.Tensor | tuple[torch.Tensor, int]:
        """Return a row as in `tensor`, (width,), with its label where there are any: what a ``DataLoader`` asks for."""
        place = range(len(self))[number]
        row = to_float(self.gather(slice(place, place + 1)), self.levels, "none")[0]
        return row if self.labels is None else (row, int(self.labels[place]))

    def gather(self, which: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return some rows of the split, or all, as they are stored: a copy, unless they lie together in the table."""
        return self.table[which if self.index is None else self.index[which]]

    @property
    def rows(self) -> np.ndarray:
        """All rows of the split as they are stored, (N, width)."""
        return self.gather()

    @property
    def width(self) -> int:
        """The number of values in a row."""
        return int(self.table.shape[1])

    @property
    def kind(self) -> str:
        """What the values are: ``"binary"``, ``"spin"`` (only -1 and +1), ``"gray"``, ``"real"`` or ``"table"``."""
        return "table" if self.schema is not None else kind(self.table, self.levels)

    def tensor(self, binarize: str = "none", *, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return all rows as float32, shape (N, width); see ``to_float`` for what ``binarize`` does."""
        return to_float(self.rows, self.levels, binarize, generator=generator)

    def binarized(self, how: str = "threshold", *, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return all rows as zeros and ones, shape (N, width), by ``"threshold"`` or ``"sample"``."""
        return self.tensor(how, generator=generator)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and the deviation of every column, in float64, on the scale of `tensor`."""
        parts = [np.arange(i, min(i + 4096, len(self))) for i in range(0, len(self), 4096)]
        mean = sum(self.gather(part).sum(0, dtype=np.float64) for part in parts) / len(self)
        squares = sum(((self.gather(part) - mean) ** 2).sum(0) for part in parts) / len(self)
        return mean / max(self.levels, 1), np.sqrt(squares) / max(self.levels, 1)

    def reach(self) -> np.ndarray:
        """Return how far any value of a column lies from the column's mean, in float64, on the scale of `tensor`."""
        parts = [self.gather(np.arange(i, min(i + 4096, len(self)))) for i in range(0, len(self), 4096)]
        low, high = (np.stack([end(part, 0) for part in parts]).astype(float) for end in (np.min, np.max))
        mean = self.moments()[0] * max(self.levels, 1)
        return np.maximum(high.max(0) - mean, mean - low.min(0)) / max(self.levels, 1)

    def take(self, count: int) -> Dataset:
        """Return the first ``count`` rows, or all of them where there are fewer."""
        if count < 1:
            raise InputError(f"{count} rows were asked for where at least 1 was expected: pass a positive count")
        return self.select(np.arange(min(count, len(self))))

    def with_labels(self, labels: Any) -> Dataset:
        """Return the same rows with labels of their own, (rows,): numbers, words, or one-hot (rows, classes)."""
        indices, names = classes(labels, len(self), self.source)
        return replace(self, labels=indices, label_names=names)

    def with_weights(self, weights: Any) -> Dataset:
        """Return the same rows, of which each counts in training in proportion to its weight, (rows,), 0 or more."""
        if self.weights is not None:
            raise InputError(f"weights were given beside the column of {self.source} that holds some: give one of them")
        return replace(self, weights=weights_of(weights, len(self), self.source))

    def noted(self, note: str) -> Dataset:
        """Return the same rows with a note more, unless they have it."""
        return self if note in self.notes else replace(self, notes=(*self.notes, note))

    def relabeled(self, names: tuple[str, ...]) -> Dataset:
        """Return the same rows with labels that point into ``names``; raises `InputError` for one not among them."""
        if self.labels is None or self.label_names == names:
            return self
        return replace(self, labels=relabeled(self.labels, self.label_names, names, self.source), label_names=names)

    def select(self, which: np.ndarray) -> Dataset:
        """Return the rows of the split that ``which`` numbers, in its order."""
        index = which if self.index is None else self.index[which]
        labels, ids, weights = (None if x is None else x[which] for x in (self.labels, self.ids, self.weights))
        return replace(self, index=index, labels=labels, ids=ids, weights=weights)

    @property
    def form(self) -> Form:
        """The columns that rows must have to go with these."""
        return form_of(self.names, self.width, self.label_column, self.schema)

    def conformed(self, form: Form, to: str) -> Dataset:
        """Return the same rows with their columns in the order of a form's names, where both have names.

        Raises `InputError` where a column is missing, or there is one too many; ``to`` says whose columns are expected.
        """
        if form.schema is not None or self.schema is not None:
            return self._recoded(form.schema, to)
        if form.names and self.names and self.names != form.names:
            return self._ordered(form.names, to)
        if self.width != form.width:
            raise InputError(
                f"{self.source} has {self.width} columns where {to} {form.width}: give rows of the same columns"
            )
        return self

    def _recoded(self, schema: Schema | None, to: str) -> Dataset:
        """Return the same rows in the codes of another schema."""
        if schema is None:
            raise InputError(f"{self.source} is a table of mixed columns, and {to} numbers alone: give rows of numbers")
        if self.schema is None:
            raise InputError(f"{self.source} has numbers alone where {to} a table of mixed columns: give it by a file")
        if self.schema == schema:
            return self
        table = schema.codes(self.schema.words(self.table), self.source)
        return replace(self, table=table, names=schema.names, shape=(table.shape[1],), schema=schema)

    def _ordered(self, names: tuple[str, ...], to: str) -> Dataset:
        place, wanted = {name: i for i, name in enumerate(self.names)}, set(names)
        missing = tuple(name for name in names if name not in place)
        extra = tuple(name for name in self.names if name not in wanted)
        if missing or extra:
            told = [f"lacks {listed(missing)}"] * bool(missing) + [f"has {listed(extra)} too many"] * bool(extra)
            raise InputError(f"the columns of {self.source} are not those that {to}: it {' and '.join(told)}")
        order = [place[name] for name in names]
        note = f"the columns of {self.source} were put in the order of the training rows, by their names"
        table = np.ascontiguousarray(self.table[:, order])
        return replace(self, table=table, names=names, shape=(self.width,), notes=(*self.notes, note))
