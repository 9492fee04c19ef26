"""What a run trains, one after the other: a machine, what it sees of a row, and all that moves with it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from .. import evaluation, storage
from ..machines import DBM, DBN, RBM, Boltzmann, Doubled, Machine
from ..numerics import shards
from ..sampling import Contrastive, Exact, Fresh, Persistent, Sampler, Tempered, Trajectory
from ..training import L1, L2, Centre, ClipNorm, Discriminative, Edit, Penalty, Retreat, Sparsity, Step, train
from ..units import Bernoulli
from .coding import Coder
from .config import Config

Encode = Callable[[Tensor], Tensor]
SMALL = 2**12  # states that are few enough to sum after every epoch
WATCHED = 100  # chains whose drift is measured
SWEEPS = 10  # of mean field or of clamped chains, at most, in the positive phase
FIGURES = (
    "log_likelihood", "pseudo_likelihood", "mean_field_change", "chain_drift", "free_energy_gap",
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

    @abstractmethod
    def couplings(self) -> list[Tensor]:
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

    def couplings(self) -> list[Tensor]:
        """Return the model's couplings."""
        return self.machine.couplings()

    @torch.no_grad()
    def label_error(self, rows: Tensor) -> float | None:
        """Return the share of rows, labels last, whose label has not the highest score; nothing without labels."""
        labels = self.machine.labels
        if not labels:
            return None
        found = evaluation.scores(self.machine, rows[:, :-labels]).argmax(-1)
        return float((found != rows[:, -labels:].argmax(-1)).double().mean())


@dataclass
class Generative(Learner):
    """A machine that climbs its likelihood or bound."""

    machine: Machine
    sampler: Sampler
    edits: list[Edit]
    penalties: list[Penalty]

    def loop(self, rows: Iterable[Tensor], start: int, generator: Generator) -> Iterator[Step]:
        """Train by the differences of free energies."""
        return train(
            self.machine, rows, self.sampler, self.optimizer,
            edits=self.edits, penalties=self.penalties, start=start, generator=generator,
        )  # fmt: skip

    def figures(self, seen: Tensor, unseen: Tensor) -> dict[str, float | None]:
        """Return the likelihood where it costs little, else the pseudo-likelihood, and the cheap figures."""
        machine = self.machine
        likelihood = pseudo = None
        if evaluation.listed(machine) <= SMALL:
            likelihood = evaluation.log_likelihood(machine, unseen, evaluation.log_partition(machine)).value
        elif isinstance(self.sampler, Trajectory):
            log_z = evaluation.Estimate(*self.sampler.log_partition(machine), "bennett")
            likelihood = evaluation.log_likelihood(machine, unseen, log_z).value
        elif not machine.latent and machine.visible.count < float("inf"):
            pseudo = evaluation.pseudo_likelihood(machine, unseen)
        change = machine.mean_field(unseen).change if machine.latent else None
        chains = self.chains()
        drift = None if chains is None else evaluation.chain_drift(machine, chains[:WATCHED])
        gap, error = gap_and_error(machine, seen, unseen)
        return dict(zip(FIGURES, (likelihood, pseudo, change, drift, gap, error), strict=True))

    def chains(self) -> Tensor | None:
        """Return the states of persistent chains, of all processes."""
        if isinstance(self.sampler, Tempered):
            return self.sampler.top
        if isinstance(self.sampler, Trajectory):
            return self.sampler.chains
        return shards.whole(self.sampler.chains) if isinstance(self.sampler, Persistent) else None

    def modules(self) -> dict[str, nn.Module]:
        """Return the machine, the sampler and the edits."""
        edits = {f"edit{i}": edit for i, edit in enumerate(self.edits)}
        return {"machine": self.machine, "sampler": self.sampler, **edits}


def gap_and_error(model: Machine | DBN, seen: Tensor, unseen: Tensor) -> tuple[float, float]:
    """Return the free-energy gap and the reconstruction error of held-out rows."""
    return evaluation.free_energy_gap(model, seen, unseen), evaluation.reconstruction_error(model, unseen)


class Plan:
    """The stages of a training, each made when the one before it is done."""

    def __init__(self, config: Config, coder: Coder, device: torch.device):
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
        plain = not isinstance(machine, Doubled)  # whose biases have gradients of another scale
        edits: list[Edit] = [Centre().to(self.device)] if config.centre and plain else []
        edits += [ClipNorm(config.clip)] if config.clip else []
        climber = optimizer(machine, config)
        edits += [Retreat(sampler, climber)] if isinstance(sampler, Trajectory) else []
        return Generative(self.names[len(done)], machine, encode, climber, sampler, edits, self.penalties(machine))

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
            return DBM.stack([half for half in done if isinstance(half, Doubled)], sweeps=SWEEPS)
        last = k == len(self.names) - 1
        visible = Bernoulli(config.layers[k - 1]) if k else self.coder.units()
        if (k == 0 and config.model != "dbn") or (last and config.model == "dbn"):
            visible = self.coder.beside(visible)
        rows = [Bernoulli(width) for width in config.layers]
        if config.model == "boltzmann":
            made: Machine = Boltzmann(visible, rows[0] if rows else None, sweeps=SWEEPS, generator=seeded)
        elif self.names[k] == "joint":
            made = DBM(visible, *rows, sweeps=SWEEPS, generator=seeded)
        elif config.model == "dbm":
            made = Doubled(visible, rows[k], 2 if k < len(rows) - 1 else 1, 2 if k else 1, generator=seeded)
        else:
            made = RBM(visible, rows[k], generator=seeded)
        return made.to(self.device).match(seen)

    def sampler(self, machine: Machine, seen: Tensor, chance: Generator) -> Sampler:
        """Return the source of negative states; persistent chains start at training rows, tempered ones at the base."""
        config = self.config
        if config.sampler == "persistent":
            drawn = torch.randint(len(seen), (config.chains or config.batch,), generator=chance, device=self.device)
            chains = machine.infer(seen[drawn], generator=chance)
            return Persistent(shards.own(chains), config.sweeps).to(self.device)
        if config.sampler == "tempered":
            rungs, start = torch.linspace(0, 1, config.rungs, device=self.device), evaluation.base(machine, seen)
            return Tempered(start, rungs, config.chains or config.batch, config.sweeps, generator=chance)
        if config.sampler == "trajectory":
            start = evaluation.base(machine, seen)
            return Trajectory(start, machine, config.chains or config.batch, config.sweeps, generator=chance)
        count = config.chains and config.chains // shards.count()
        if config.sampler == "exact":
            return Exact(count)
        return Contrastive(config.sweeps) if config.sampler == "contrastive" else Fresh(count, config.sweeps)

    def penalties(self, machine: Machine) -> list[Penalty]:
        """Return the terms added to the loss."""
        config = self.config
        found: list[Penalty] = [L1(config.l1)] if config.l1 else []
        found += [L2(config.l2)] if config.l2 else []
        found += [Discriminative(config.discriminative)] if config.discriminative and machine.labels else []
        return found + ([Sparsity(config.sparsity)] if config.sparsity else [])

    def save(self, home: Path, machines: Sequence[nn.Module]) -> None:
        """Write what the run has so far into its directory."""
        storage.save(self.model(machines), home / "model.safetensors")

    def model(self, machines: Sequence[nn.Module]) -> Machine | DBN:
        """Return what a run leaves behind: the network of all layers, or the last machine."""
        if self.config.model != "dbn":
            assert isinstance(machines[-1], Machine)
            return machines[-1]
        return DBN.stack([machine for machine in machines if isinstance(machine, RBM)])


def optimizer(machine: nn.Module, config: Config) -> Optimizer:
    """Return the optimiser that the settings ask for."""
    assert config.lr is not None
    assert config.momentum is not None
    if config.optimizer == "adam":
        return torch.optim.Adam(machine.parameters(), lr=config.lr, betas=(config.momentum, 0.999))
    return torch.optim.SGD(machine.parameters(), lr=config.lr, momentum=config.momentum)
