"""What each kind of visible units does with stored rows.

One entry of `ENCODINGS` a kind of units; a kind without an entry takes rows as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import one_hot as as_blocks

from ..registry import UNITS
from ..units import Units

if TYPE_CHECKING:
    from .encoder import Encoder

Rows = Callable[["Encoder", Tensor], Tensor]


def _as_they_are(encoder: "Encoder", x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class Encoding:
    """What one kind of visible units does with rows: to states, back to the scale of the data, and to gray from 0 to 1.

    ``whole`` kinds take whole numbers as they are; ``scaled`` ones know each column's mean and deviation.
    """

    encode: Rows = _as_they_are
    decode: Rows = _as_they_are
    picture: Rows | None = None
    whole: bool = False
    scaled: bool = False


def _by_range(encoder: "Encoder", rows: Tensor) -> Tensor:
    low, high = float(rows.min()), float(rows.max())
    return (rows - low) / (high - low) if high > low else torch.zeros_like(rows)


ENCODINGS = {
    "bernoulli": Encoding(),
    "spin": Encoding(
        encode=lambda e, x: x if e.levels == 0 else 2 * x - 1,
        decode=lambda e, x: x if e.levels == 0 else (x + 1) / 2,
        picture=lambda e, rows: (rows + 1) / 2 if e.levels == 0 else rows,
    ),
    "gaussian": Encoding(
        encode=lambda e, x: (x - e.mean.to(x.device)) / e.deviation.to(x.device),
        decode=lambda e, x: x * e.deviation + e.mean,
        picture=_by_range,
        scaled=True,
    ),
    "relu": Encoding(
        encode=lambda e, x: x / e.deviation.to(x.device),
        decode=lambda e, x: x * e.deviation,
        picture=_by_range,
        scaled=True,
    ),
    "binomial": Encoding(picture=lambda e, rows: rows / e.number, whole=True),
    "potts": Encoding(
        encode=lambda e, x: as_blocks(x.long(), e.number).float().flatten(-2),
        decode=lambda e, x: x.unflatten(-1, (e.columns, e.number)).argmax(-1).float(),
        picture=lambda e, rows: rows / (e.number - 1),
        whole=True,
    ),
}


def parse(kind: str) -> tuple[str, int]:
    """Return the name of a kind of units and its number, 0 where there is none: ``"potts:3"`` → ``("potts", 3)``."""
    name, _, number = kind.partition(":")
    return name, int(number or 0)


def make_units(kind: str, count: int) -> Units:
    """Return a row of ``count`` units, or sites, of a kind such as ``"spin"`` or ``"potts:3"``."""
    name, number = parse(kind)
    made: Units = UNITS[name](count, number) if number else UNITS[name](count)
    return made


def encoding(kind: str) -> Encoding:
    """Return how rows of a kind are encoded."""
    return ENCODINGS.get(parse(kind)[0], Encoding())
