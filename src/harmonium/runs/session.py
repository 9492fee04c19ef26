"""A training in progress: everything that a checkpoint holds, and the loop that moves it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn

from ..data import Dataset, batches, steps_per_epoch
from ..errors import InputError
from ..evaluation import static_weight_fraction, weight_norm
from ..machines import DBN, Machine
from ..numerics import distributed, permutation, products
from ..sampling import sample_chain
from ..training import schedule
from .directory import Run
from .stages import Stage

WATCHED = 200  # rows that the figures of an epoch are taken from
READ = 1000  # rows whose labels are read after every epoch
SHOWN = 32  # rows of a snapshot
FIRST = 5_000  # rows that first biases and first chains are taken from


@dataclass(frozen=True)
class Epoch:
    """The figures of one pass over the data; likelihoods in nats a row, of held-out rows.

    ``stage`` counts from 1 the machines that the run learns one after the other.  ``label_error`` is the share of
    held-out rows whose label is missed, ``mean_field_change`` the last move of the means in the positive phase,
    ``free_energy_drift`` that of the chains' free energy in 100 Gibbs steps, in standard errors.
    """

    epoch: int
    stage: int
    step: int
    seconds: float
    lr: float
    loss: float
    log_likelihood: float | None
    pseudo_likelihood: float | None
    label_error: float | None
    mean_field_change: float | None
    free_energy_drift: float | None
    free_energy_gap: float | None
    reconstruction_error: float | None
    static_weight_fraction: float
    weight_norm: float


class Session:
    """A run being trained: iterate over it for its steps, and save a checkpoint whenever.

    Two streams of random numbers, one for the order of the data and one for the chains, start from the seed; the state
    of the first at the beginning of an epoch and the number of steps since are enough to go on bit for bit.
    """

    def __init__(self, home: Run):
        self.home, self.config = home, home.config
        self.device = choose_device(self.config.device)
        self.rows = home.dataset("train")
        self.each = steps_per_epoch(len(self.rows), self.config.batch)
        self.order = Generator(self.device).manual_seed(2 * self.config.seed)
        self.chance = Generator(self.device).manual_seed(2 * self.config.seed + 1)
        held_out = home.dataset("valid").take(READ)
        self.seen, self.unseen = self._states(self.rows.take(WATCHED)), self._states(held_out)
        self.plan = home.plan(self.device)
        self.done: list[nn.Module] = []
        self.stage = self._make_stage()
        self.step, self.seconds = 0, 0.0
        self.epoch_start = self.order.get_state()
        self.history: list[Epoch] = []

    def _states(self, rows: Dataset) -> Tensor:
        """Return rows to watch, as sharp states with their labels."""
        watched = Generator().manual_seed(0)
        return self.home.coder.rows(rows, sharp=True, labeled=True, generator=watched).to(self.device)

    def _make_stage(self) -> Stage:
        seeded = Generator().manual_seed(self.config.seed)
        drawn = permutation(len(self.rows), generator=seeded)[:FIRST].sort().values
        some = self.rows.select(drawn.numpy())
        rows = self.home.coder.rows(some, labeled=True, generator=seeded).to(self.device)
        return self.plan.make(self.done, rows, self.chance)

    def advance(self) -> None:
        """Begin the next stage."""
        self.done.append(self.stage.machine)
        self.stage = self._make_stage()

    @property
    def machine(self) -> nn.Module:
        """The machine that is being trained."""
        return self.stage.machine

    @property
    def model(self) -> Machine | DBN:
        """What the run has so far: the machine, or the network of all layers."""
        return self.plan.model([*self.done, self.machine])

    @property
    def steps(self) -> int:
        """The number of steps of the whole run, all stages together."""
        return self.lap * len(self.plan.names)

    @property
    def lap(self) -> int:
        """The number of steps of one stage."""
        assert self.config.steps is not None
        return self.config.steps

    @property
    def epochs(self) -> int:
        """The number of passes over the data, the last of each stage perhaps not whole."""
        return -(-self.lap // self.each) * len(self.plan.names)

    @property
    def epoch(self) -> int:
        """The number of the epoch that the last step belongs to."""
        return len(self.done) * -(-self.lap // self.each) + -(-self._lapsed // self.each)

    @property
    def _lapsed(self) -> int:
        """The number of steps of this stage that are done."""
        return self.step - len(self.done) * self.lap

    def __iter__(self) -> Iterator[tuple[float, Epoch | None]]:
        """Train; yield the loss of every step, and the figures of the epoch where it ends one."""
        while self.step < self.steps:
            if self._lapsed == self.lap:
                self.advance()
            yield from self._run_stage()

    def _run_stage(self) -> Iterator[tuple[float, Epoch | None]]:
        stage = self.stage
        scheduler = schedule(stage.optimizer, self.config.schedule, self.lap, done=self._lapsed)
        loop = stage.loop(self._feed(), self.step, self.chance)
        total, before, since = 0.0, self._weights(), time.perf_counter()
        while self._lapsed < self.lap:
            rate = stage.optimizer.param_groups[0]["lr"]
            if self._ends_epoch(self._lapsed + 1):
                before = self._weights()
            with products(self.config.precision, self.device), distributed.split():
                step = next(loop)
            scheduler.step()
            self.step += 1
            loss = float(step.loss)
            total += loss
            ended = None
            if self._ends_epoch(self._lapsed):
                self.seconds += time.perf_counter() - since
                ended = self._figures(total / self.each, rate, before)
                self.history.append(ended)
                self.epoch_start = self.order.get_state()
                total, since = 0.0, time.perf_counter()
            yield loss, ended

    def _ends_epoch(self, lapsed: int) -> bool:
        return lapsed % self.each == 0 or lapsed == self.lap

    def _weights(self) -> list[Tensor]:
        return [weight.detach().clone() for weight in self.stage.weights]

    def _feed(self) -> Iterator[Tensor]:
        """Return what the stage sees of the run's batches, from where it stands."""
        self.order.set_state(self.epoch_start)
        coder = self.home.coder
        feed = batches(
            self.rows, self.config.batch, binarize=self.config.binarize, labels=coder.labels, generator=self.order,
            device=self.device,
        )  # fmt: skip
        for _ in range(self._lapsed % self.each):
            next(feed)
        return (self.stage.encode(coder.encode(distributed.own(x))) for x in feed)

    def _figures(self, loss: float, rate: float, before: list[Tensor]) -> Epoch:
        stage = self.stage
        seen, unseen = stage.encode(self.seen), stage.encode(self.unseen)
        return Epoch(
            epoch=self.epoch,
            stage=len(self.done) + 1,
            step=self.step,
            seconds=round(self.seconds, 3),
            lr=rate,
            loss=loss,
            label_error=stage.label_error(unseen),
            static_weight_fraction=static_weight_fraction(before, self._weights()),
            weight_norm=weight_norm(self.stage.weights),
            **stage.figures(seen, unseen[:WATCHED]),  # type: ignore[arg-type]
        )

    @torch.no_grad()
    def snapshot(self) -> None:
        """Write held-out rows, their reconstructions and the chains, as they are now, to ``snapshots/``."""
        chains = self.stage.chains()
        if distributed.index():
            return
        model, coder = self.model, self.home.coder
        shown = self.unseen[:SHOWN, : model.width]
        whole = model.infer(shown, generator=Generator(self.device).manual_seed(self.config.seed))
        if chains is None or chains.shape[-1] != model.width:
            fresh = Generator(self.device).manual_seed(self.config.seed)
            *_, (_, smooth) = sample_chain(model, len(shown), 100, generator=fresh)
        else:
            smooth = model.reconstruct(chains[:SHOWN])
        pictures = {"data": shown, "reconstruction": model.reconstruct(whole), "sample": smooth}
        folder = self.home.file("snapshots")
        folder.mkdir(exist_ok=True)
        arrays = {name: coder.decode(x.cpu()).numpy() for name, x in pictures.items()}
        np.savez_compressed(folder / f"{self.epoch:05d}.npz", allow_pickle=False, **arrays)


def choose_device(word: str) -> torch.device:
    """Return the device of a word; ``auto`` is CUDA where there is one, else the processor.

    Raises `InputError` for a device that this machine has not.
    """
    if word == "auto":
        word = "cuda" if torch.cuda.is_available() else "cpu"
    missing = (word.startswith("cuda") and not torch.cuda.is_available()) or (
        word == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise InputError(f"--device {word} was given and this machine has none: pass --device cpu")
    if word == "cuda" and distributed.count() > 1:
        return torch.device("cuda", distributed.index() % torch.cuda.device_count())
    return torch.device(word)
