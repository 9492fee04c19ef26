"""Rows of units: what a single kind of unit does when its neighbours send it a field."""

from .base import Units
from .continuous import Gaussian, Quadratic, ReLU
from .discrete import Bernoulli, Binomial, Potts, Spin
from .door import admit
from .join import Join

KINDS: dict[str, type[Units]] = {
    kind.__name__.lower(): kind for kind in (Bernoulli, Spin, Binomial, Potts, Gaussian, ReLU, Join)
}

__all__ = [
    "KINDS",
    "Bernoulli",
    "Binomial",
    "Gaussian",
    "Join",
    "Potts",
    "Quadratic",
    "ReLU",
    "Spin",
    "Units",
    "admit",
]
