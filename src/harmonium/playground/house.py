"""What all tabs of a playground share: the model of the command, the training, and the reports."""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..fitting import Run, TrainConfig, Trainer
from ..fitting.checks import check_classes
from ..fitting.splits import Splits
from ..registry import DATASETS
from .asks import Settings
from .lesson import Lesson
from .subject import Subject, still

FIRST_STEPS = 4000  # updates of the machine that is made where the command names data; after 2000 it confuses digits
FIRST_HIDDEN = 100
FIRST_RATE = 0.3  # of bits, six times the rate of a training that takes its time
FEW = 500  # rows up to which kinds of them lie apart: plain chains would stay in one, and it alone would be finished
FROM_FEW: dict[str, Any] = {"sampler": "pt", "lr": 0.1, "l2": 0.002, "steps": 1500}
LOOK = 1.0  # seconds that the first picture is waited for before the machine learns, which would delay it
OFTEN = 0.25  # seconds between two looks at it while it learns


def is_data(at: str) -> bool:
    """Say whether what the command names are data, and not a run or a model file."""
    path = Path(at)
    return at in DATASETS or not ((path / "config.yaml").is_file() or path.suffix == ".safetensors")


class House:
    """The model that the command named, or a small one that learns its data at once; and the one training."""

    def __init__(self, at: str, ended: Callable[[BaseException], None], complain: Callable[[str], None]):
        self.at, self._ended, self.complain = at, ended, complain
        self.subject: Subject | None = None
        self.learning, self.closing = False, False
        self.lesson: Lesson | None = None
        self.reports: dict[str, Path] = {}
        self.looked_at = threading.Event()
        self.judging, self._door = threading.Lock(), threading.Lock()
        self.judge = ThreadPoolExecutor(1, "judging")  # one thread: each that has judged keeps what it took of memory
        self._thread = threading.Thread(target=self._move_in, name="first model", daemon=True)
        self._thread.start()

    def _move_in(self) -> None:
        try:
            if is_data(self.at):
                self._learn()
            else:
                self.subject = Subject(Run.open(self.at))
                if self.subject.missing:
                    self.complain(f"note: there is nothing to train on: {self.subject.missing}")
        except Exception as error:
            self._ended(error)

    def _learn(self) -> None:
        """Train a small machine on the data, and show it before it learns and as it does."""
        trainer = Trainer(*first_settings(self.at))
        self.learning, self.subject = True, Subject(still(trainer))
        self.looked_at.wait(LOOK)
        shown = time.monotonic()
        for _ in trainer.steps():
            if self.closing:
                return
            if time.monotonic() - shown > OFTEN:
                self.subject, shown = Subject(still(trainer)), time.monotonic()
        self.subject, self.learning = Subject(still(trainer)), False

    def begin(self, settings: Settings, against: Settings | None, pace: float | None) -> Lesson:
        """Begin a training on the data of the command's model; raises `InputError` where one is going on."""
        with self._door:
            if self.lesson is not None and self.lesson.state in ("running", "paused"):
                raise InputError("a training is going on: stop it before another begins")
            if self.subject is None or self.subject.run.splits is None:
                raise InputError(
                    "there are no rows to train on: name a run with its data, or data, on the command line"
                )
            if self.lesson is not None:
                self.lesson.end()
                self.lesson = None
            self.lesson = Lesson(self.subject.run.splits.source, settings, against, pace)
            return self.lesson

    def stop(self) -> None:
        """End the training, and forget it unless it was saved."""
        with self._door:
            if self.lesson is not None:
                self.lesson.end()
                self.lesson = None

    def taught(self) -> Lesson:
        """Return the training; raises `InputError` where there is none."""
        if self.lesson is None:
            raise InputError("there is no training: begin one")
        return self.lesson

    def report(self, path: Path) -> str:
        """Return the address under which a report is shown from now on."""
        key = secrets.token_urlsafe(24)
        self.reports[key] = path
        return f"/report/{key}"

    def close(self) -> list[str]:
        """Save the training that is going on, end it, and return where it lies."""
        self.closing = True
        with self._door:
            lesson, self.lesson = self.lesson, None
        saved: list[str] = []
        if lesson is not None:
            if lesson.pupils and lesson.state != "failed":
                saved = lesson.ask(lesson.save)
            lesson.end()
        self._thread.join()
        self.judge.shutdown(wait=False, cancel_futures=True)
        return saved


def first_settings(at: str) -> tuple[TrainConfig, Splits]:
    """Return the settings of the small machine, and its rows; with labels, where these have some."""
    plain: dict[str, Any] = {"hidden": FIRST_HIDDEN, "steps": FIRST_STEPS, "figures_every": 10**6, "snapshots": "0"}
    plain["products"] = "dense"  # so that it begins at once: numba takes a second
    splits = Splits(at, TrainConfig(**plain))
    if splits.train.kind in ("binary", "gray"):
        plain |= {"lr": FIRST_RATE} if len(splits.train) > FEW else FROM_FEW
    try:
        check_classes(splits.train)
    except InputError:
        return TrainConfig(**plain), splits
    return TrainConfig(**plain, labels=True), splits
