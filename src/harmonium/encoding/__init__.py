"""How stored rows become states of the visible units, and how states become rows and pictures again."""

from typing import Any

from torch import Tensor

from ..data import Dataset
from .conditions import Given, conditions
from .encoder import FAR, Encoder, filled
from .kinds import ENCODINGS, Encoding, encoding, make_units, parse
from .table import TABLE, TableEncoder

__all__ = [
    "ENCODINGS",
    "FAR",
    "TABLE",
    "Encoder",
    "Encoding",
    "Given",
    "TableEncoder",
    "conditions",
    "encoding",
    "filled",
    "fit_encoder",
    "make_units",
    "parse",
    "restore_encoder",
]


def fit_encoder(visible: str, binarize: str, train: Dataset, *, labels: bool = False) -> Encoder:
    """Return the encoder of training rows: of a kind of units, or of a table of columns of their own kinds."""
    return (TableEncoder if visible == TABLE else Encoder).fit(visible, binarize, train, labels=labels)


def restore_encoder(facts: dict[str, Any], tensors: dict[str, Tensor]) -> Encoder:
    """Return the encoder of a model file."""
    return (TableEncoder if "schema" in facts else Encoder).restore(facts, tensors)
