"""Fine-tuning a run: all layers together, by up-down or by back-propagation, into a run of its own."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from torch import Generator, Tensor, nn

from .. import storage
from ..data import steps_per_epoch
from ..errors import InputError
from ..machines import DBM, DBN, RBM, Machine
from ..training import Step, classifier_inputs, finetune_classifier, param_groups, to_sequential, updown
from .config import FinetuneConfig
from .directory import TUNING, Run
from .stages import FIGURES, Learner, Stage, gap_and_error

ORIGIN, NETWORK = "origin.safetensors", "network.safetensors"
RATES = {"updown": 0.05, "backprop": 0.001}


def begin(origin: Run, path: Path, tuning: FinetuneConfig, clear: Callable[[Path], None] | None = None) -> Run:
    """Make the directory of a fine-tuning of the run ``origin`` and return it; ``clear`` empties it first.

    Raises `InputError` where the method does not fit the model or the data, before anything is written.
    """
    model, train = origin.machine(), origin.dataset("train")
    if tuning.method == "updown" and not isinstance(model, DBN):
        kind = type(model).__name__
        raise InputError(f"--method updown is for a dbn and {origin.path} holds a {kind}: pass --method backprop")
    if tuning.method == "backprop" and not isinstance(model, RBM | DBN | DBM):
        raise InputError(f"--method backprop needs layers, and {origin.path} holds a {type(model).__name__}")
    if tuning.method == "backprop" and train.labels is None:
        raise InputError(f"{origin.source} holds no labels: backprop has nothing to learn")
    words = {
        "steps": tuning.epochs * steps_per_epoch(len(train), origin.config.batch),
        "schedule": tuning.schedule,
        "seed": tuning.seed,
        "lr": tuning.lr or RATES[tuning.method],
        "labels": tuning.method == "backprop" or origin.config.labels,
    }
    if isinstance(model, RBM | DBN | DBM) and tuning.method == "backprop":
        to_sequential(
            model, 2, generator=Generator()
        )  # so that what cannot be unrolled is told before anything is written
    if clear is not None:
        clear(path)
    run = Run.create(path, origin.source, origin.config.model_copy(update=words))
    run.file(TUNING).write_text(yaml.safe_dump(tuning.model_dump(exclude_none=True), sort_keys=False), encoding="utf-8")
    shutil.copyfile(origin.file("model.safetensors"), run.file(ORIGIN))
    return run


@dataclass
class UpDown(Learner):
    """The up-down algorithm on a network; chains start anew at each batch."""

    machine: DBN
    growth: tuple[int, ...]
    steps: int

    def loop(self, rows: Iterable[Tensor], start: int, generator: Generator) -> Iterator[Step]:
        """Train all layers."""
        return updown(
            self.machine, rows, self.optimizer, gibbs_steps=self.gibbs_steps, start=start, generator=generator
        )

    def gibbs_steps(self, step: int) -> int:
        """Return how many Gibbs steps the top's chain takes at a step."""
        return self.growth[min(len(self.growth) * step // self.steps, len(self.growth) - 1)]

    def figures(self, seen: Tensor, unseen: Tensor) -> dict[str, float | None]:
        """Return the gap between the bounds, and the reconstruction error."""
        gap, error = gap_and_error(self.machine, seen, unseen)
        return dict.fromkeys(FIGURES) | {"free_energy_gap": gap, "reconstruction_error": error}


@dataclass
class BackProp(Stage):
    """Back-propagation through the network of a model."""

    machine: nn.Sequential
    dropout: float

    def loop(self, rows: Iterable[Tensor], start: int, generator: Generator) -> Iterator[Step]:
        """Train the network on features, whose last columns are labels."""
        pairs = ((x[:, : -self.classes], x[:, -self.classes :].argmax(-1)) for x in rows)
        return finetune_classifier(
            self.machine, pairs, self.optimizer, dropout=self.dropout, start=start, generator=generator
        )

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(list(self.machine.parameters())[-1].shape[0])

    @property
    def weights(self) -> list[Tensor]:
        """Return the weights of the network."""
        return [p for p in self.machine.parameters() if p.ndim == 2]

    @torch.no_grad()
    def label_error(self, rows: Tensor) -> float | None:
        """Return the share of rows whose label the network misses."""
        found = self.machine(rows[:, : -self.classes]).argmax(-1)
        return float((found != rows[:, -self.classes :].argmax(-1)).double().mean())

    def figures(self, seen: Tensor, unseen: Tensor) -> dict[str, float | None]:
        """Return nothing: a classifier has no likelihood."""
        return dict.fromkeys(FIGURES)


class FinetunePlan:
    """The one stage of a fine-tuning."""

    def __init__(self, run: Run, tuning: FinetuneConfig, device: torch.device):
        self.config, self.coder, self.tuning, self.device = run.config, run.coder, tuning, device
        self.origin = storage.load(run.file(ORIGIN)).to(device)
        self.names = [self.tuning.method]

    def make(self, done: Sequence[nn.Module], rows: Tensor, chance: Generator) -> Stage:
        """Return the stage."""
        tuning, origin, lr, steps = self.tuning, self.origin, self.config.lr, self.config.steps
        assert lr is not None
        assert steps is not None
        if tuning.method == "updown":
            assert isinstance(origin, DBN)
            rates = param_groups(
                origin, generation=lr, recognition=tuning.recognition_lr or lr / 10, top=tuning.top_lr or 2 * lr
            )
            growth = tuple(map(int, tuning.gibbs_steps.split(",")))
            return UpDown(tuning.method, origin, lambda x: x, torch.optim.SGD(rates), growth, steps)
        assert isinstance(origin, RBM | DBN | DBM)
        origin.requires_grad_(False)
        seeded = Generator().manual_seed(tuning.seed)
        net = to_sequential(origin, self.coder.labels, generator=seeded).to(self.device)
        optimizer = torch.optim.Adam(net.parameters(), lr=lr)
        return BackProp(tuning.method, net, self.features, optimizer, tuning.dropout)

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """Return what the network sees of rows, their labels behind it."""
        width = self.coder.width
        return torch.cat([classifier_inputs(self.origin, x[:, :width]), x[:, width:]], -1)

    def model(self, machines: Sequence[nn.Module]) -> Machine | DBN:
        """Return the fine-tuned model; back-propagation leaves the model as it was."""
        last = machines[-1]
        return last if isinstance(last, DBN) else self.origin

    def save(self, home: Path, machines: Sequence[nn.Module]) -> None:
        """Write the model, and the network of back-propagation beside it."""
        storage.save(self.model(machines), home / "model.safetensors")
        if self.tuning.method == "backprop":
            storage.write_tensors(home / NETWORK, machines[-1].state_dict(), {"classes": self.coder.labels})


def classifier(run: Run) -> nn.Sequential | None:
    """Return the network of a run that was fine-tuned by back-propagation, or nothing."""
    if not run.file(NETWORK).is_file():
        return None
    tensors, facts = storage.read_tensors(run.file(NETWORK))
    model = run.machine()
    try:
        assert isinstance(model, RBM | DBN | DBM)
        net = to_sequential(model, int(facts["classes"]), generator=Generator())
        net.load_state_dict(tensors)
    except (AssertionError, KeyError, RuntimeError, ValueError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{run.file(NETWORK)} does not fit the model ({line}): fine-tune it again") from None
    return net
