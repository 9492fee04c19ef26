"""How stored rows become states of the visible units, and how states become pictures again."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot as blocks

from ..data import Dataset, one_hot
from ..units import Bernoulli, Concat, Gaussian, Potts, Spin, Units
from .config import TrainConfig


@dataclass(frozen=True)
class Encoder:
    """The map from rows to states of one kind of visible units.

    Gaussian units see each column with the mean and deviation of the training rows taken out; spins see 0 and 1 as
    −1 and +1; potts units see a whole number as a one-hot block.
    """

    visible: str
    binarize: str
    columns: int
    n_states: int
    labels: int
    mean: Tensor
    deviation: Tensor

    @classmethod
    def fit(cls, config: TrainConfig, train: Dataset) -> "Encoder":
        """Return the coder of a run; the training rows give means and deviations (1 for constant columns)."""
        mean, deviation = torch.zeros(()), torch.ones(())
        if config.visible == "gaussian":
            mean, deviation = (torch.from_numpy(found).float() for found in train.moments())
            deviation = torch.where(deviation > 0, deviation, 1.0)
        labels = max(2, int(train.labels.max()) + 1) if config.labels and train.labels is not None else 0
        return cls(config.visible, config.binarize, train.width, config.n_states, labels, mean, deviation)

    @property
    def width(self) -> int:
        """The number of visible columns, labels not counted."""
        return self.columns * max(1, self.n_states)

    def units(self) -> Units:
        """Return a new visible row, without labels."""
        if self.n_states:
            return Potts(self.columns, self.n_states)
        kinds: dict[str, Callable[[int], Units]] = {"bernoulli": Bernoulli, "spin": Spin, "gaussian": Gaussian}
        return kinds[self.visible](self.columns)

    def beside(self, units: Units) -> Units:
        """Return the units with a label beside them, where the run has labels."""
        return Concat(units, Potts(1, self.labels)) if self.labels else units

    def encode(self, x: Tensor) -> Tensor:
        """Return states, (rows, width), from the float rows that ``data`` gives; label columns stay behind them."""
        if x.shape[-1] > self.columns:
            return torch.cat([self.encode(x[..., : self.columns]), x[..., self.columns :]], -1)
        v = x
        if self.visible == "spin":
            return v if bool((v < 0).any()) else 2 * v - 1
        if self.visible == "gaussian":
            return (v - self.mean) / self.deviation
        return blocks(v.long(), self.n_states).float().flatten(-2) if self.n_states else v

    def decode(self, x: Tensor) -> Tensor:
        """Return rows, (rows, columns), in the scale of the data from states or from their means, labels left out."""
        x = x[..., : self.width]
        if self.visible == "spin":
            return (x + 1) / 2
        if self.visible == "gaussian":
            return x * self.deviation + self.mean
        if self.n_states:
            return x.unflatten(-1, (self.columns, self.n_states)).argmax(-1) / (self.n_states - 1)
        return x

    def rows(
        self, dataset: Dataset, *, sharp: bool = False, labeled: bool = False, generator: Generator | None = None
    ) -> Tensor:
        """Return all rows of a data set as states; ``labeled``: with their labels, where the run has labels.

        With ``sharp``, gray values that the run trained on as probabilities are drawn as bits: a likelihood of
        binary units means nothing else.
        """
        binarize = "sample" if sharp and self.blurred(dataset) else self.binarize
        x = self.encode(dataset.tensor(binarize, generator=generator))
        return torch.cat([x, one_hot(dataset, self.labels)], -1) if labeled else x

    def blurred(self, dataset: Dataset) -> bool:
        """Say whether the run trained binary units on gray values as they are."""
        return self.visible == "bernoulli" and self.binarize == "none" and dataset.kind == "gray"
