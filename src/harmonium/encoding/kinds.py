"""What each kind of visible units does with stored rows.

One entry of `ENCODINGS` a kind of units; a kind without an entry takes rows as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import one_hot as as_blocks
from torch.nn.functional import pad

from ..errors import InputError
from ..registry import UNITS
from ..units import Units

if TYPE_CHECKING:
    from .encoder import Encoder

Rows = Callable[["Encoder", Tensor], Tensor]
ONE_HOT = "one-hot"
BASED = "which the model takes for levels of one category"


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


def _one_on(encoder: "Encoder", x: Tensor) -> Tensor:
    """Return bits as they are; raises `InputError` where two are on in a block."""
    each = torch.tensor(sizes(encoder.visible))
    ends = each.cumsum(0)
    on = pad((x != 0).cumsum(-1), (1, 0))[..., pad(ends, (1, 0))].diff(dim=-1)
    if bool((on > 1).any()):
        block = int((on > 1).flatten(0, -2).any(0).nonzero()[0])
        columns = f"{int(ends[block] - each[block]) + 1} to {int(ends[block])}"
        raise InputError(f"a row has two of the columns {columns} on, {BASED}: train with --visible bernoulli")
    return x


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
    ONE_HOT: Encoding(encode=_one_on),
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
    return name, 0 if name == ONE_HOT else int(number or 0)


def sizes(kind: str) -> list[int]:
    """Return the sizes of the blocks of one-hot bits: ``"one-hot:3,2"`` → ``[3, 2]``; none of other kinds."""
    name, _, listed = kind.partition(":")
    return [int(size) for size in listed.split(",")] if name == ONE_HOT else []


def make_units(kind: str, count: int) -> Units:
    """Return a row of ``count`` units, or sites, of a kind such as ``"spin"`` or ``"potts:3"``."""
    name, number = parse(kind)
    blocks = sizes(kind)
    made: Units = UNITS[name](blocks) if blocks else UNITS[name](count, number) if number else UNITS[name](count)
    return made


def encoding(kind: str) -> Encoding:
    """Return how rows of a kind are encoded."""
    return ENCODINGS.get(parse(kind)[0], Encoding())
