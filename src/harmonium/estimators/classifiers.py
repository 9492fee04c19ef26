"""Classes of rows, by generative models that learn labels beside them."""

from typing import Any, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from .. import evaluation
from ..data import Dataset, steps_per_epoch
from ..errors import InputError
from ..fitting import Run
from ..fitting.finetune import LR
from .base import CHECKS, RBMEstimator, brisk, dense


class _Classifier(ClassifierMixin, RBMEstimator):
    """Abstract: an estimator whose run reads labels."""

    classes_: np.ndarray

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on rows, (rows, columns), and their classes, (rows,), each row counting ``sample_weight`` times."""
        rows, y = validate_data(self, X, y, **CHECKS)
        check_classification_targets(y)
        before = self.run_ if self.warm_start and hasattr(self, "run_") else None
        self.classes_, labels = np.unique(y, return_inverse=True)
        dataset = self._counted(dense(rows), sample_weight, before, labels)
        if dataset.labels is None or dataset.labels.min() == dataset.labels.max():
            raise InputError("y holds 1 class where 2 or more classes were expected: give rows of several")
        return self._learned(dataset, before)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return p(class | row), (rows, classes), in the order of ``classes_``."""
        return self._told(self._read(X), lambda model, v: evaluation.class_log_probs(model, v).softmax(-1))

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of rows, (rows,)."""
        likeliest = self.predict_proba(X).argmax(1)
        return self.classes_[likeliest]


class RBMClassifier(_Classifier):
    """Classes by a restricted Boltzmann machine whose visible row holds a label (Larochelle and Bengio, 2008).

    p(class | v) ∝ exp(−F(v, class)), by the exact free energy of every class.

    Args:
        discriminative: weight of −log p(class | v) in the loss, beside the likelihood of row and class together.
        hidden, epochs, batch_size, lr, visible, settings, warm_start, random_state: see `RBMFeatures`.

    Example:
        >>> from harmonium.estimators import RBMClassifier
        >>> from sklearn.datasets import load_digits
        >>> X, y = load_digits(return_X_y=True)
        >>> RBMClassifier(hidden=16, epochs=5, random_state=0).fit(X / 16, y).predict_proba(X[:3] / 16).shape
        (3, 10)
    """

    def __init__(
        self,
        hidden: Any = 128,
        *,
        discriminative: float | None = 4.0,
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
        self.discriminative = discriminative

    def _learned(self, dataset: Dataset, init: Run | None = None, **more: Any) -> Self:
        return super()._learned(dataset, init, labels=True, discriminative=self.discriminative or 0.0, **more)


class DBNClassifier(_Classifier):
    """Classes by a deep belief network: layers learned one by one, and then together (Hinton, Osindero and Teh, 2006).

    Args:
        hidden: number of hidden units of every layer, from the lowest up.
        finetune: "classifier" unrolls the layers into a network and trains it by back-propagation; "updown" trains all
            layers as a generative model with labels beside the highest.
        finetune_epochs: passes over the rows of that.
        epochs, batch_size, lr, visible, settings, random_state: see `RBMFeatures`; of the layers.

    Example:
        >>> from harmonium.estimators import DBNClassifier
        >>> from sklearn.datasets import load_digits
        >>> X, y = load_digits(return_X_y=True)
        >>> net = DBNClassifier(hidden=(32, 16), epochs=2, finetune_epochs=2, random_state=0)
        >>> net.fit(X / 16, y).predict(X[:3] / 16).shape
        (3,)
    """

    model = "dbn"

    def __init__(
        self,
        hidden: Any = (128, 128),
        *,
        finetune: Literal["classifier", "updown"] = "classifier",
        finetune_epochs: int = 50,
        epochs: int = 50,
        batch_size: int | None = None,
        lr: float | None = None,
        visible: str = "auto",
        settings: dict[str, Any] | None = None,
        random_state: Any = None,
    ):
        super().__init__(
            hidden, epochs=epochs, batch_size=batch_size, lr=lr, visible=visible, settings=settings,
            random_state=random_state,
        )  # fmt: skip
        self.finetune = finetune
        self.finetune_epochs = finetune_epochs

    def _learned(self, dataset: Dataset, init: Run | None = None, **more: Any) -> Self:
        greedy = self._trained(dataset, init, labels=self.finetune == "updown")
        assert greedy.config is not None
        updates = self.finetune_epochs * steps_per_epoch(len(dataset), greedy.config.batch_size)
        settings: dict[str, Any] = {
            "epochs": self.finetune_epochs,
            "lr": brisk(LR[self.finetune], updates),
            "seed": greedy.seed,
        }
        return self._keep(greedy.finetune(self.finetune, **settings))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return p(class | row), (rows, classes), in the order of ``classes_``: by the network, or the top RBM."""
        rows = self._read(X)
        found = self.run_.classify(rows).probabilities.astype(np.float64)
        return found / found.sum(1, keepdims=True)
