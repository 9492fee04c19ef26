"""What a run trains, one after the other: a model, what it sees of a row, and all that moves with it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from .. import evaluation
from ..machines import DBN, Machine
from ..sampling import Sampler, TrajectoryTempering
from ..training import (
    GradientTransform,
    Penalty,
    Step,
    finetune_classifier,
    train,
    updown,
)

Encode = Callable[[Tensor], Tensor]
SMALL = 2**12  # states that are few enough to sum after every epoch
WATCHED = 100  # chains whose drift is measured
SITES = 1000  # sites of a wider row that the pseudo-likelihood is taken from, always the same
FIGURES = (
    "log_likelihood", "pseudo_likelihood", "pseudo_likelihood_error", "mean_field_change", "free_energy_drift",
    "free_energy_gap", "reconstruction_error",
)  # fmt: skip


@dataclass
class Stage(ABC):
    """One model in training; ``encode`` takes a row of data, label columns last, to what the model sees of it."""

    name: str
    machine: nn.Module
    encode: Encode
    optimizer: Optimizer

    @abstractmethod
    def loop(self, rows: Iterable[Tensor], start: int, generator: Generator) -> Iterator[Step]:
        """Train on encoded rows, step by step."""

    @property
    @abstractmethod
    def weights(self) -> Sequence[Tensor]:
        """The weights that are being trained."""

    @abstractmethod
    def figures(self, seen: Tensor, unseen: Tensor) -> dict[str, float | None]:
        """Return what can be told of the model from encoded training rows and held-out ones: `FIGURES`."""

    @abstractmethod
    def label_error(self, rows: Tensor) -> float | None:
        """Return the share of encoded rows whose label the model misses, where it knows labels."""

    def chains(self) -> Tensor | None:
        """Return the states of persistent chains, where there are any."""
        return None

    def modules(self) -> dict[str, nn.Module]:
        """Return what has tensors to keep, by name."""
        return {"machine": self.machine}


@dataclass
class Learner(Stage):
    """A generative model in training, which tells its own weights and labels."""

    machine: Machine | DBN

    @property
    def weights(self) -> Sequence[Tensor]:
        """The model's weights."""
        return self.machine.weights

    @torch.no_grad()
    def label_error(self, rows: Tensor) -> float | None:
        """Return the share of rows, labels last, whose label has not the highest score; nothing without labels."""
        labels = self.machine.labels
        if not labels:
            return None
        found = evaluation.class_log_probs(self.machine, rows[:, :-labels]).argmax(-1)
        return float((found != rows[:, -labels:].argmax(-1)).double().mean())

    def gap_and_error(self, seen: Tensor, unseen: Tensor) -> dict[str, float | None]:
        """Return the free-energy gap and the reconstruction error of held-out rows."""
        return {
            "free_energy_gap": evaluation.free_energy_gap(self.machine, seen, unseen),
            "reconstruction_error": evaluation.reconstruction_error(self.machine, unseen),
        }


@dataclass
class Generative(Learner):
    """A machine that climbs its likelihood or its evidence lower bound (ELBO)."""

    machine: Machine
    sampler: Sampler
    transforms: list[GradientTransform]
    penalties: list[Penalty]

    def loop(self, rows: Iterable[Tensor], start: int, generator: Generator) -> Iterator[Step]:
        """Train by the differences of free energies."""
        return train(
            self.machine, rows, self.sampler, self.optimizer,
            transforms=self.transforms, penalties=self.penalties, start=start, generator=generator,
        )  # fmt: skip

    def figures(self, seen: Tensor, unseen: Tensor) -> dict[str, float | None]:
        """Return the likelihood where it costs little, else the pseudo-likelihood, and the cheap figures."""
        machine, chains = self.machine, self.chains()
        drift = None if chains is None else evaluation.free_energy_drift(machine, chains[:WATCHED])
        change = machine.mean_field(unseen).change if machine.latent else None
        found = {**dict.fromkeys(FIGURES), "mean_field_change": change, "free_energy_drift": drift}
        return found | self.likelihoods(unseen) | self.gap_and_error(seen, unseen)

    def likelihoods(self, unseen: Tensor) -> dict[str, float | None]:
        """Return the likelihood of held-out rows where it is exact or tracked, else their pseudo-likelihood if any."""
        machine = self.machine
        if evaluation.n_enumerated_states(machine) <= SMALL:
            log_z = evaluation.log_partition(machine)
        elif isinstance(self.sampler, TrajectoryTempering):
            log_z = evaluation.Estimate(*self.sampler.log_partition(machine), "bennett")
        elif not machine.latent and machine.visible.count < float("inf"):
            value, error = evaluation.sampled_pseudo_likelihood(machine, unseen, SITES, generator=0)
            return {"pseudo_likelihood": value, "pseudo_likelihood_error": error or None}
        else:
            return {}
        return {"log_likelihood": evaluation.log_likelihood(machine, unseen, log_z).value}

    def chains(self) -> Tensor | None:
        """Return the states of persistent chains, of all processes."""
        return self.sampler.last_chains()

    def modules(self) -> dict[str, nn.Module]:
        """Return the machine, the sampler and the transforms."""
        transforms = {f"transform{i}": transform for i, transform in enumerate(self.transforms)}
        return {"machine": self.machine, "sampler": self.sampler, **transforms}


@dataclass
class UpDown(Learner):
    """The up-down algorithm on a network; chains start anew at each batch."""

    machine: DBN
    growth: tuple[int, ...]
    steps: int

    def loop(self, rows: Iterable[Tensor], start: int, generator: Generator) -> Iterator[Step]:
        """Train all layers."""
        return updown(self.machine, rows, self.optimizer, gibbs_steps=self.k, start=start, generator=generator)

    def k(self, step: int) -> int:
        """Return how many Gibbs steps the top's chain takes at an update."""
        return self.growth[min(len(self.growth) * step // self.steps, len(self.growth) - 1)]

    def figures(self, seen: Tensor, unseen: Tensor) -> dict[str, float | None]:
        """Return the gap between the bounds, and the reconstruction error."""
        return dict.fromkeys(FIGURES) | self.gap_and_error(seen, unseen)


@dataclass
class Classifying(Stage):
    """Back-propagation through the network of a model."""

    machine: nn.Sequential
    dropout: float

    def loop(self, rows: Iterable[Tensor], start: int, generator: Generator) -> Iterator[Step]:
        """Train the network on its inputs, whose last columns are labels."""
        pairs = ((x[:, : -self.classes], x[:, -self.classes :].argmax(-1)) for x in rows)
        return finetune_classifier(
            self.machine, pairs, self.optimizer, dropout=self.dropout, start=start, generator=generator
        )

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(list(self.machine.parameters())[-1].shape[0])

    @property
    def weights(self) -> Sequence[Tensor]:
        """The weights of the network."""
        return [p for p in self.machine.parameters() if p.ndim == 2]

    @torch.no_grad()
    def label_error(self, rows: Tensor) -> float | None:
        """Return the share of rows whose label the network misses."""
        found = self.machine(rows[:, : -self.classes]).argmax(-1)
        return float((found != rows[:, -self.classes :].argmax(-1)).double().mean())

    def figures(self, seen: Tensor, unseen: Tensor) -> dict[str, float | None]:
        """Return nothing: a classifier has no likelihood."""
        return dict.fromkeys(FIGURES)
