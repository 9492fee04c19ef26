"""How stored rows become states of the visible units, and how states become pictures again."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from ..data import Dataset
from ..units import Bernoulli, Gaussian, Potts, Spin, Units
from .config import Config


@dataclass(frozen=True)
class Coder:
    """The map from rows to states of one kind of visible units.

    Gaussian units see each column with the mean and deviation of the training rows taken out; spins see 0 and 1 as
    −1 and +1; potts units see a whole number as a one-hot block.
    """

    visible: str
    binarise: str
    columns: int
    colours: int
    mean: Tensor
    deviation: Tensor

    @classmethod
    def fit(cls, config: Config, train: Dataset) -> "Coder":
        """Return the coder of a run; the training rows give means and deviations (1 for constant columns)."""
        mean, deviation = torch.zeros(()), torch.ones(())
        if config.visible == "gaussian":
            rows = train.rows.astype(np.float64) / (train.levels or 1)
            mean, deviation = torch.tensor(rows.mean(0)).float(), torch.tensor(rows.std(0)).float()
            deviation = torch.where(deviation > 0, deviation, 1.0)
        return cls(config.visible, config.binarise, train.width, config.colours, mean, deviation)

    @property
    def width(self) -> int:
        """The number of visible columns."""
        return self.columns * max(1, self.colours)

    def units(self) -> Units:
        """Return a new visible row."""
        if self.colours:
            return Potts(self.columns, self.colours)
        kinds: dict[str, Callable[[int], Units]] = {"bernoulli": Bernoulli, "spin": Spin, "gaussian": Gaussian}
        return kinds[self.visible](self.columns)

    def encode(self, v: Tensor) -> Tensor:
        """Return states, (rows, width), from the float rows that ``data`` gives."""
        if self.visible == "spin":
            return v if bool((v < 0).any()) else 2 * v - 1
        if self.visible == "gaussian":
            return (v - self.mean) / self.deviation
        return one_hot(v.long(), self.colours).float().flatten(-2) if self.colours else v

    def decode(self, x: Tensor) -> Tensor:
        """Return rows, (rows, columns), in the scale of the data from states or from their means."""
        if self.visible == "spin":
            return (x + 1) / 2
        if self.visible == "gaussian":
            return x * self.deviation + self.mean
        if self.colours:
            return x.unflatten(-1, (self.columns, self.colours)).argmax(-1) / (self.colours - 1)
        return x

    def rows(self, dataset: Dataset, *, sharp: bool = False, generator: Generator | None = None) -> Tensor:
        """Return all rows of a data set as states.

        With ``sharp``, grey values that the run trained on as probabilities are drawn as bits: a likelihood of
        binary units means nothing else.
        """
        binarise = "sample" if sharp and self.blurred(dataset) else self.binarise
        return self.encode(dataset.tensor(binarise, generator=generator))

    def blurred(self, dataset: Dataset) -> bool:
        """Say whether the run trained binary units on grey values as they are."""
        return self.visible == "bernoulli" and self.binarise == "none" and dataset.kind == "grey"
