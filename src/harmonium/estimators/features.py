"""Hidden units as features."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from .base import RBMEstimator


class RBMFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, RBMEstimator):
    """The means of hidden units given a row as its features (Hinton and Salakhutdinov, 2006): p(h = 1 | v) for bits.

    Numbers from 0 to 1 are taken as bits or their probabilities, others as real numbers, standardized.

    Args:
        hidden: number of hidden units, and so of features.
        epochs: passes over the rows.
        batch_size: rows in a batch.
        lr: learning rate; as `TrainConfig` has it unless given.
        visible: kind of the visible units; bernoulli or gaussian, by the values, unless given.
        settings: other settings of `TrainConfig`, by name.
        warm_start: let `fit` go on from what was learned before.
        random_state: seed, numpy generator, or None for numpy's own.

    Example:
        >>> from harmonium.estimators import RBMFeatures
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().data / 16
        >>> RBMFeatures(hidden=8, epochs=2, random_state=0).fit_transform(X).shape
        (1797, 8)
    """

    def __sklearn_tags__(self) -> Any:
        """Say what scikit-learn must know: the type of floats is kept."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def transform(self, X: Any) -> np.ndarray:
        """Return the features, (rows, hidden units), of rows, (rows, columns), in the type of the rows."""
        found = self._told(self._read(X), lambda model, v: model.hidden_means(v)[-1])
        return found.astype(np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64, copy=False)

    @property
    def _n_features_out(self) -> int:
        return int(self.run_.model.weights[-1].shape[-1])

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one pass over rows, (rows, columns), from the parameters and chains as they are."""
        return self._go_on(X, sample_weight)
