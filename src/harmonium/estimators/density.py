"""Densities of rows: how likely they are, new ones, and which are odd."""

from functools import cached_property
from typing import Any, Self

import numpy as np
from sklearn.base import DensityMixin, OutlierMixin

from .. import evaluation
from ..data import Dataset
from ..encoding import encoding
from ..errors import InputError
from ..evaluation import Estimate
from ..fitting import Run
from ..fitting.scoring import known_partition
from .base import RBMEstimator, seed


class _Scoring(RBMEstimator):
    """Abstract: an estimator that knows how likely rows are; fractions are real numbers to it."""

    fractions = "gaussian"

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one pass over rows, (rows, columns), from the parameters and chains as they are."""
        return self._go_on(X, sample_weight)

    def _evidence(self, dataset: Dataset) -> np.ndarray:
        """Return log p + log Z of rows, (rows,), in nats: of real numbers the density in their own scale."""
        encoder, found = self.run_.encoder, self._told(dataset, evaluation.log_evidence)
        return found - float(encoder.deviation.double().log().sum()) if encoding(encoder.visible).scaled else found


class RBMDensity(DensityMixin, _Scoring):
    """The density of rows by a restricted Boltzmann machine, log p(v) = −F(v) − log Z.

    Rows of 0 and 1 are bits; other numbers are real, and their density is one in their own scale.  log Z is summed
    exactly for up to 20 hidden units or bits, and estimated by annealed importance sampling beyond: ``log_partition_``
    says which, with its error and verdict.

    Args:
        hidden: number of hidden units.
        epochs, batch_size, lr, visible, settings, warm_start, random_state: see `RBMFeatures`.

    Example:
        >>> from harmonium.estimators import RBMDensity
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().data > 7
        >>> density = RBMDensity(hidden=8, epochs=2, random_state=0).fit(X)
        >>> density.score_samples(X[:3]).shape, density.log_partition_.verdict
        ((3,), 'exact')
    """

    def __init__(
        self,
        hidden: Any = 16,
        *,
        epochs: int = 50,
        batch_size: int | None = None,
        lr: float | None = None,
        visible: str = "auto",
        settings: dict[str, Any] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
    ):
        super().__init__(
            hidden, epochs=epochs, batch_size=batch_size, lr=lr, visible=visible, settings=settings,
            warm_start=warm_start, random_state=random_state,
        )  # fmt: skip

    @cached_property
    def log_partition_(self) -> Estimate:
        """The logarithm of the partition function in nats, found when it is first asked for."""
        return known_partition(self.run_)

    def _keep(self, run: Run) -> Self:
        self.__dict__.pop("log_partition_", None)
        return super()._keep(run)

    def score_samples(self, X: Any) -> np.ndarray:
        """Return log p of rows, (rows,), in nats."""
        return self._evidence(self._read(X)) - self.log_partition_.value

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of rows in nats a row: what a search over settings should climb."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state: Any = None, *, gibbs_steps: int = 1000) -> np.ndarray:
        """Return new rows, (n_samples, columns), each the end of a chain of ``gibbs_steps`` Gibbs steps."""
        if n_samples < 1:
            raise InputError(f"n_samples={n_samples} was given where at least 1 was expected")
        chance = seed(self.random_state if random_state is None else random_state)
        return self.run_.sample(n_samples, gibbs_steps, seed=chance)


class RBMOutlierDetector(OutlierMixin, _Scoring):
    """Odd rows by their free energy: the higher, the less likely, and log Z is not needed.

    Args:
        contamination: share of the training rows that are called odd.
        hidden, epochs, batch_size, lr, visible, settings, warm_start, random_state: see `RBMFeatures`.

    Example:
        >>> import numpy as np
        >>> from harmonium.estimators import RBMOutlierDetector
        >>> X = np.vstack([np.random.default_rng(0).normal(size=(99, 3)), [[9, 9, 9]]])
        >>> RBMOutlierDetector(hidden=4, epochs=5, random_state=0).fit_predict(X)[-1]
        np.int64(-1)
    """

    def __init__(
        self,
        hidden: Any = 16,
        *,
        contamination: float = 0.1,
        epochs: int = 50,
        batch_size: int | None = None,
        lr: float | None = None,
        visible: str = "auto",
        settings: dict[str, Any] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
    ):
        super().__init__(
            hidden, epochs=epochs, batch_size=batch_size, lr=lr, visible=visible, settings=settings,
            warm_start=warm_start, random_state=random_state,
        )  # fmt: skip
        self.contamination = contamination

    def _learned(self, dataset: Dataset, init: Run | None = None, **more: Any) -> Self:
        if not 0 < self.contamination <= 0.5:
            raise InputError(f"contamination={self.contamination} was given where a share up to 0.5 was expected")
        super()._learned(dataset, init, **more)
        self.offset_ = float(np.percentile(self._evidence(dataset), 100 * self.contamination))
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Return log p + log Z of rows, (rows,), in nats: the lower, the odder."""
        return self._evidence(self._read(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return by how many nats rows are likelier than the odd ones begin, (rows,)."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Return -1 for odd rows and 1 for others, (rows,)."""
        return np.where(self.decision_function(X) >= 0, 1, -1)
