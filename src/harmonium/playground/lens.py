"""Rows as fractions of the range of their columns, from 0 to 1: how the page sees and says values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..encoding import Encoder, encoding, parse
from ..errors import InputError
from ..fitting import Run
from .wire import bytes_of, floats_of

if TYPE_CHECKING:
    from ..fitting.splits import Splits

WIDE = 3  # deviations around the mean that are shown of a continuous column whose rows are not at hand


@dataclass(frozen=True)
class Lens:
    """The range of every column of stored rows, ``low`` to ``high``, (columns,) or ().

    ``steps`` is the number of steps between values of a kind that has few, else 0.
    """

    encoder: Encoder
    low: Tensor
    high: Tensor
    steps: int

    @classmethod
    def of(cls, run: Run) -> "Lens":
        """Return the lens for the rows of a run."""
        encoder = run.encoder
        name, number = parse(encoder.visible)
        if encoding(encoder.visible).scaled:
            return cls(encoder, *reach(encoder, run.splits), 0)
        low = -1.0 if name == "spin" and encoder.levels == 0 else 0.0
        steps = {"binomial": number, "potts": number - 1, "bernoulli": 1, "spin": 1}.get(name, 0)
        high = steps if encoding(encoder.visible).whole else encoder.unit
        return cls(encoder, torch.tensor(low), torch.tensor(float(high)), steps)

    @property
    def picture(self) -> bool:
        """Whether rows are pictures."""
        return len(self.encoder.shape) == 2

    def fractions(self, x: Tensor) -> np.ndarray:
        """Return states or means, (chains, width), as the page takes them: (chains, columns)."""
        found = (self.encoder.decode(x) - self.low) / (self.high - self.low)
        return (bytes_of if self.picture else floats_of)(found)

    def ink(self, x: Tensor) -> int:
        """Return what a pen draws on rows such as ``x``, (rows, width): light, 1, or 0 where most of them is light."""
        return int(not len(x) or self.fractions(x).mean() <= (255 if self.picture else 1) / 2)

    def states(self, given: list[float]) -> Tensor:
        """Return the state, (width,), that fractions, one a column, stand for."""
        if len(given) != self.encoder.columns:
            raise InputError(f"{len(given)} values were given where a row has {self.encoder.columns}: give one each")
        x = torch.tensor(given)
        if self.steps:
            x = (x.clamp(0, 1) * self.steps).round() / self.steps
        return self.encoder.encode((self.low + x * (self.high - self.low))[None] / self.encoder.unit)[0]

    def columns(self) -> list[dict[str, Any]]:
        """Return what the page knows of every column; of a picture, of all at once."""
        names = ["pixel"] if self.picture else self.encoder.names or [str(i + 1) for i in range(self.encoder.columns)]
        low, high = (x.expand(len(names)).tolist() if x.ndim == 0 else x.tolist() for x in (self.low, self.high))
        several = self.steps + 1 if self.steps else 0
        return [
            {"name": name, "low": a, "high": b, "states": several} for name, a, b in zip(names, low, high, strict=False)
        ]


def reach(encoder: Encoder, splits: "Splits | None") -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest value of continuous columns; of pictures, of all of them."""
    mean, deviation = (x * encoder.unit for x in (encoder.mean, encoder.deviation))
    low, high = mean - WIDE * deviation, mean + WIDE * deviation
    if splits is not None:
        rows = torch.as_tensor(np.asarray(splits.train.take(10_000).rows), dtype=torch.float32)
        low, high = rows.min(0).values, rows.max(0).values
    if len(encoder.shape) == 2:
        low, high = low.min(), high.max()
    return low, torch.where(high > low, high, low + 1)
