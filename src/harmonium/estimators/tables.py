"""Tables of columns of their own kinds, with holes: filled in, and drawn anew under conditions."""

from typing import Any, Self

import narwhals as nw
import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import data
from ..data import Dataset
from ..errors import InputError
from ..fitting import Run
from .base import FLOATS, NAME, RBMEstimator, seed
from .weights import counted

CHECKS: dict[str, Any] = {"dtype": FLOATS, "ensure_all_finite": "allow-nan"}


class _Tables(RBMEstimator):
    """Abstract: an estimator of tables, frames of anything or arrays of numbers, in which cells may be empty."""

    def __init__(
        self,
        hidden: Any = 128,
        *,
        columns: dict[str, Any] | None = None,
        epochs: int | None = None,
        batch_size: int | None = 100,
        lr: float | None = None,
        settings: dict[str, Any] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
    ):
        super().__init__(
            hidden, epochs=epochs, batch_size=batch_size, lr=lr, settings=settings, warm_start=warm_start,
            random_state=random_state,
        )  # fmt: skip
        self.columns = columns

    def __sklearn_tags__(self) -> Any:
        """Say what scikit-learn must know: cells may be empty, and rows are dense."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan, tags.input_tags.sparse = True, False
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on rows, (rows, columns), each of which counts ``sample_weight`` times; return the estimator."""
        table = self._table(X, reset=True)
        before = self.run_ if self.warm_start and hasattr(self, "run_") else None
        found = self._coded(table, before)
        self.constants_ = {name: _first(cells) for name, cells in _cells(table).items() if name not in found.names}
        self.backend_: Any = nw.get_native_namespace(table).__name__ if _is_frame(table) else ""
        return self._learned(counted(found, sample_weight), before)

    def _table(self, X: Any, *, reset: bool) -> Any:
        """Return a frame as it is, or an array of numbers, after the checks of scikit-learn."""
        if not reset:
            check_is_fitted(self)
        if not _is_frame(X):
            return validate_data(self, X, reset=reset, ensure_min_samples=1 + reset, **CHECKS)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _coded(self, table: Any, before: Run | None) -> Dataset:
        """Return the rows of a table as codes, by the schema of a run or by one inferred."""
        if before is not None:
            return before.encoder.read(table)
        return data.from_array(table, name=NAME, columns=self.columns or {}, label_column="none")

    @property
    def schema_(self) -> data.Schema:
        """What the columns were taken as."""
        check_is_fitted(self)
        schema: data.Schema = self.run_.encoder.schema  # type: ignore[attr-defined]
        return schema


class RBMImputer(OneToOneFeatureMixin, TransformerMixin, _Tables):
    """Empty cells filled in given the rest of the row, by a restricted Boltzmann machine that learned beside them.

    A number becomes its posterior mean, a category or a bit its most probable level.  Columns that are constant take
    their one value; names and free text, which no model learns, stay empty.

    Args:
        hidden: number of hidden units.
        columns: kinds of columns by name, where they are not to be inferred: ``{"age": "count"}``, see `data.Schema`.
        gibbs_steps, chains: Gibbs steps of each chain, and chains of each row, of which the filling is the mean.
        epochs, batch_size, lr, settings, warm_start, random_state: see `RBMFeatures`; as `fit` has them unless given.

    Example:
        >>> import numpy as np
        >>> from harmonium.estimators import RBMImputer
        >>> X = np.random.default_rng(0).normal(size=(100, 3))
        >>> X[::7, 1] = np.nan
        >>> bool(np.isnan(RBMImputer(8, epochs=5, random_state=0).fit_transform(X)).any())
        False
    """

    def __init__(
        self,
        hidden: Any = 128,
        *,
        columns: dict[str, Any] | None = None,
        gibbs_steps: int = 200,
        chains: int = 16,
        epochs: int | None = None,
        batch_size: int | None = 100,
        lr: float | None = None,
        settings: dict[str, Any] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
    ):
        super().__init__(
            hidden, columns=columns, epochs=epochs, batch_size=batch_size, lr=lr, settings=settings,
            warm_start=warm_start, random_state=random_state,
        )  # fmt: skip
        self.gibbs_steps = gibbs_steps
        self.chains = chains

    def transform(self, X: Any) -> Any:
        """Return rows, (rows, columns), with their empty cells filled in: a frame for a frame, else an array."""
        table = self._table(X, reset=False)
        codes = self.run_.impute(table, gibbs_steps=self.gibbs_steps, chains=self.chains)
        rows = len(codes)
        known = {name: np.full(rows, value, dtype=object) for name, value in self.constants_.items()}
        return _with(table, self.schema_.words(codes) | known)


class RBMSynthesizer(_Tables):
    """New rows of a table like those that were learned, under conditions if need be, of which none is thrown away.

    Columns of names or free text, which no model learns, are left out.

    Args:
        hidden, columns, epochs, batch_size, lr, settings, warm_start, random_state: see `RBMImputer`.

    Example:
        >>> import numpy as np
        >>> from harmonium.estimators import RBMSynthesizer
        >>> X = np.random.default_rng(0).normal(size=(100, 3))
        >>> RBMSynthesizer(8, epochs=5, random_state=0).fit(X).sample(4, gibbs_steps=20).shape
        (4, 3)
    """

    def sample(
        self, n_samples: int = 1, conditions: Any = None, *, random_state: Any = None, gibbs_steps: int = 1000
    ) -> Any:
        """Return new rows: a frame where one was learned, else an array, (n_samples, columns).

        ``conditions`` hold in every row: ``{"sex": "female", "age": ">=60"}`` or ``"sex=female, age>=60"``.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise InputError(f"n_samples={n_samples} was given where at least 1 was expected")
        chance = seed(self.random_state if random_state is None else random_state)
        given = {} if conditions is None else {"given": conditions}
        codes = self.run_.sample(n_samples, gibbs_steps, seed=chance, **given)
        found = self.schema_.words(codes)
        known = {c.name: self.constants_[c.name] for c in self.schema_.columns if c.kind == "constant"}
        found |= {name: np.full(n_samples, value) for name, value in known.items()}
        ordered = {c.name: found[c.name] for c in self.schema_.columns if c.name in found}
        if self.backend_:
            return nw.from_dict(
                {name: cells.tolist() for name, cells in ordered.items()}, backend=self.backend_
            ).to_native()
        return np.stack([cells.astype(np.float64) for cells in ordered.values()], 1)


def _is_frame(X: Any) -> bool:
    return isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame)


def _cells(table: Any) -> dict[str, np.ndarray]:
    """Return the cells of every column by its name."""
    if _is_frame(table):
        frame = nw.from_native(table, eager_only=True)
        return {name: frame[name].to_numpy() for name in frame.columns}
    return {f"column{i + 1}": cells for i, cells in enumerate(table.T)}


def _empty(cells: np.ndarray) -> np.ndarray:
    """Say which cells are None or not a number."""
    return np.array([cell is None or cell != cell for cell in cells.tolist()])


def _first(cells: np.ndarray) -> Any:
    """Return the first cell that is not empty, or None."""
    return next((cell for cell in cells.tolist() if cell is not None and cell == cell), None)


def _with(table: Any, found: dict[str, np.ndarray]) -> Any:
    """Return a table whose empty cells are those found."""
    filled = {name: _merged(cells, found[name]) for name, cells in _cells(table).items() if _empty(cells).any()}
    if not _is_frame(table):
        columns = {int(name.removeprefix("column")) - 1: cells for name, cells in filled.items()}
        made = table.copy()
        for place, cells in columns.items():
            made[:, place] = cells
        return made
    frame = nw.from_native(table, eager_only=True)
    backend = nw.get_native_namespace(table)
    return frame.with_columns(
        *(nw.new_series(name, cells.tolist(), backend=backend) for name, cells in filled.items())
    ).to_native()


def _merged(cells: np.ndarray, found: np.ndarray) -> np.ndarray:
    return np.where(_empty(cells), found, cells)
