"""How stored rows become states of the visible units, and how states become pictures again."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot as blocks

from ..data import Dataset, one_hot
from ..units import Bernoulli, Gaussian, Join, Potts, Spin, Units
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
    labels: int
    mean: Tensor
    deviation: Tensor

    @classmethod
    def fit(cls, config: Config, train: Dataset) -> "Coder":
        """Return the coder of a run; the training rows give means and deviations (1 for constant columns)."""
        mean, deviation = torch.zeros(()), torch.ones(())
        if config.visible == "gaussian":
            mean, deviation = (torch.from_numpy(found).float() for found in train.moments())
            deviation = torch.where(deviation > 0, deviation, 1.0)
        labels = max(2, int(train.labels.max()) + 1) if config.labels and train.labels is not None else 0
        return cls(config.visible, config.binarise, train.width, config.colours, labels, mean, deviation)

    @property
    def width(self) -> int:
        """The number of visible columns, labels not counted."""
        return self.columns * max(1, self.colours)

    def units(self) -> Units:
        """Return a new visible row, without labels."""
        if self.colours:
            return Potts(self.columns, self.colours)
        kinds: dict[str, Callable[[int], Units]] = {"bernoulli": Bernoulli, "spin": Spin, "gaussian": Gaussian}
        return kinds[self.visible](self.columns)

    def beside(self, units: Units) -> Units:
        """Return the units with a label beside them, where the run has labels."""
        return Join(units, Potts(1, self.labels)) if self.labels else units

    def encode(self, x: Tensor) -> Tensor:
        """Return states, (rows, width), from the float rows that ``data`` gives; label columns stay behind them."""
        if x.shape[-1] > self.columns:
            return torch.cat([self.encode(x[..., : self.columns]), x[..., self.columns :]], -1)
        v = x
        if self.visible == "spin":
            return v if bool((v < 0).any()) else 2 * v - 1
        if self.visible == "gaussian":
            return (v - self.mean) / self.deviation
        return blocks(v.long(), self.colours).float().flatten(-2) if self.colours else v

    def decode(self, x: Tensor) -> Tensor:
        """Return rows, (rows, columns), in the scale of the data from states or from their means, labels left out."""
        x = x[..., : self.width]
        if self.visible == "spin":
            return (x + 1) / 2
        if self.visible == "gaussian":
            return x * self.deviation + self.mean
        if self.colours:
            return x.unflatten(-1, (self.columns, self.colours)).argmax(-1) / (self.colours - 1)
        return x

    def rows(
        self, dataset: Dataset, *, sharp: bool = False, labelled: bool = False, generator: Generator | None = None
    ) -> Tensor:
        """Return all rows of a data set as states; ``labelled``: with their labels, where the run has labels.

        With ``sharp``, grey values that the run trained on as probabilities are drawn as bits: a likelihood of
        binary units means nothing else.
        """
        binarise = "sample" if sharp and self.blurred(dataset) else self.binarise
        x = self.encode(dataset.tensor(binarise, generator=generator))
        return torch.cat([x, one_hot(dataset, self.labels)], -1) if labelled else x

    def blurred(self, dataset: Dataset) -> bool:
        """Say whether the run trained binary units on grey values as they are."""
        return self.visible == "bernoulli" and self.binarise == "none" and dataset.kind == "grey"
