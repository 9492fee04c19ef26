"""The stages of every kind of model: which machines a run learns one after the other, and what it leaves behind.

A new model is a subclass of `Plan` that makes its machine, and an entry of `registry.MODELS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from .. import storage
from ..encoding import Encoder, make_units
from ..errors import InputError
from ..machines import DBM, DBN, RBM, BoltzmannMachine, DoubledRBM, Machine
from ..registry import SAMPLERS
from ..sampling import Sampler, TrajectoryTempering
from ..training import (
    L1,
    L2,
    SGD,
    Adam,
    CenterGradient,
    ClipGradNorm,
    GradientTransform,
    HybridLoss,
    Penalty,
    Rollback,
    SparsityPenalty,
)
from ..units import Units
from . import model_file
from .config import TrainConfig
from .stages import Encode, Generative, Stage

if TYPE_CHECKING:
    from .run import Run

INFER_STEPS = 10  # of mean field or of clamped chains, at most, in the positive phase


class Plan(ABC):
    """The stages of a training, each made when the one before it is done."""

    words: str = "machine"
    """What the model is called in a report."""

    def __init__(self, config: TrainConfig, encoder: Encoder, device: torch.device, init: "Run | None" = None):
        self.config, self.encoder, self.device, self.init = config, encoder, device, init

    @property
    def names(self) -> list[str]:
        """The names of the stages; one without a name where there is one stage."""
        return [""]

    @abstractmethod
    def machine(self, done: Sequence[nn.Module], visible: Units, generator: Generator) -> Machine:
        """Return the next machine after those that are ``done``, on a visible row that has its labels beside it."""

    def rate(self, stage: int) -> float:
        """Return the learning rate that a stage starts from."""
        assert self.config.lr is not None
        return self.config.lr

    def hidden(self, layer: int) -> Units:
        """Return a new hidden row, 0 for the lowest."""
        return make_units(self.config.hidden_kind, self.config.layers[layer])

    def visible(self, stage: int) -> Units:
        """Return the visible row of a stage, with its labels."""
        return self.encoder.beside(self.encoder.units())

    def encode(self, done: Sequence[nn.Module]) -> Encode:
        """Return what takes a row, label columns last, to what the next machine sees."""
        return lambda x: x

    def sees_rows(self, done: Sequence[nn.Module]) -> bool:
        """Say whether the next machine sees the row itself, whatever labels it sees beside it."""
        return True

    def make(self, done: Sequence[nn.Module], rows: Tensor, chance: Generator) -> Stage:
        """Return the next stage after the machines that are ``done``.

        The ``rows``, of training, label columns last, set its first biases, and its persistent chains start at them.
        """
        config, encode = self.config, self.encode(done)
        seen = encode(rows)
        seeded = Generator().manual_seed(config.seed + 1_000_000 * len(done))
        machine = self.machine(done, self.visible(len(done)), seeded).to(self.device)
        if self.init is not None:
            copy_parameters(self.init.model, machine, self.init.name)
            kept = self.init.chains
            seen = seen if kept is None else kept[:, : machine.visible.width].to(self.device)
        elif len(done) == len(self.names) - 1 and config.init:
            copy_parameters(storage.read_model(model_file.find(config.init))[0], machine, f"--init {config.init}")
        elif config.match and (not isinstance(machine, DBM) or not done):
            machine.init_from_data(seen)
        sampler = self.sampler(machine, seen, chance)
        plain = not isinstance(machine, DoubledRBM)  # whose biases have gradients of another scale
        transforms: list[GradientTransform] = [CenterGradient().to(self.device)] if config.center and plain else []
        transforms += [ClipGradNorm(config.clip)] if config.clip else []
        climber = make_optimizer(machine, config, self.rate(len(done)))
        transforms += [Rollback(sampler, climber)] if isinstance(sampler, TrajectoryTempering) else []
        name, penalties = self.names[len(done)], self.penalties(machine)
        return Generative(name, machine, encode, climber, sampler, transforms, penalties)

    def sampler(self, machine: Machine, seen: Tensor, chance: Generator) -> Sampler:
        """Return the source of negative states; persistent chains start at training rows, tempered ones at the base."""
        config = self.config
        made: Sampler = SAMPLERS[config.sampler].make(
            machine,
            seen,
            k=config.gibbs_steps,
            chains=config.chains or config.batch_size,
            n_replicas=config.n_replicas,
            generator=chance,
        )
        return made.to(self.device)

    def penalties(self, machine: Machine) -> list[Penalty]:
        """Return the terms added to the loss."""
        config = self.config
        found: list[Penalty] = [L1(config.l1)] if config.l1 else []
        found += [L2(config.l2)] if config.l2 else []
        found += [HybridLoss(config.discriminative)] if config.discriminative and machine.labels else []
        return found + ([SparsityPenalty(config.sparsity, config.sparsity_strength)] if config.sparsity else [])

    def model(self, machines: Sequence[nn.Module]) -> Machine | DBN:
        """Return what a run leaves behind."""
        last = machines[-1]
        assert isinstance(last, Machine | DBN)
        return last


class RBMPlan(Plan):
    """One visible and one hidden row."""

    words = "restricted Boltzmann machine (RBM)"

    def machine(self, done: Sequence[nn.Module], visible: Units, generator: Generator) -> Machine:
        """Return the machine."""
        return RBM(visible, self.hidden(0), generator=generator)


class BoltzmannPlan(Plan):
    """Units that are all coupled."""

    words = "general Boltzmann machine"

    def machine(self, done: Sequence[nn.Module], visible: Units, generator: Generator) -> Machine:
        """Return the machine, which may have no hidden units."""
        hidden = self.hidden(0) if self.config.layers else None
        return BoltzmannMachine(visible, hidden, infer_steps=INFER_STEPS, generator=generator)


class LayerwisePlan(Plan):
    """Abstract: layers that are learned one by one, each on the means of the one below (greedy learning)."""

    @property
    def names(self) -> list[str]:
        """One stage a layer."""
        return [f"layer {i + 1}" for i in range(len(self.config.layers))]

    def rate(self, stage: int) -> float:
        """Return the learning rate of a layer, by the kind of the row below it."""
        return self.config.upper_lr if stage and self.config.upper_lr else super().rate(stage)

    def below(self, done: Sequence[nn.Module]) -> Sequence[nn.Module]:
        """Return the machines through whose means a row goes up."""
        return done

    def sees_rows(self, done: Sequence[nn.Module]) -> bool:
        """Say whether the next machine sees the row itself, and not the means of layers."""
        return not self.below(done)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the columns that go up, and those that are handed to the last machine."""
        return x, x[..., :0]

    def encode(self, done: Sequence[nn.Module]) -> Encode:
        """Return what takes a row to the means of the layers that are done."""
        last, below = len(done) == len(self.names) - 1, self.below(done)

        @torch.no_grad()
        def encode(x: Tensor) -> Tensor:
            v, label = self.split(x)
            for machine in below:
                assert isinstance(machine, RBM)
                v = machine.hidden.mean(machine.up(v))
            return torch.cat([v, label], -1) if last else v

        return encode


class DBNPlan(LayerwisePlan):
    """RBMs on each other's hidden means; labels stand beside the highest code."""

    words = "deep belief network (DBN)"

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the row and its label."""
        return x[..., : self.encoder.width], x[..., self.encoder.width :]

    def visible(self, stage: int) -> Units:
        """Return the row that the stage sees, with the labels in the last."""
        units = self.hidden(stage - 1) if stage else self.encoder.units()
        return self.encoder.beside(units) if stage == len(self.names) - 1 else units

    def machine(self, done: Sequence[nn.Module], visible: Units, generator: Generator) -> Machine:
        """Return the RBM of the next layer."""
        return RBM(visible, self.hidden(len(done)), generator=generator)

    def model(self, machines: Sequence[nn.Module]) -> Machine | DBN:
        """Return the network of all layers so far."""
        return DBN.stack([machine for machine in machines if isinstance(machine, RBM)])


class DBMPlan(LayerwisePlan):
    """All layers at once; before that, with ``pretrain``, pairs of layers with doubled inputs."""

    words = "deep Boltzmann machine (DBM)"

    @property
    def names(self) -> list[str]:
        """The layers, where they are learned first, and then all of them."""
        return [*(super().names if self.config.pretrain else []), "joint"]

    def rate(self, stage: int) -> float:
        """Return the learning rate of a pair of layers, or of all of them, which see the row itself."""
        return super().rate(stage if stage < len(self.names) - 1 else 0)

    def below(self, done: Sequence[nn.Module]) -> Sequence[nn.Module]:
        """Return nothing in the last stage, which sees the row itself."""
        return [] if len(done) == len(self.names) - 1 else done

    def visible(self, stage: int) -> Units:
        """Return the row that the stage sees, with the labels in the lowest."""
        joint = stage == len(self.names) - 1
        return self.hidden(stage - 1) if stage and not joint else super().visible(stage)

    def machine(self, done: Sequence[nn.Module], visible: Units, generator: Generator) -> Machine:
        """Return the next pair of layers, or the whole machine: of the pairs, where they were learned."""
        layers, k = self.config.layers, len(done)
        if k < len(self.names) - 1:
            return DoubledRBM(
                visible, self.hidden(k), 2 if k < len(layers) - 1 else 1, 2 if k else 1, generator=generator
            )
        if done:
            return DBM.stack([half for half in done if isinstance(half, DoubledRBM)], infer_steps=INFER_STEPS)
        hidden = [self.hidden(i) for i in range(len(layers))]
        return DBM(visible, *hidden, infer_steps=INFER_STEPS, generator=generator)

    def model(self, machines: Sequence[nn.Module]) -> Machine | DBN:
        """Return the machine, or before it is made the one of the pairs so far."""
        halves = [half for half in machines if isinstance(half, DoubledRBM)]
        made: Machine | DBN = (
            super().model(machines) if len(halves) < len(machines) else DBM.stack(halves, infer_steps=INFER_STEPS)
        )
        return made


def make_optimizer(machine: nn.Module, config: TrainConfig, lr: float) -> Optimizer:
    """Return the optimizer that the settings ask for."""
    assert config.momentum is not None
    if config.optimizer == "adam":
        return Adam(machine.parameters(), lr=lr, betas=(config.momentum, 0.999))
    return SGD(machine.parameters(), lr=lr, momentum=config.momentum)


def copy_parameters(other: nn.Module, machine: Machine, source: str) -> None:
    """Give a machine the parameters of a model of ``source``; raises `InputError` where that is of another make."""
    given, own = _shapes(other), _shapes(machine)
    if given != own:
        differs = next((name for name in {**own, **given} if own.get(name) != given.get(name)), "its kind")
        raise InputError(f"{source} holds a model of another make ({differs}): give the same model and sizes")
    machine.load_state_dict(other.state_dict())


def _shapes(model: nn.Module) -> dict[str, Any]:
    return {"kind": type(model), **{name: tuple(value.shape) for name, value in model.state_dict().items()}}
