"""The rows that a run learns from, watches and is evaluated on: read once, from wherever they lie."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .. import data
from ..data import Dataset, Reading
from ..errors import InputError
from ..registry import DATASETS
from .config import TrainConfig

MEMORY = "(in memory)"  # the source of rows that were given as an array
SEEN = 2**22  # bytes that the fingerprint of a table is taken from


class Splits:
    """Training, validation and test rows; test rows are read when they are first asked for.

    ``rows`` is a name, a path, an array, a tensor, a frame or a `Dataset`; ``labels`` and ``sample_weight``, (rows,)
    each, go with what is in memory.
    ``config`` says what the values mean, and may name files of its own for validation and test rows.  Unless rows are
    ``held_out``, all rows in memory are learned from, and nothing is watched.
    """

    def __init__(
        self, rows: Any, config: TrainConfig, labels: Any = None, sample_weight: Any = None, *, held_out: bool = True
    ):
        self.config, self.rows, self.labels, self.held_out = config, rows, labels, held_out
        self.sample_weight = sample_weight
        self.in_memory = not isinstance(rows, str | Path)
        if sample_weight is not None and not self.in_memory:
            raise InputError(f"sample_weight was given beside {rows}: name the column of the file, NAME=weight")
        if labels is not None and not self.in_memory:
            raise InputError(f"labels were given beside {rows}: name the column of the file with label_column")

    @property
    def source(self) -> str:
        """The name or the absolute path of the data, or `MEMORY`."""
        if self.in_memory:
            return MEMORY
        local = Path(self.rows).exists() and str(self.rows) not in DATASETS
        return str(Path(self.rows).resolve()) if local else str(self.rows)

    @property
    def name(self) -> str:
        """What the data are called in reports."""
        return self.train.name if self.in_memory else Path(self.source).name

    @property
    def levels(self) -> int | None:
        """What the values of the data mean: those of whole kinds are taken as they are."""
        if self.config.visible in ("auto", "table"):
            return self.config.levels
        from ..encoding import encoding  # brings torch in: errors of the data are told without it

        return 0 if encoding(self.config.visible).whole else self.config.levels

    @property
    def reading(self) -> Reading:
        """How the rows are read, where they do not say it themselves."""
        config = self.config
        return {
            "levels": self.levels,
            "label_column": config.label_column,
            "shape": config.shape,
            "columns": config.columns,
        }

    @cached_property
    def _parts(self) -> dict[str, Dataset]:
        if self.in_memory:
            whole = _in_memory(self.rows, self.labels, self.reading)
            whole = whole if self.sample_weight is None else whole.with_weights(self.sample_weight)
            return data.split_rows(whole, self.apart) if self.held_out else dict.fromkeys(data.SPLITS, whole)
        return data.load_train_valid(self.rows, apart=self.apart, data_dir=self.config.data_dir, **self.reading)

    @property
    def apart(self) -> list[str]:
        """The splits that have a file of their own."""
        return [split for split, path in (("valid", self.config.valid), ("test", self.config.test)) if path]

    @property
    def train(self) -> Dataset:
        """The rows to learn from, as often as whole weights say, or with weights that are not whole."""
        found = self._parts["train"]
        return data.by_weight(found if self.config.rows is None else found.take(self.config.rows))

    @cached_property
    def valid(self) -> Dataset:
        """The rows that are held out and watched."""
        return self._other(self.config.valid) if self.config.valid else self._parts["valid"]

    @cached_property
    def test(self) -> Dataset:
        """The rows to evaluate on."""
        if self.config.test:
            return self._other(self.config.test)
        if self.in_memory:
            return self._parts["test"]
        return data.load(self.rows, "test", data_dir=self.config.data_dir, **self.reading)

    def _other(self, path: str) -> Dataset:
        found = data.load_rows(path, like=self.train.form, to=f"{self.source} has", levels=self.levels)
        return found.relabeled(self.train.label_names) if self.train.labels is not None else found

    def check(self) -> None:
        """Read the files of held-out rows that the settings name: what is wrong with them is told before training.

        Raises `InputError` too where they are to be watched and there are none.
        """
        if self.config.patience and not self.held_out:
            raise InputError(f"patience={self.config.patience} watches held-out rows and none are: leave it out")
        for split in self.apart:
            self.of(split)

    def of(self, split: str) -> Dataset:
        """Return the rows of a split by its name; raises `InputError` for another word."""
        if split not in data.SPLITS:
            raise InputError(f"the split {split!r} was given where train, valid or test was expected")
        found: Dataset = getattr(self, split)
        return found

    def changed_since(self, began: dict[str, Any]) -> str:
        """Return in words how the training rows differ from those that had a fingerprint; nothing if they do not."""
        for what in ("columns", "rows", "sha256"):
            if began and began.get(what) != self.fingerprint[what]:
                given = "other values" if what == "sha256" else f"{self.fingerprint[what]} {what}"
                return f"{self.source} has {given}, where the run began with {began.get(what)}"
        return ""

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What tells these training rows from others: their number, their columns, and a hash of some megabytes."""
        rows = self.train
        few = np.linspace(0, len(rows) - 1, min(len(rows), max(1, SEEN // rows.gather(slice(0, 1)).nbytes))).astype(int)
        digest = hashlib.sha256(np.ascontiguousarray(rows.gather(few)).tobytes())
        digest.update(b"" if rows.weights is None else rows.weights.tobytes())
        return {"name": self.name, "rows": len(rows), "columns": rows.width, "sha256": digest.hexdigest()}


def _in_memory(rows: Any, labels: Any, reading: Reading) -> Dataset:
    if isinstance(rows, Dataset):
        return rows if labels is None else rows.with_labels(labels)
    return data.from_array(rows, labels, name="the rows", **reading)
