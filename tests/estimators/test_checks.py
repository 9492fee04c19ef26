"""Every check that scikit-learn has for estimators, on all of them."""

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from harmonium.estimators import (
    DBNClassifier,
    RBMClassifier,
    RBMDensity,
    RBMFeatures,
    RBMImputer,
    RBMOutlierDetector,
    RBMSynthesizer,
)

QUICK: dict[str, Any] = {"hidden": 8, "epochs": 5}
ALL = [
    RBMFeatures(**QUICK),
    RBMDensity(**QUICK),
    RBMOutlierDetector(**QUICK),
    RBMClassifier(hidden=8, epochs=10, lr=0.1, batch_size=100, settings={"optimizer": "adam"}),
    DBNClassifier(hidden=(16,), epochs=2, finetune_epochs=10),
    RBMImputer(hidden=8, epochs=2, gibbs_steps=5),
    RBMSynthesizer(hidden=8, epochs=2),
]


@parametrize_with_checks(ALL, xfail_strict=True)
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)
