"""A training, or two side by side, in a thread of its own: what others want of it is done between two updates."""

import queue
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..errors import DivergenceError, InputError, SaveError
from ..fitting import TrainConfig, Trainer
from ..fitting.course import Update
from ..fitting.home import free_path
from ..fitting.live import change, keep
from ..machines import DBN, Machine
from ..sampling.gibbs import visible_rows
from .asks import Settings, Watch
from .lens import Lens
from .subject import SETTABLE, by_column, quantized, settings_of
from .wire import Answer

T = TypeVar("T")
RECENT = 0.5  # seconds over which the rate of updates is told
WAIT = 60  # seconds that an answer of the training is waited for
SHOWN_STEPS = 5  # Gibbs steps of the chains that are shown, between two pictures
BOUNDS = {"chains": 4096, "batch_size": 10_000, "gibbs_steps": 1000, "n_replicas": 64, "steps": 10**7, "epochs": 10**6}
WIDEST, DEEPEST = 4096, 8  # hidden units of a layer, and layers, at most


@dataclass
class Pupil:
    """One of the trainings: its trainer, its updates, and chains of its own that show what the model dreams of."""

    which: str
    trainer: Trainer
    updates: Generator[Update, None, None] | None = None
    loss: float = float("nan")
    chains: torch.Tensor | None = None
    chance: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def learn(self) -> bool:
        """Make one update; say whether there was one to make."""
        if self.updates is None:
            self.updates = self.trainer.steps()
        update = next(self.updates, None)
        self.loss = self.loss if update is None else update.loss
        return update is not None

    def rest(self) -> None:
        """Leave the loop of the updates, which keeps what was learned."""
        if self.updates is not None:
            self.updates.close()
            self.updates = None

    def facts(self, since: int) -> dict[str, Any]:
        """Return how far it is, and the figures of the epochs after one."""
        trainer = self.trainer
        return {
            "which": self.which,
            "step": trainer.step,
            "total": trainer.total_steps,
            "settings": settings_of(trainer.config),
            "history": [vars(epoch) for epoch in trainer.history[since:]],
            "loss": self.loss,
            "lr": max(group["lr"] for group in trainer.stage.optimizer.param_groups),
            "note": " ".join(trainer.remarks),
            "saved": str(trainer.home.path) if trainer.home else None,
        }

    @cached_property
    def lens(self) -> Lens:
        """How rows are seen."""
        return Lens.of(self.trainer.run)

    @torch.no_grad()
    def samples(self, count: int) -> Any:
        """Return the means of chains that go on in the model as it learns, as rows of the page."""
        model = self.trainer.model
        machine: Machine = model.top if isinstance(model, DBN) else model
        if self.chains is None or self.chains.shape != (count, machine.width):
            self.chains = machine.sample_independent(count, generator=self.chance)
        for _ in range(SHOWN_STEPS):
            self.chains, mean = machine.gibbs_with_means(self.chains, generator=self.chance)
        ((_, shown),) = visible_rows(model, [(self.chains, mean)], self.chance)
        return self.lens.fractions(shown)


class Lesson:
    """The training of the playground; there is one at a time."""

    def __init__(self, source: str, settings: Settings, against: Settings | None, pace: float | None):
        self.state, self.text, self.pace, self.rate = "running", "", pace, 0.0
        self.pupils: list[Pupil] = []
        self._wanted: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._gate, self._due, self._rested = threading.Lock(), time.monotonic(), 0.0
        self._thread = threading.Thread(target=self._work, name="training", daemon=True)
        self._thread.start()
        both = [settings] if against is None else [settings, {**settings, **against}]
        try:
            self.ask(lambda: self._begin(source, both))
        except BaseException:
            self.end()
            raise

    def _begin(self, source: str, both: list[Settings]) -> None:
        configs = [allowed(settings) for settings in both]
        trainers = [Trainer(config, source) for config in configs]
        self.pupils = [Pupil(which, trainer) for which, trainer in zip("ab", trainers, strict=False)]

    def ask(self, act: Callable[[], T], wait: float | None = WAIT) -> T:
        """Do something between two updates, in the thread of the training, and return what it returns."""
        asked: Future[T] = Future()
        with self._gate:
            if self.state == "ended":
                raise InputError("the training has ended: begin a new one")
            self._wanted.put((act, asked))
        return asked.result(wait)

    def _work(self) -> None:
        while self.state != "ended":
            self._answer()
            if self.state == "running" and self.pupils and time.monotonic() >= self._due:
                self._update()

    def _answer(self) -> None:
        """Do all that is wanted; where there is nothing to learn, wait for more."""
        wait = None if self.state != "running" or not self.pupils else max(0.0, self._due - time.monotonic())
        with suppress(queue.Empty):
            while self.state != "ended":
                act, asked = self._wanted.get(wait != 0.0, wait)
                wait = 0.0
                try:
                    asked.set_result(act())
                except BaseException as error:
                    asked.set_exception(error)

    def _update(self) -> None:
        began = time.monotonic()
        try:
            learning = [pupil.learn() for pupil in self.pupils]
        except Exception as error:  # the thread lives on, to tell it
            known = isinstance(error, DivergenceError | SaveError | InputError)
            self.state, self.text = "failed", str(error) if known else f"{type(error).__name__}: {error}"
            return
        now = time.monotonic()
        self._due = max(now, self._due + 1 / self.pace) if self.pace else now
        share = min(1.0, (now - began) / RECENT)
        self.rate += share * (1 / max(now - began, 1e-9) - self.rate)
        if not any(learning):
            self.state = "finished"

    # What is asked of it ----------------------------------------------------------------------------------------------

    def pupil(self, which: str) -> Pupil:
        """Return one of the trainings; raises `InputError` where there is none."""
        for pupil in self.pupils:
            if pupil.which == which:
                return pupil
        raise InputError(f"training {which} was given where there is only a: begin two with `against`")

    def pause(self) -> None:
        """Let it rest; its seconds stand still."""
        if self.state == "running":
            self.state, self._rested = "paused", time.perf_counter()

    def resume(self) -> None:
        """Let it go on."""
        if self.state == "paused":
            self.state, self._due = "running", time.monotonic()
            for pupil in self.pupils:
                pupil.trainer.seconds -= time.perf_counter() - self._rested if pupil.updates is not None else 0.0

    def set(self, which: str | None, settings: Settings, pace: float | None) -> None:
        """Change settings of one of the trainings, or of both."""
        if self.state not in ("running", "paused"):
            raise InputError(f"the training has {self.state}: begin a new one")
        self.pace = pace
        for pupil in self.pupils if which is None else [self.pupil(which)]:
            if settings:
                refuse_beyond(settings)
                pupil.rest()
                change(pupil.trainer, **settings)

    def save(self) -> list[str]:
        """Write every training as a run; return where they lie."""
        return [self._saved(pupil) for pupil in self.pupils]

    def _saved(self, pupil: Pupil) -> str:
        home = pupil.trainer.home
        kept = keep(pupil.trainer, home.path if home else free_path(pupil.trainer.splits.source))
        if pupil.updates is None or self.state == "finished":
            assert pupil.trainer.home is not None
            pupil.trainer.home.release()
        return str(kept)

    def path(self, which: str) -> Path:
        """Write one of the trainings as a run, and return where it lies."""
        return Path(self._saved(self.pupil(which)))

    def watch(self, ask: Watch) -> Answer:
        """Return the training as it is, with pictures where they are asked for."""
        arrays = {}
        for pupil in self.pupils:
            if ask.samples:
                arrays[f"samples_{pupil.which}"] = pupil.samples(ask.samples)
            if ask.fields:
                weight = pupil.trainer.model.receptive_fields()[0].detach()
                rows = weight[: pupil.trainer.encoder.width, : ask.fields].T
                found = quantized(by_column(pupil.trainer.encoder, rows))
                arrays[f"fields_{pupil.which}"], arrays[f"scale_{pupil.which}"] = found
        return self.facts(ask.since), arrays

    def facts(self, since: int = 0) -> dict[str, Any]:
        """Return how far it is."""
        models = [pupil.facts(since) for pupil in self.pupils]
        return {"state": self.state, "text": self.text, "models": models, "rate": self.rate, "pace": self.pace}

    def end(self) -> None:
        """End the thread."""
        with suppress(InputError):
            self.ask(self._end)
        self._thread.join(WAIT)

    def _end(self) -> None:
        for pupil in self.pupils:
            pupil.rest()
        with self._gate:
            self.state = "ended"
            while not self._wanted.empty():
                self._wanted.get()[1].set_exception(InputError("the training has ended: begin a new one"))


def allowed(settings: Settings) -> TrainConfig:
    """Return the settings of a training; raises `InputError` for one that the page may not give."""
    wrong = [name for name in settings if name not in SETTABLE]
    if wrong:
        raise InputError(f"{wrong[0]!r} is no setting of the playground: give {', '.join(SETTABLE)}")
    refuse_beyond(settings)
    words: dict[str, Any] = dict(settings)
    return TrainConfig(**words)


def refuse_beyond(settings: Settings) -> None:
    """Raise `InputError` for a number that would take more memory or time than a page may ask for."""
    for name, most in BOUNDS.items():
        given = settings.get(name)
        if isinstance(given, int | float) and given > most:
            raise InputError(f"{name} is {given} where the playground takes {most} at most: give fewer")
    layers = TrainConfig(hidden=str(settings["hidden"])).layers if "hidden" in settings else []
    if max(layers, default=0) > WIDEST or len(layers) > DEEPEST:
        raise InputError(f"the playground takes {DEEPEST} hidden layers of {WIDEST} units at most: give fewer")
