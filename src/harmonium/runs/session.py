"""A training in progress: everything that a checkpoint holds, and the loop that moves it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor

from .. import evaluation
from ..data import batches, steps_per_epoch
from ..errors import InputError
from ..machines import RBM
from ..sampling import Contrastive, Exact, Fresh, Persistent, Sampler, run
from ..training import L1, L2, Centre, ClipNorm, Edit, Penalty, Sparsity, schedule, train
from ..units import Bernoulli
from .directory import Run

WATCHED = 200  # rows that the figures of an epoch are taken from
SHOWN = 32  # rows of a snapshot
SMALL = 2**12  # states of a hidden row that are few enough to sum after every epoch


@dataclass(frozen=True)
class Epoch:
    """The figures of one pass over the data; likelihoods in nats a row, of held-out rows."""

    epoch: int
    step: int
    seconds: float
    lr: float
    loss: float
    log_likelihood: float | None
    pseudo_likelihood: float | None
    free_energy_gap: float
    reconstruction_error: float
    stability: float
    weight_norm: float


class Session:
    """A run being trained: iterate over it for its steps, and save a checkpoint whenever.

    Two streams of random numbers, one for the order of the data and one for the chains, start from the seed; the state
    of the first at the beginning of an epoch and the number of steps since are enough to go on bit for bit.
    """

    def __init__(self, home: Run):
        self.home, self.config = home, home.config
        self.device = choose_device(self.config.device)
        self.rows, held_out = home.dataset("train"), home.dataset("valid")
        self.each = steps_per_epoch(len(self.rows), self.config.batch)
        self.order = Generator(self.device).manual_seed(2 * self.config.seed)
        self.chance = Generator(self.device).manual_seed(2 * self.config.seed + 1)
        self.machine = self._machine()
        self.sampler = self._sampler().to(self.device)
        self.optimizer = self._optimizer()
        self.edits, self.penalties = self._edits(), self._penalties()
        self.step, self.seconds = 0, 0.0
        self.epoch_start = self.order.get_state()
        self.history: list[Epoch] = []
        watched = Generator().manual_seed(0)
        coder = home.coder
        self.seen = coder.rows(self.rows.take(WATCHED), sharp=True, generator=watched).to(self.device)
        self.unseen = coder.rows(held_out.take(WATCHED), sharp=True, generator=watched).to(self.device)

    def _machine(self) -> RBM:
        seeded = Generator().manual_seed(self.config.seed)
        machine = RBM(self.home.coder.units(), Bernoulli(self.config.hidden), generator=seeded)
        machine.match(self.home.coder.rows(self.rows, generator=seeded))
        return machine.to(self.device)

    def _sampler(self) -> Sampler:
        config = self.config
        if config.sampler == "persistent":
            assert config.chains is not None
            return Persistent(self._some_rows(config.chains), config.sweeps)
        if config.sampler == "exact":
            return Exact(config.chains)
        return Contrastive(config.sweeps) if config.sampler == "contrastive" else Fresh(config.chains, config.sweeps)

    def _some_rows(self, count: int) -> Tensor:
        """Return training rows drawn with replacement: where persistent chains start."""
        drawn = torch.randint(len(self.rows), (count,), generator=self.chance, device=self.device).cpu().numpy()
        chosen = replace(self.rows, rows=self.rows.rows[drawn], labels=None)
        seeded = Generator().manual_seed(self.config.seed)
        return self.home.coder.rows(chosen, generator=seeded).to(self.device)

    def _optimizer(self) -> torch.optim.Optimizer:
        lr, momentum = self.config.lr, self.config.momentum
        assert lr is not None
        assert momentum is not None
        if self.config.optimizer == "adam":
            return torch.optim.Adam(self.machine.parameters(), lr=lr, betas=(momentum, 0.999))
        return torch.optim.SGD(self.machine.parameters(), lr=lr, momentum=momentum)

    def _edits(self) -> list[Edit]:
        edits: list[Edit] = [Centre().to(self.device)] if self.config.centre else []
        return edits + ([ClipNorm(self.config.clip)] if self.config.clip else [])

    def _penalties(self) -> list[Penalty]:
        config = self.config
        found: list[Penalty] = [L1(config.l1)] if config.l1 else []
        found += [L2(config.l2)] if config.l2 else []
        return found + ([Sparsity(config.sparsity)] if config.sparsity else [])

    @property
    def steps(self) -> int:
        """The number of steps of the whole run."""
        assert self.config.steps is not None
        return self.config.steps

    @property
    def epochs(self) -> int:
        """The number of passes over the data, the last perhaps not whole."""
        return -(-self.steps // self.each)

    def __iter__(self) -> Iterator[tuple[float, Epoch | None]]:
        """Train; yield the loss of every step, and the figures of the epoch where it ends one."""
        scheduler = schedule(self.optimizer, self.config.schedule, self.steps, done=self.step)
        loop = train(
            self.machine, self._feed(), self.sampler, self.optimizer,
            edits=self.edits, penalties=self.penalties, start=self.step, generator=self.chance,
        )  # fmt: skip
        total, before, since = 0.0, self._weights(), time.perf_counter()
        while self.step < self.steps:
            rate = self.optimizer.param_groups[0]["lr"]
            if self._ends_epoch(self.step + 1):
                before = self._weights()
            step = next(loop)
            scheduler.step()
            self.step += 1
            loss = float(step.loss)
            total += loss
            ended = None
            if self._ends_epoch(self.step):
                self.seconds += time.perf_counter() - since
                ended = self._figures(total / self.each, rate, before)
                self.history.append(ended)
                self.epoch_start = self.order.get_state()
                total, since = 0.0, time.perf_counter()
            yield loss, ended

    def _ends_epoch(self, step: int) -> bool:
        return step % self.each == 0 or step == self.steps

    def _weights(self) -> list[Tensor]:
        return [weight.detach().clone() for weight in self.machine.couplings()]

    def _feed(self) -> Iterator[Tensor]:
        """Return the batches of the run from where it stands."""
        self.order.set_state(self.epoch_start)
        feed = batches(
            self.rows, self.config.batch, binarise=self.config.binarise, generator=self.order, device=self.device
        )
        for _ in range(self.step % self.each):
            next(feed)
        return map(self.home.coder.encode, feed)

    def _figures(self, loss: float, rate: float, before: list[Tensor]) -> Epoch:
        machine, unseen = self.machine, self.unseen
        likelihood = pseudo = None
        if machine.odd.count <= SMALL:
            likelihood = evaluation.log_likelihood(machine, unseen, evaluation.log_partition(machine)).value
        elif machine.visible.count < float("inf"):
            pseudo = evaluation.pseudo_likelihood(machine, unseen)
        return Epoch(
            epoch=-(-self.step // self.each),
            step=self.step,
            seconds=round(self.seconds, 3),
            lr=rate,
            loss=loss,
            log_likelihood=likelihood,
            pseudo_likelihood=pseudo,
            free_energy_gap=evaluation.free_energy_gap(machine, self.seen, unseen),
            reconstruction_error=evaluation.reconstruction_error(machine, unseen),
            stability=evaluation.stability(before, self._weights()),
            weight_norm=evaluation.weight_norm(machine),
        )

    @torch.no_grad()
    def snapshot(self) -> None:
        """Write held-out rows, their reconstructions and the chains, as they are now, to ``snapshots/``."""
        shown, coder = self.unseen[:SHOWN], self.home.coder
        machine = self.machine
        if isinstance(self.sampler, Persistent):
            chains = self.sampler.chains[:SHOWN]
        else:
            fresh = Generator(self.device).manual_seed(self.config.seed)
            start = machine.fields_sample(len(shown), generator=fresh)
            chains = run(machine, start, 100, generator=fresh)
        smooth = machine.reconstruct(chains)
        pictures = {"data": shown, "reconstruction": machine.reconstruct(shown), "sample": smooth}
        folder = self.home.file("snapshots")
        folder.mkdir(exist_ok=True)
        arrays = {name: coder.decode(x.cpu()).numpy() for name, x in pictures.items()}
        np.savez_compressed(folder / f"{-(-self.step // self.each):05d}.npz", allow_pickle=False, **arrays)


def choose_device(word: str) -> torch.device:
    """Return the device of a word; ``auto`` is CUDA where there is one, else the processor.

    Raises `InputError` for a device that this machine has not.
    """
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    missing = (word.startswith("cuda") and not torch.cuda.is_available()) or (
        word == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise InputError(f"--device {word} was given and this machine has none: pass --device cpu")
    return torch.device(word)
