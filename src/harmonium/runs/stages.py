"""What a run trains, one after the other: a machine, what it sees of a row, and all that moves with it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from .. import evaluation, storage
from ..machines import DBM, DBN, RBM, BoltzmannMachine, DoubledRBM, Machine
from ..numerics import distributed, integers
from ..sampling import CD, PCD, ExactSampler, NaiveMCMC, ParallelTempering, Sampler, TrajectoryTempering
from ..training import (
    L1,
    L2,
    CenterGradient,
    ClipGradNorm,
    GradientTransform,
    HybridLoss,
    Penalty,
    Rollback,
    SparsityPenalty,
    Step,
    train,
)
from ..units import Bernoulli
from .coding import Encoder
from .config import TrainConfig

Encode = Callable[[Tensor], Tensor]
SMALL = 2**12  # states that are few enough to sum after every epoch
WATCHED = 100  # chains whose drift is measured
GIBBS_STEPS = 10  # of mean field or of clamped chains, at most, in the positive phase
FIGURES = (
    "log_likelihood", "pseudo_likelihood", "mean_field_change", "free_energy_drift", "free_energy_gap",
    "reconstruction_error",
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
    def weights(self) -> list[Tensor]:
        """Return the weights that are being trained."""

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
    """A generative model in training, which tells its own couplings and labels."""

    machine: Machine | DBN

    @property
    def weights(self) -> list[Tensor]:
        """Return the model's couplings."""
        return self.machine.weights

    @torch.no_grad()
    def label_error(self, rows: Tensor) -> float | None:
        """Return the share of rows, labels last, whose label has not the highest score; nothing without labels."""
        labels = self.machine.labels
        if not labels:
            return None
        found = evaluation.class_log_probs(self.machine, rows[:, :-labels]).argmax(-1)
        return float((found != rows[:, -labels:].argmax(-1)).double().mean())


@dataclass
class Generative(Learner):
    """A machine that climbs its likelihood or bound."""

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
        machine = self.machine
        likelihood = pseudo = None
        if evaluation.n_enumerated_states(machine) <= SMALL:
            likelihood = evaluation.log_likelihood(machine, unseen, evaluation.log_partition(machine)).value
        elif isinstance(self.sampler, TrajectoryTempering):
            log_z = evaluation.Estimate(*self.sampler.log_partition(machine), "bennett")
            likelihood = evaluation.log_likelihood(machine, unseen, log_z).value
        elif not machine.latent and machine.visible.count < float("inf"):
            pseudo = evaluation.pseudo_likelihood(machine, unseen)
        change = machine.mean_field(unseen).change if machine.latent else None
        chains = self.chains()
        drift = None if chains is None else evaluation.free_energy_drift(machine, chains[:WATCHED])
        gap, error = gap_and_error(machine, seen, unseen)
        return dict(zip(FIGURES, (likelihood, pseudo, change, drift, gap, error), strict=True))

    def chains(self) -> Tensor | None:
        """Return the states of persistent chains, of all processes."""
        if isinstance(self.sampler, ParallelTempering):
            return self.sampler.top
        if isinstance(self.sampler, TrajectoryTempering):
            return self.sampler.chains
        return distributed.whole(self.sampler.chains) if isinstance(self.sampler, PCD) else None

    def modules(self) -> dict[str, nn.Module]:
        """Return the machine, the sampler and the edits."""
        transforms = {f"edit{i}": transform for i, transform in enumerate(self.transforms)}
        return {"machine": self.machine, "sampler": self.sampler, **transforms}


def gap_and_error(model: Machine | DBN, seen: Tensor, unseen: Tensor) -> tuple[float, float]:
    """Return the free-energy gap and the reconstruction error of held-out rows."""
    return evaluation.free_energy_gap(model, seen, unseen), evaluation.reconstruction_error(model, unseen)


class Plan:
    """The stages of a training, each made when the one before it is done."""

    def __init__(self, config: TrainConfig, coder: Encoder, device: torch.device):
        self.config, self.coder, self.device = config, coder, device
        one_by_one = config.model == "dbn" or config.pretrain
        self.names = [f"layer {i + 1}" for i in range(len(config.layers) if one_by_one else 0)]
        self.names += ["" if config.model in ("rbm", "boltzmann") else "joint"] if config.model != "dbn" else []

    def make(self, done: Sequence[nn.Module], rows: Tensor, chance: Generator) -> Stage:
        """Return the next stage after the machines that are ``done``.

        The ``rows``, of training, label columns last, set its first biases, and its persistent chains start at them.
        """
        config, encode = self.config, self.encoder(done)
        seen = encode(rows)
        machine = self.machine(done, seen)
        sampler = self.sampler(machine, seen, chance)
        plain = not isinstance(machine, DoubledRBM)  # whose biases have gradients of another scale
        transforms: list[GradientTransform] = [CenterGradient().to(self.device)] if config.center and plain else []
        transforms += [ClipGradNorm(config.clip)] if config.clip else []
        climber = optimizer(machine, config)
        transforms += [Rollback(sampler, climber)] if isinstance(sampler, TrajectoryTempering) else []
        return Generative(self.names[len(done)], machine, encode, climber, sampler, transforms, self.penalties(machine))

    def encoder(self, done: Sequence[nn.Module]) -> Encode:
        """Return what takes a row to what the next machine sees: the means of the layers that are done."""
        last, belief = len(done) == len(self.names) - 1, self.config.model == "dbn"
        below = [] if last and not belief else done

        @torch.no_grad()
        def encode(x: Tensor) -> Tensor:
            v, label = (x[..., : self.coder.width], x[..., self.coder.width :]) if belief else (x, x[..., :0])
            for machine in below:
                assert isinstance(machine, RBM)
                v = machine.hidden.mean(machine.up(v))
            return torch.cat([v, label], -1) if last else v

        return encode

    def machine(self, done: Sequence[nn.Module], seen: Tensor) -> Machine:
        """Return the next machine, its visible biases matched to what it will see."""
        config, k = self.config, len(done)
        seeded = Generator().manual_seed(config.seed + 1_000_000 * k)
        if self.names[k] == "joint" and done:
            return DBM.stack([half for half in done if isinstance(half, DoubledRBM)], infer_steps=GIBBS_STEPS)
        last = k == len(self.names) - 1
        visible = Bernoulli(config.layers[k - 1]) if k else self.coder.units()
        if (k == 0 and config.model != "dbn") or (last and config.model == "dbn"):
            visible = self.coder.beside(visible)
        rows = [Bernoulli(width) for width in config.layers]
        if config.model == "boltzmann":
            made: Machine = BoltzmannMachine(
                visible, rows[0] if rows else None, infer_steps=GIBBS_STEPS, generator=seeded
            )
        elif self.names[k] == "joint":
            made = DBM(visible, *rows, infer_steps=GIBBS_STEPS, generator=seeded)
        elif config.model == "dbm":
            made = DoubledRBM(visible, rows[k], 2 if k < len(rows) - 1 else 1, 2 if k else 1, generator=seeded)
        else:
            made = RBM(visible, rows[k], generator=seeded)
        return made.to(self.device).init_from_data(seen)

    def sampler(self, machine: Machine, seen: Tensor, chance: Generator) -> Sampler:
        """Return the source of negative states; persistent chains start at training rows, tempered ones at the base."""
        config = self.config
        if config.sampler == "pcd":
            drawn = integers(len(seen), config.chains or config.batch, generator=chance)
            chains = machine.infer(seen[drawn], generator=chance)
            return PCD(distributed.own(chains), config.gibbs_steps).to(self.device)
        if config.sampler == "pt":
            replicas, start = (
                torch.linspace(0, 1, config.replicas, device=self.device),
                evaluation.ais_base(machine, seen),
            )
            return ParallelTempering(
                start, replicas, config.chains or config.batch, config.gibbs_steps, generator=chance
            )
        if config.sampler == "ptt":
            start = evaluation.ais_base(machine, seen)
            return TrajectoryTempering(
                start, machine, config.chains or config.batch, config.gibbs_steps, generator=chance
            )
        count = config.chains and config.chains // distributed.count()
        if config.sampler == "exact":
            return ExactSampler(count)
        return CD(config.gibbs_steps) if config.sampler == "cd" else NaiveMCMC(count, config.gibbs_steps)

    def penalties(self, machine: Machine) -> list[Penalty]:
        """Return the terms added to the loss."""
        config = self.config
        found: list[Penalty] = [L1(config.l1)] if config.l1 else []
        found += [L2(config.l2)] if config.l2 else []
        found += [HybridLoss(config.discriminative)] if config.discriminative and machine.labels else []
        return found + ([SparsityPenalty(config.sparsity)] if config.sparsity else [])

    def save(self, home: Path, machines: Sequence[nn.Module]) -> None:
        """Write what the run has so far into its directory."""
        storage.save(self.model(machines), home / "model.safetensors")

    def model(self, machines: Sequence[nn.Module]) -> Machine | DBN:
        """Return what a run leaves behind: the network of all layers, or the last machine."""
        if self.config.model != "dbn":
            assert isinstance(machines[-1], Machine)
            return machines[-1]
        return DBN.stack([machine for machine in machines if isinstance(machine, RBM)])


def optimizer(machine: nn.Module, config: TrainConfig) -> Optimizer:
    """Return the optimizer that the settings ask for."""
    assert config.lr is not None
    assert config.momentum is not None
    if config.optimizer == "adam":
        return torch.optim.Adam(machine.parameters(), lr=config.lr, betas=(config.momentum, 0.999))
    return torch.optim.SGD(machine.parameters(), lr=config.lr, momentum=config.momentum)
