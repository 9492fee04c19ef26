"""Estimators of scikit-learn over `fit`: features, densities and classes, for pipelines and searches.

`RBMFeatures` transforms, `RBMDensity` scores and samples, `RBMOutlierDetector` finds odd rows, `RBMClassifier` and
`DBNClassifier` predict; in tables of any columns `RBMImputer` fills empty cells, and `RBMSynthesizer` draws new rows.
"""

from .classifiers import DBNClassifier, RBMClassifier
from .density import RBMDensity, RBMOutlierDetector
from .features import RBMFeatures
from .tables import RBMImputer, RBMSynthesizer

__all__ = [
    "DBNClassifier", "RBMClassifier", "RBMDensity", "RBMFeatures", "RBMImputer", "RBMOutlierDetector", "RBMSynthesizer",
]  # fmt: skip
