"""A training: an iterator of epochs whose body is the caller's, on disk or in memory alone."""

import itertools
import sys
import time
from collections.abc import Generator as Generating
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from .. import storage
from ..arguments import checked
from ..encoding import Encoder, fit_encoder
from ..errors import DivergenceError, SaveError
from ..machines import DBN, Machine
from ..numerics import distributed
from ..registry import MODELS
from . import checkpoints, state, torchrun
from .config import FinetuneConfig, TrainConfig
from .course import Course, Update
from .defaults import going_on, resolve
from .environment import choose_device, environment, on_processor, use_threads
from .figures import Epoch, table
from .finetune import FinetunePlan, tuned_settings
from .home import Home, refuse_run
from .interrupts import saved_on_interrupt
from .plans import Plan
from .remarks import remarks
from .run import Run
from .splits import Splits

TRIES = 8  # times that a diverged run goes back and halves its rate


class Trainer(Course):
    """A training in progress: iterate over it for its epochs, or over `steps` for its updates.

    A training that diverges goes back to its last checkpoint at half the learning rate, or where that led to a
    divergence before to its beginning, eight times at most.  ``run`` is what it has learned so far, at any moment;
    ``history`` holds the epochs, and ``remarks`` what is to be said at the end.

    Args:
        config: the settings.
        rows, labels, sample_weight: what `fit` takes: rows (rows, columns) or where they lie, class numbers (rows,),
            and how much each row counts (rows,).
        out: a directory for settings, figures, model and checkpoints, from which `resume` goes on bit for bit.
        replace: start anew where a run lies already.
        save_every: seconds between checkpoints.
        init: a run of the same model and sizes, whose encoder, parameters and chains the training goes on from.

    Raises:
        InputError: where the settings do not fit the data or ``init``, or ``out`` holds a run already.

    Example:
        >>> import harmonium as hm
        >>> trainer = hm.Trainer(hm.TrainConfig(hidden=8, epochs=2, seed=1), "digits")
        >>> [epoch.epoch for epoch in trainer]
        [1, 2]
    """

    home: Home | None

    @checked
    def __init__(
        self,
        config: TrainConfig,
        rows: Any,
        labels: Any = None,
        *,
        sample_weight: Any = None,
        out: str | Path | None = None,
        replace: bool = False,
        save_every: float = 5.0,
        init: Run | None = None,
    ):
        config = config.model_copy(update={"labels": True}) if labels is not None else config
        config = going_on(config, init.encoder, out) if init else config
        splits = rows if isinstance(rows, Splits) else Splits(rows, config, labels, sample_weight)
        settled = resolve(config, splits.train)
        torchrun.check_even(settled, len(splits.train))
        splits.check()
        self._begin(settled, splits, save_every, out, replace, init=init)

    def _begin(
        self,
        config: TrainConfig,
        splits: Splits,
        save_every: float,
        out: str | Path | None = None,
        replace: bool = False,
        *,
        tuning: tuple[FinetuneConfig, Machine | DBN, Encoder] | None = None,
        origin: Run | None = None,
        init: Run | None = None,
    ) -> None:
        """Set up everything; in a directory ``out``, which is written last."""
        if out is not None and not replace:
            refuse_run(Path(out))
        use_threads(config)
        device = choose_device(config.device)
        self.home, self.save_every, self.tuning = None, save_every, tuning[0] if tuning else None
        self.problems, self.remarks = list[str](), list[str]()
        self.events: list[dict[str, Any]] = []
        self.stopped, self._asked = 0, 0
        self._kept: tuple[dict[str, Tensor], dict[str, Any]] = {}, {}
        if tuning is None:
            known = {"labels": config.labels}
            encoder = init.encoder if init else fit_encoder(config.visible, config.binarize, splits.train, **known)
            plan: Plan = MODELS[config.model](config, encoder, device, init)
        else:
            encoder = tuning[2]
            plan = FinetunePlan(config, encoder, device, *tuning[:2])
        Course.__init__(self, config, splits, encoder, plan, device)
        if out is not None:
            self.home = Home.create(Path(out), splits, config, replace=replace, tuning=self.tuning, origin=origin)

    @classmethod
    @checked
    def resume(
        cls,
        path: str | Path,
        rows: Any = None,
        labels: Any = None,
        *,
        sample_weight: Any = None,
        save_every: float = 5.0,
        **changed: Any,
    ) -> Self:
        """Return the training of a run directory at its newest whole checkpoint, to go on bit for bit.

        ``epochs``, ``steps``, ``patience`` or ``max_time`` may be given anew: a finished run goes on with more.  A run
        whose data were an array needs it again as ``rows``, with its weights.  What was passed over is in ``problems``.

        Raises:
            InputError: when there is no run, another process trains there, or its data have changed.

        Example:
            >>> import harmonium as hm
            >>> run = hm.fit("digits", hidden=8, epochs=1, seed=1, out="runs/a")
            >>> trainer = hm.Trainer.resume("runs/a", epochs=2)
            >>> [epoch.epoch for epoch in trainer]
            [2]
        """
        home = Home.open(Path(path))
        self = cls.__new__(cls)
        with home.released_on_error():
            home.hold()
            config = home.go_on_with(changed)
            splits = home.splits(rows, labels, config, sample_weight)
            torchrun.check_even(config, len(splits.train), home.tuning is not None)
            home.check_data(splits)
            self._begin(config, splits, save_every, tuning=home.origin())
            self.home = home
            if checkpoints.places(home.path):
                self.problems = state.restore(self, *checkpoints.latest(home.path))
                self.ended = self.ended and not changed
            home.write_config(config)
        return self

    @classmethod
    @checked
    def finetune(
        cls,
        run: Run,
        config: FinetuneConfig,
        *,
        out: str | Path | None = None,
        replace: bool = False,
        save_every: float = 5.0,
    ) -> Self:
        """Return the training of all layers of a run together, into a run of its own.

        Raises `InputError` where the method does not fit the model or the data, before anything is written.
        """
        splits, settled, encoder = run.splits_needed("a fine-tuning"), *tuned_settings(run, config)
        self = cls.__new__(cls)
        self._begin(settled, splits, save_every, out, replace, tuning=(config, run.model, encoder), origin=run)
        return self

    # What it is -------------------------------------------------------------------------------------------------------

    @property
    def run(self) -> Run:
        """What the training has learned so far, to evaluate, sample and save: on the processor, where its data lie."""
        model = on_processor(self.model)
        chains, machine = self.stage.chains(), self.stage.machine
        if isinstance(model, DBN) or (chains is not None and chains.shape[-1] != model.width):
            chains = None
        return Run(
            model=model,
            encoder=self.encoder,
            config=self.config,
            tuning=self.tuning,
            chains=None if chains is None else chains[:1000].detach().cpu(),
            classifier=on_processor(machine) if isinstance(machine, nn.Sequential) else None,
            facts={"data": self.splits.fingerprint, "environment": environment()}
            | ({"remarks": self.remarks} if self.remarks else {}),
            splits=self.splits,
            path=self.home.path if self.home else None,
            history=[vars(epoch) for epoch in self.history],
            snapshots=self.snapshots,
        )

    # Going through it -------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Epoch]:
        """Train; give the epochs at whose end figures are measured: by the sizes, or as ``figures_every`` says."""
        with saved_on_interrupt(self), closing(self.steps()) as updates:
            for update in updates:
                if update.epoch is not None and update.epoch.measured:
                    yield update.epoch

    def steps(self) -> Generating[Update, None, None]:
        """Train; give every update.  A checkpoint is kept now and then, and at the end.

        Raises `DivergenceError` where eight halvings of the learning rate do not help, and `SaveError` when what was
        learned cannot be written.
        """
        self.stopped = self._asked = 0
        if self.home:
            self.home.hold()
        try:
            if self.step == 0 and not self.history:
                if 0 in self.shown:
                    self.snapshot()
                self.save()
            yield from self._steps_with_retries()
            if not self.stopped:
                self.remarks = remarks(self)
                self.save()
        except GeneratorExit:  # the caller's loop has ended early
            if not sys.is_finalizing():
                self.save()
        finally:
            if self.home:
                self.home.release()

    def _steps_with_retries(self) -> Iterator[Update]:
        for halvings in itertools.count():
            try:
                return (yield from self._steps())
            except DivergenceError as error:
                if halvings == TRIES:
                    line = f"{error}; gave up after {TRIES} halvings of it, checkpoints are whole"
                    raise DivergenceError(line) from error
                state.go_back(self, error)

    def stop(self, code: int = 1) -> None:
        """Ask the training to save and end after the update that it is at; ``stopped`` will hold the code."""
        self._asked = code

    def _steps(self) -> Iterator[Update]:
        saved = time.monotonic()
        for update in self.updates():
            yield update
            late = time.monotonic() - saved > self.save_every
            code, due = distributed.largest(self._asked or 143 * torchrun.orphaned(), late)
            if due or code:
                self.save()
                saved = time.monotonic()
            if code:
                self.stopped = int(code)
                return

    def snapshot(self) -> None:
        """Keep held-out rows, their reconstructions and the chains, as they are now; on disk too."""
        super().snapshot()
        if self.home and not distributed.index():
            self.home.write_snapshot(len(self.history), self.snapshots[len(self.history)])

    # What is kept -----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Keep a checkpoint; on disk, with the figures and the model, each whole or not at all.

        Of several processes, the first writes.  Raises `DivergenceError` rather than keep a number that is not finite,
        and `SaveError` where they cannot be written.
        """
        tensors, facts = state.of_trainer(self)
        state.refuse_infinite(self.step, tensors)
        if self.home is None:
            self._kept = {name: value.clone() for name, value in tensors.items()}, facts
            return
        run = self.run  # with the chains of all processes
        if distributed.index():
            return
        checkpoints.put(self.home.path, self.step, tensors, facts)
        try:
            storage.write_bytes(self.home.file("metrics.csv"), table(self.history).encode())
            run.save(self.home.file("model.safetensors"), whole=self.finished)
        except OSError as error:
            line = f"{self.home.path} cannot be written ({error.strerror}): its checkpoint is whole, `--resume` goes on"
            raise SaveError(line) from error

    def latest(self) -> tuple[Any, dict[str, Tensor], dict[str, Any], list[str]]:
        """Return the newest checkpoint."""
        return checkpoints.latest(self.home.path) if self.home else ("the training", *self._kept, [])
