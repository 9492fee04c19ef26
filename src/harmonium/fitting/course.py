"""The course of a training: its stages one after the other, update by update, and what is told after every epoch."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor, nn

from ..data import numbered_batches, one_pass, steps_per_epoch
from ..encoding import Encoder
from ..errors import InputError
from ..machines import DBN, Machine
from ..numerics import distributed, products
from ..training import schedule
from . import state
from .config import TrainConfig
from .figures import Epoch, Watch, figures_every
from .holes import Holes
from .plans import Plan
from .splits import Splits
from .stages import Stage

FIRST = 5_000  # rows that first biases and first chains are taken from


class Update(NamedTuple):
    """One update: its loss in nats, a tensor where that lies on a card, and the figures of the epoch that it ends."""

    scalar: float | Tensor
    epoch: Epoch | None

    @property
    def loss(self) -> float:
        """The loss in nats; a card is waited for."""
        return float(self.scalar)


class Course:
    """A training in memory: where it stands, and the updates that take it on.

    Two streams of random numbers, one for the order of the data and one for the chains, start from the seed; the state
    of the first at the beginning of an epoch and the number of updates since are enough to go on bit for bit.
    """

    def __init__(self, config: TrainConfig, splits: Splits, encoder: Encoder, plan: Plan, device: torch.device):
        self.config, self.splits, self.encoder, self.plan, self.device = config, splits, encoder, plan, device
        self.rows = splits.train
        self.each = steps_per_epoch(len(self.rows), config.batch_size)
        self.watch = Watch(encoder, splits, device)
        self.snapshots: dict[int, dict[str, np.ndarray]] = {}
        self.begin_again()

    def begin_again(self) -> None:
        """Forget what was learned: be where the training begins."""
        self.order = Generator(self.device).manual_seed(2 * self.config.seed)
        self.chance = Generator(self.device).manual_seed(2 * self.config.seed + 1)
        self.done: list[nn.Module] = []
        self.step, self.lapsed, self.seconds, self.ended = 0, 0, 0.0, False
        self.history: list[Epoch] = []
        self.holes = self._make_holes()
        self.stage = self._make_stage()
        self.stage_began = 0.0
        self.best: dict[str, Tensor] = {}
        self.epoch_start = self.order.get_state()

    @property
    def model(self) -> Machine | DBN:
        """What the training has so far: the machine, or the network of all layers."""
        return self.plan.model([*self.done, self.stage.machine])

    @property
    def lap(self) -> int:
        """The number of updates of one stage."""
        assert self.config.steps is not None
        return self.config.steps

    @property
    def total_steps(self) -> int:
        """The number of updates of the whole run, all stages together."""
        return self.lap * len(self.plan.names)

    @property
    def total_epochs(self) -> int:
        """The number of passes over the data, the last of each stage perhaps not whole."""
        return -(-self.lap // self.each) * len(self.plan.names)

    @property
    def shown(self) -> set[int]:
        """The epochs after which pictures are kept; 0 is the beginning.  None where no rows are held out."""
        if not self.splits.held_out:
            return set()
        if self.config.snapshots is None:
            return {0, 1, (self.total_epochs + 1) // 2, self.total_epochs}
        return set(map(int, self.config.snapshots.split(",")))

    @property
    def finished(self) -> bool:
        """Whether all is learned."""
        return len(self.done) == len(self.plan.names) - 1 and (self.ended or self.lapsed >= self.lap)

    def updates(self) -> Iterator[Update]:
        """Train from where it stands to the end, stage after stage; give every update."""
        while not self.finished:
            if self.ended or self.lapsed >= self.lap:
                self.advance()
            yield from self._run_stage()

    def advance(self) -> None:
        """Begin the next stage."""
        self.done.append(self.stage.machine)
        self.lapsed, self.ended, self.best, self.stage_began = 0, False, {}, self.seconds
        self.stage = self._make_stage()

    def _run_stage(self) -> Iterator[Update]:
        stage = self.stage
        scheduler = schedule(stage.optimizer, self.config.schedule, self.lap, done=self.lapsed)
        loop = stage.loop(self._feed(), self.step, self.chance)
        total: float | Tensor = 0.0
        before, since = self._weights(), time.perf_counter()
        while self.lapsed < self.lap and not self.ended:
            rate = stage.optimizer.param_groups[0]["lr"]
            if self._ends_epoch(self.lapsed + 1):
                before = self._weights()
            with products(self.config.precision, self.device, self.config.products), distributed.split():
                update = next(loop)
            scheduler.step()
            self.step, self.lapsed = self.step + 1, self.lapsed + 1
            loss = update.loss.double() if update.loss.is_cuda else float(update.loss)  # a card is not waited for
            total, epoch = total + loss, None
            out_of_time = self._out_of_time(time.perf_counter() - since)
            if self._ends_epoch(self.lapsed) or out_of_time:
                self.seconds += time.perf_counter() - since
                self.ended = self.ended or out_of_time
                epoch = self._end_epoch(float(total) / self.each, rate, before)
                total, since = 0.0, time.perf_counter()
            yield Update(loss, epoch)

    def _end_epoch(self, loss: float, rate: float, before: list[Tensor]) -> Epoch:
        number, last = len(self.history) + 1, self.ended or self.lapsed == self.lap
        told = {"epoch": number, "stage": len(self.done) + 1, "step": self.step, "lr": rate, "loss": loss}
        state.refuse_infinite(self.step, state.of_stage(self.stage))
        watched = self.splits.held_out
        shown = watched and (number in self.shown or (last and self.config.snapshots is None))
        due = last or number == 1 or -(-self.lapsed // self.each) % self._figures_every() == 0
        measured = shown or (watched and due)
        epoch = self.watch.figures(self.stage, before, measured, seconds=round(self.seconds, 3), **told)
        self.history.append(epoch)
        self.epoch_start = self.order.get_state()
        if measured:
            self._keep_best(epoch)
        if shown or (watched and self.ended and self.config.snapshots is None):
            self.snapshot()
        return epoch

    def _figures_every(self) -> int:
        config, weights = self.config, sum(weight.numel() for weight in self.stage.weights)
        return config.figures_every or figures_every(self.each, self.lap, config.batch_size * weights, config.patience)

    def _ends_epoch(self, lapsed: int) -> bool:
        return lapsed % self.each == 0 or lapsed == self.lap

    def _out_of_time(self, running: float) -> bool:
        if self.config.max_time is None:
            return False
        spent, share = self.seconds + running - self.stage_began, self.config.max_time / len(self.plan.names)
        return bool(distributed.largest(spent >= share)[0])

    def _keep_best(self, epoch: Epoch) -> None:
        """Remember the best state of the stage, and take it back when it was not bettered for long enough."""
        if self.config.patience is None:
            return
        if epoch.score is None:
            raise InputError(
                "--patience looks at a likelihood or pseudo-likelihood of held-out rows, and this model tells neither "
                "while it learns: leave it out, or pass --max-time"
            )
        own = [one for one in self.history if one.stage == epoch.stage]
        best = max(own, key=lambda one: -np.inf if one.score is None else one.score)
        if best is epoch:
            self.best = {name: value.clone() for name, value in state.of_stage(self.stage).items()}
        if best.epoch + self.config.patience <= epoch.epoch or self.lapsed == self.lap:
            state.fill_stage(self.stage, {name: x.clone() for name, x in self.best.items()})
            self.ended = True

    def _weights(self) -> list[Tensor]:
        return [weight.detach().clone() for weight in self.stage.weights]

    def _feed(self) -> Iterator[Tensor]:
        """Return what the stage sees of the run's batches, from where it stands."""
        self.order.set_state(self.epoch_start)
        feed = numbered_batches(
            self.rows, self.config.batch_size, binarize=self.encoder.binarize, labels=self.encoder.labels,
            generator=self.order, device=self.device,
        )  # fmt: skip
        for _ in range(self.lapsed % self.each):
            next(feed)
        for order, x in feed:
            v = self.encoder.encode(distributed.own(x))
            yield self.stage.encode(v if self.holes is None else self._completed(v, distributed.own(order)))

    def _completed(self, v: Tensor, order: Tensor) -> Tensor:
        """Return rows with their holes drawn by the machine, where it sees them, else as they were drawn last."""
        assert self.holes is not None
        machine = self.stage.machine
        if isinstance(machine, Machine) and self.plan.sees_rows(self.done):
            return self.holes.draw(machine, v, order, generator=self.chance)
        return self.holes.known(v, order)

    def _make_holes(self) -> Holes | None:
        holed = bool(self.encoder.holed(self.rows).any())
        fixed = Generator().manual_seed(self.config.seed)
        return Holes(self.encoder, self.rows, fixed, self.device) if holed else None

    def _make_stage(self) -> Stage:
        return self.plan.make(self.done, self.first_rows(), self.chance)

    def first_rows(self) -> Tensor:
        """Return the rows of training, labels behind them, that first biases and first chains are taken from."""
        seeded = Generator().manual_seed(self.config.seed)
        drawn = one_pass(len(self.rows), self.rows.weights, generator=seeded)[:FIRST].sort().values
        some = self.rows.select(drawn.numpy())
        rows = self.encoder.rows(some, labeled=True, generator=seeded).to(self.device)
        return rows if self.holes is None else self.holes.known(rows, drawn)

    def snapshot(self) -> None:
        """Keep held-out rows, their reconstructions and the chains, as they are now."""
        chains = self.stage.chains()  # of all processes
        if distributed.index():
            return
        arrays = self.watch.snapshot(self.model, chains, self.config.seed)
        self.snapshots[len(self.history)] = arrays
