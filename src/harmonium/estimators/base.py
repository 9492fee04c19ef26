"""What all estimators share: rows as scikit-learn gives them to a `Run`, and the run kept in ``run_``."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from ..data import Dataset
from ..encoding import encoding
from ..errors import InputError
from ..fitting import Run, TrainConfig, Trainer, model_file
from ..fitting.checks import KINDS
from ..fitting.defaults import STEPS, default_lr, of_columns, steps
from ..fitting.splits import Splits
from .weights import counted

NAME = "X"
SEEDS, PART = 2**31, 1000  # seeds there are; rows that are looked at at once
FLOATS = (np.float64, np.float32)
CHECKS: dict[str, Any] = {"accept_sparse": ("csr", "csc", "coo"), "dtype": FLOATS}


class RBMEstimator(BaseEstimator):
    """Abstract: an estimator whose ``run_`` holds a trained model, and none of the rows that it was trained on."""

    run_: Run
    model = "rbm"
    fractions = "bernoulli"
    """Kind of the visible units for numbers between 0 and 1."""

    def __init__(
        self,
        hidden: Any = 128,
        *,
        epochs: int | None = 50,
        batch_size: int | None = None,
        lr: float | None = None,
        visible: str = "auto",
        settings: dict[str, Any] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
    ):
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.visible = visible
        self.settings = settings
        self.warm_start = warm_start
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Say what scikit-learn must know: sparse rows are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: of the run the bytes of its model file."""
        state: dict[str, Any] = super().__getstate__()
        return {**state, "run_": model_file.to_bytes(state["run_"])} if "run_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up what was pickled."""
        super().__setstate__({**state, "run_": model_file.from_bytes(state["run_"])} if "run_" in state else state)

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on rows, (rows, columns), each of which counts ``sample_weight`` times; return the estimator."""
        rows = self._given(X, reset=True)
        before = self.run_ if self.warm_start and hasattr(self, "run_") else None
        return self._learned(self._counted(rows, sample_weight, before), before)

    def _go_on(self, X: Any, sample_weight: Any) -> Self:
        """Train for one pass over rows, from where the last one ended."""
        before = getattr(self, "run_", None)
        rows = self._given(X, reset=before is None)
        return self._learned(self._counted(rows, sample_weight, before), before, epochs=1, schedule="constant")

    def _given(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return rows, (rows, columns), dense, after the checks of scikit-learn."""
        if not reset:
            check_is_fitted(self)
        return dense(validate_data(self, X, reset=reset, **CHECKS))

    def _read(self, X: Any) -> Dataset:
        """Return rows to answer about, read as those of the training were."""
        rows = self._given(X, reset=False)
        return as_dataset(rows, self.run_.encoder.levels)

    @torch.no_grad()
    def _told(self, dataset: Dataset, ask: Callable[[Any, Tensor], Tensor]) -> np.ndarray:
        """Return what the model tells of states, (rows, ...), in float64: of a row the same beside whatever others."""
        run, parts = self.run_, np.split(np.arange(len(dataset)), range(PART, len(dataset), PART))
        model = copy.deepcopy(run.model).double()
        told = [ask(model, run.encoder.rows(dataset.select(part)).double()) for part in parts]
        found: np.ndarray = torch.cat(told).numpy()
        return found

    def _counted(self, rows: np.ndarray, sample_weight: Any, before: Run | None = None, labels: Any = None) -> Dataset:
        """Return rows to learn from, with labels that are indices of classes."""
        levels = 0 if encoding(self.visible).whole else None
        dataset = as_dataset(rows, levels if before is None else before.encoder.levels)
        if labels is not None:
            dataset = replace(dataset, labels=labels, label_names=tuple(map(str, range(labels.max() + 1))))
        return counted(dataset, sample_weight)

    def _config(self, dataset: Dataset, **more: Any) -> TrainConfig:
        """Return the settings of a training on rows."""
        plain = {"gray": self.fractions, "binary": "bernoulli"}  # new rows may have two columns of a category on
        visible = plain.get(dataset.kind, "auto") if self.visible == "auto" else self.visible
        size = self.batch_size or min(max(len(dataset) // 10, 10), 100)
        words = {"model": self.model, "hidden": self.hidden, "visible": visible, "binarize": "none"}
        own = {"epochs": self.epochs, "batch_size": size, "lr": self.lr, "seed": seed(self.random_state)}
        given = {name: value for name, value in own.items() if value is not None}
        config = TrainConfig(**words | given | (self.settings or {}) | more)
        kind = KINDS[dataset.kind] if config.visible == "auto" else config.visible
        if config.lr or of_columns(config, kind, dataset):  # which `fit` has settings of its own for
            return config
        rate = default_lr(config, kind)
        return config.model_copy(update={"lr": brisk(rate, steps(config, dataset, config.batch_size))})

    def _trained(self, dataset: Dataset, init: Run | None = None, **more: Any) -> Run:
        """Return the run of a training on rows, of which none is held out."""
        config = self._config(dataset, **more)
        trainer = Trainer(config, Splits(dataset, config, held_out=False), init=init)
        for _ in trainer:
            pass
        return trainer.run

    def _learned(self, dataset: Dataset, init: Run | None = None, **more: Any) -> Self:
        """Train on rows."""
        return self._keep(self._trained(dataset, init, **more))

    def _keep(self, run: Run) -> Self:
        """Keep a run without its rows."""
        self.run_ = replace(run, splits=None, history=[])
        return self


def brisk(rate: float, updates: int) -> float:
    """Return the learning rate of a training of so many updates, given that of a long one."""
    return rate * max(1.0, STEPS / updates) ** 0.5


def seed(random_state: Any) -> int:
    """Return a seed by the rule of scikit-learn: the same for a number, a new one each time for a generator or None."""
    return int(check_random_state(random_state).randint(SEEDS))


def dense(rows: Any) -> np.ndarray:
    """Return rows as an array."""
    return rows.toarray() if issparse(rows) else rows


def as_dataset(rows: np.ndarray, levels: int | None = None) -> Dataset:
    """Return rows as a data set: bits, fractions of one, or else real numbers; with ``levels`` 1 or 0 as these say.

    Raises `InputError` where a number is too large for float32.
    """
    with np.errstate(over="ignore"):
        table = np.ascontiguousarray(rows, np.float32)
    if not np.isfinite(table).all():
        raise InputError(f"{NAME} holds values up to {np.abs(rows).max():.3g}, too large for float32: rescale it")
    unit = bool(table.min() >= 0 and table.max() <= 1) if levels is None else bool(levels)
    bits = unit and bool(np.isin(table, (0, 1)).all())
    return Dataset(NAME, "train", table.astype(np.uint8) if bits else table, int(unit), (table.shape[1],), None, NAME)
