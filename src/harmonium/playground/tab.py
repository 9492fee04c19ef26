"""One tab: what each of its messages does."""

import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import TimeoutError as Late
from typing import Any, TypeVar

from ..errors import DivergenceError, InputError, SaveError
from ..fitting import Run
from . import asks
from .dream import Dream
from .house import House
from .microscope import Slide
from .subject import Subject, still
from .wire import Answer, floats_of, pack

T = TypeVar("T")
LONGEST = 30.0  # seconds that judging may take


class Tab:
    """What one socket plays with: a subject, its chains, and a microscope."""

    def __init__(self, house: House):
        self.house = house
        self.of, self.dream, self.slide = "run", None, None  # type: str, Dream | None, Slide | None
        self.gone = False

    def reply(self, text: str) -> bytes:
        """Return the answer to a message: an error in one line where something does not fit."""
        n, kind = 0, "message"
        try:
            ask = asks.read(text)
            n, kind = ask.n, ask.type
            head, arrays = getattr(self, "_" + ask.type.replace(".", "_"))(ask)
            return pack({"type": head.pop("type", kind), "n": n, **head}, arrays)
        except (InputError, DivergenceError, SaveError) as error:
            n, told = n or asks.number(text), " ".join(str(error).split())
        except Late:
            told = "the training is busy for too long: ask again"
        except Exception as error:
            self.house.complain(f"an answer to {kind} failed: {type(error).__name__}: {' '.join(str(error).split())}")
            told = "this has failed: the line in which `harmonium play` runs says why"
        return pack({"type": "error", "n": n, "to": kind, "text": told}, {})

    # The model --------------------------------------------------------------------------------------------------------

    def _hello(self, ask: asks.Hello) -> Answer:
        return self._facts()

    def _model(self, ask: asks.Model) -> Answer:
        if ask.of == "run":
            subject = self.house.subject
        else:
            lesson = self.house.taught()
            subject = lesson.ask(lambda: Subject(still(lesson.pupil(ask.of).trainer)))
        self.of = ask.of
        if subject is not None:
            self._show(subject)
        return self._facts()

    def _show(self, subject: Subject) -> None:
        if self.dream is None:
            self.dream = Dream(subject, asks.Set(type="set"))
        else:
            self.dream.show(subject)

    def _facts(self) -> Answer:
        if self.dream is None and self.house.subject is None:
            return {"type": "model", "of": self.of, "ready": False}, {}
        learning = self.of == "run" and self.house.learning
        return {"type": "model", "of": self.of, "ready": True, "learning": learning, **self._chains.subject.facts()}, {}

    @property
    def _chains(self) -> Dream:
        """The chains of the tab; those of the command's model follow it as it learns."""
        subject = self.house.subject
        if self.dream is None:
            if subject is None:
                raise InputError("the model is still being made: ask again")
            self._show(subject)
        elif self.of == "run" and subject is not None and self.dream.subject is not subject:
            self.dream.better(subject)
        assert self.dream is not None
        return self.dream

    # Dreaming ---------------------------------------------------------------------------------------------------------

    def _set(self, ask: asks.Set) -> Answer:
        self._chains.set(ask)
        return {}, {}

    def _start(self, ask: asks.Start) -> Answer:
        if ask.from_ == "values" and ask.values is None:
            raise InputError("no values were given to start from: give one a column, or start from noise")
        self._chains.begin(ask.values if ask.from_ == "values" else None)
        return {"type": "set"}, {}

    def _next(self, ask: asks.Next) -> Answer:
        if not ask.still:
            self._chains.move()
        head, arrays = self._chains.frame()
        self.house.looked_at.set()
        return {"type": "frame", **head}, arrays

    # Looking inside ---------------------------------------------------------------------------------------------------

    def _row(self, ask: asks.Row) -> Answer:
        subject = self._chains.subject
        state, label = subject.state(ask.index)
        return {"label": label}, {"values": subject.lens.fractions(state[None])[0]}

    def _fields(self, ask: asks.Fields) -> Answer:
        return self._chains.subject.fields(ask.layer, self._chains.x)

    def _unit(self, ask: asks.Unit) -> Answer:
        chains = self._chains
        adds = chains.subject.adds(ask.layer, ask.unit, chains.x[:1])
        return {}, {"adds": floats_of(adds), **chains.flow(ask.layer, ask.unit)}

    def _microscope(self, ask: asks.Microscope) -> Answer:
        if self.slide is None:
            self.slide = Slide(ask.seed)
        return self.slide.look(ask)

    # Training ---------------------------------------------------------------------------------------------------------

    def _train_start(self, ask: asks.TrainStart) -> Answer:
        lesson = self.house.begin(ask.settings, ask.against, ask.pace)
        return self._told(lesson.ask(lesson.facts))

    def _train_set(self, ask: asks.TrainSet) -> Answer:
        lesson = self.house.taught()
        lesson.ask(lambda: lesson.set(ask.which, ask.settings, ask.pace))
        return self._told(lesson.ask(lesson.facts))

    def _train_pause(self, ask: asks.Train) -> Answer:
        lesson = self.house.taught()
        lesson.ask(lesson.pause)
        return self._told(lesson.ask(lesson.facts))

    def _train_resume(self, ask: asks.Train) -> Answer:
        lesson = self.house.taught()
        lesson.ask(lesson.resume)
        return self._told(lesson.ask(lesson.facts))

    def _train_stop(self, ask: asks.Train) -> Answer:
        self.house.stop()
        return self._told({"state": "none", "models": [], "rate": 0.0})

    def _train_save(self, ask: asks.Train) -> Answer:
        lesson = self.house.taught()
        return {"type": "saved", "paths": lesson.ask(lesson.save)}, {}

    def _told(self, facts: dict[str, Any]) -> Answer:
        return {"type": "training", **facts}, {}

    def _watch(self, ask: asks.Watch) -> Answer:
        lesson = self.house.lesson
        if lesson is None:
            return self._told({"state": "none", "models": [], "rate": 0.0})
        head, arrays = lesson.ask(lambda: lesson.watch(ask))
        return {"type": "training", **head}, arrays

    # Judging ----------------------------------------------------------------------------------------------------------

    def _judge(self, ask: asks.Judge) -> Answer:
        lesson = self.house.taught()
        run = lesson.ask(lambda: still(lesson.pupil(ask.which).trainer))
        found = self._judged(lambda: run.evaluate(judge="quick", max_time=LONGEST / 3, progress=self._while_here()))
        mixing = self._judged(lambda: run.mixing(judge="quick", progress=self._while_here()))
        return {
            "type": "judged",
            "which": ask.which,
            "log_likelihood": found.log_likelihood,
            "low": found.lower,
            "high": found.upper,
            "verdict": found.verdict,
            "method": found.method,
            "mixing": f"{mixing.verdict}: {mixing.reason}",
        }, {}

    def _train_report(self, ask: asks.Judge) -> Answer:
        lesson = self.house.taught()
        path = lesson.ask(lambda: lesson.path(ask.which))
        report = self._judged(lambda: Run.open(path).report(judge="quick", progress=self._while_here(math.inf)))
        return {"type": "report", "url": self.house.report(report)}, {}

    def _judged(self, act: Callable[[], T]) -> T:
        """Do what takes seconds, of which there is one at a time."""
        if not self.house.judging.acquire(blocking=False):
            raise InputError("another evaluation is going on: ask again when it is done")
        try:
            return self.house.judge.submit(act).result()
        finally:
            self.house.judging.release()

    def _while_here(self, seconds: float = LONGEST) -> Callable[[Iterable[T], str], Iterable[T]]:
        """Return a progress that ends the work when the tab is gone, or it takes too long."""
        until = time.monotonic() + seconds

        def progress(items: Iterable[T], label: str) -> Iterable[T]:
            for item in items:
                if self.gone or self.house.closing or time.monotonic() > until:
                    raise InputError(f"{label} took more than {seconds:.0f} s and was left: save, and evaluate the run")
                yield item

        return progress
