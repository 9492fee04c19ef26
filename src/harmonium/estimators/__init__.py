"""Estimators of scikit-learn over `fit`: features, densities and classes, for pipelines and searches.

`RBMFeatures` transforms, `RBMDensity` scores and samples, `RBMOutlierDetector` finds odd rows, `RBMClassifier` and
`DBNClassifier` predict.
"""

from .classifiers import DBNClassifier, RBMClassifier
from .density import RBMDensity, RBMOutlierDetector
from .features import RBMFeatures

__all__ = ["DBNClassifier", "RBMClassifier", "RBMDensity", "RBMFeatures", "RBMOutlierDetector"]
