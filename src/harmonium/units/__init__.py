"""Rows of units: what a single kind of unit does when its neighbors send it a field."""

from .base import Device, Units
from .concat import Concat
from .continuous import Gaussian, Quadratic, ReLU
from .discrete import Bernoulli, Binomial, Discrete, Spin, as_units
from .inflated import ZeroInflated
from .onehot import OneHot
from .potts import Potts
from .restricted import Condition, restricted
from .validation import Rows, as_rows, as_tensor

KINDS: dict[str, type[Units]] = {
    kind.__name__.lower(): kind
    for kind in (Bernoulli, Spin, Binomial, Potts, OneHot, Gaussian, ReLU, ZeroInflated, Concat)
}

__all__ = [
    "KINDS",
    "Bernoulli",
    "Binomial",
    "Concat",
    "Condition",
    "Device",
    "Discrete",
    "Gaussian",
    "OneHot",
    "Potts",
    "Quadratic",
    "ReLU",
    "Rows",
    "Spin",
    "Units",
    "ZeroInflated",
    "as_rows",
    "as_tensor",
    "as_units",
    "restricted",
]
