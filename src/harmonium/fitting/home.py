"""The directory of a run: settings, figures, model, checkpoints, pictures and report; and who works in it."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import steps_per_epoch
from ..errors import InputError
from ..unfinished import unfinished
from . import torchrun
from .config import GOING_ON, FinetuneConfig, TrainConfig, content
from .environment import environment
from .splits import MEMORY, Splits

if TYPE_CHECKING:
    from ..encoding import Encoder
    from ..machines import DBN, Machine
    from .run import Run

LONGEST = 100  # characters of a directory that is named after its data
TUNING, ORIGIN, SCHEMA = "finetune.yaml", "origin.safetensors", "schema.yaml"
FILES = (
    "config.yaml", "metrics.csv", "model.safetensors", "events.jsonl", "env.json", "report.html", TUNING, ORIGIN,
    SCHEMA, torchrun.SIGNATURE,
)  # fmt: skip
FOLDERS = ("checkpoints", "snapshots", "pictures")


class Home:
    """A run on disk: where it lies, and its settled settings."""

    def __init__(self, path: Path, source: str, config: TrainConfig):
        self.path, self.source, self.config = path, source, config
        self._lock: Any = None

    @classmethod
    def open(cls, path: Path) -> "Home":
        """Return the run at ``path``; raises `InputError` when there is none, or its files are not whole."""
        if not (path / "config.yaml").is_file():
            what = "is not a run: it has no config.yaml" if path.is_dir() else "does not exist"
            raise InputError(f"{path} {what}; give a directory that `harmonium train` wrote")
        config, named = TrainConfig.read(path / "config.yaml"), content(path / "config.yaml").get("data")
        if named is None or config.steps is None:
            raise InputError(f"{path}/config.yaml is not whole: train the run again")
        return cls(path, str(named), config)

    @classmethod
    def create(
        cls,
        path: Path,
        splits: Splits,
        config: TrainConfig,
        *,
        replace: bool = False,
        tuning: FinetuneConfig | None = None,
        origin: "Run | None" = None,
    ) -> "Home":
        """Make the directory, hold it and write the settings; where that fails, a new directory is removed again.

        Raises `InputError` where a run lies already, another process trains there, or none can lie.
        """
        if not replace:
            refuse_run(path)
        home = cls(path, splits.source, config)
        with unfinished(path) if not path.exists() else nullcontext(), home.released_on_error():
            home.hold()
            if replace:
                clear(path)
            try:
                home.file("env.json").write_text(json.dumps(environment(), indent=1) + "\n", encoding="utf-8")
                if tuning is not None and origin is not None:
                    origin.save(home.file(ORIGIN))
                    home.file(TUNING).write_bytes(tuning.yaml())
                if splits.train.schema is not None:
                    home.file(SCHEMA).write_bytes(splits.train.schema.yaml().encode())
                home.write_config(config)
            except OSError as error:
                raise InputError(f"{path} cannot be written ({error.strerror}): pass another --out") from None
            torchrun.sign(path)
        return home

    def file(self, name: str) -> Path:
        """Return the path of a file of the run."""
        return self.path / name

    def write_config(self, config: TrainConfig) -> None:
        """Write the settings, where they are not there yet as they are."""
        from ..storage import write_bytes

        text = config.yaml(data=self.source)
        if not self.file("config.yaml").is_file() or self.file("config.yaml").read_bytes() != text:
            write_bytes(self.file("config.yaml"), text)

    @cached_property
    def tuning(self) -> FinetuneConfig | None:
        """The settings of the fine-tuning that made the run, or nothing."""
        found: FinetuneConfig | None = FinetuneConfig.read(self.file(TUNING)) if self.file(TUNING).is_file() else None
        return found

    def origin(self) -> "tuple[FinetuneConfig, Machine | DBN, Encoder] | None":
        """Return what a fine-tuning began from, or nothing."""
        if self.tuning is None:
            return None
        from .finetune import encoder_for
        from .run import Run

        origin = Run.open(self.file(ORIGIN))
        return self.tuning, origin.model, encoder_for(origin, self.tuning, self.splits(None, None, self.config))

    def splits(self, rows: Any, labels: Any, config: TrainConfig, sample_weight: Any = None) -> Splits:
        """Return the rows of the run, from where they lie, or as they were given again."""
        if self.source == MEMORY and rows is None:
            raise InputError(f"{self.path} was trained on rows in memory: give them again, Trainer.resume(path, rows)")
        return Splits(self.source if rows is None else rows, config, labels, sample_weight)

    def check_data(self, splits: Splits) -> None:
        """Raise `InputError` where the training rows are not those that the run began with."""
        from .run import Run

        if not self.file("model.safetensors").is_file():
            return
        told = splits.changed_since(Run.open(self.file("model.safetensors")).facts.get("data", {}))
        if told:
            given = f"the training rows of {self.path} have changed since ({told})"
            raise InputError(f"{given}: restore them, or train again with --replace")

    def go_on_with(self, changed: dict[str, Any]) -> TrainConfig:
        """Return the settings with others for how long and where the run goes on.

        These are epochs, steps, patience, max_time and device.
        """
        given = {name: value for name, value in changed.items() if value is not None}
        wrong = [name for name in given if name not in ("epochs", *GOING_ON)]
        if wrong:
            raise InputError(
                f"--{wrong[0].replace('_', '-')} was given and a run goes on with its own settings: give --epochs, "
                "--steps, --patience, --max-time or --device, or train anew"
            )
        if "epochs" in given:
            each = steps_per_epoch(len(self.splits(None, None, self.config).train), self.config.batch_size)
            given["steps"] = given.pop("epochs") * each
        if not given:
            return self.config
        words = self.config.model_dump(exclude_none=True)
        made: TrainConfig = TrainConfig(**{**words, **given})
        return made

    def metrics(self) -> list[dict[str, float]]:
        """Return the figures of every epoch; what is not known is NaN."""
        try:
            lines = list(csv.reader(io.StringIO(self.file("metrics.csv").read_text(encoding="utf-8"))))
            return [dict(zip(lines[0], [float(cell or "nan") for cell in line], strict=True)) for line in lines[1:]]
        except (OSError, ValueError, IndexError) as error:
            raise InputError(f"{self.file('metrics.csv')} cannot be read ({error}): train the run again") from None

    def write_snapshot(self, epoch: int, arrays: dict[str, np.ndarray]) -> None:
        """Keep pictures of a moment of the training."""
        from ..storage import write_bytes

        folder, held = self.file("snapshots"), io.BytesIO()
        folder.mkdir(exist_ok=True)
        np.savez_compressed(held, allow_pickle=False, **arrays)
        write_bytes(folder / f"{epoch:05d}.npz", held.getvalue())

    def snapshots(self) -> dict[int, dict[str, np.ndarray]]:
        """Return the pictures that were kept, by epoch."""
        found = {}
        for file in sorted(self.file("snapshots").glob("*.npz")):
            with np.load(file, allow_pickle=False) as arrays:
                found[int(file.stem)] = {name: arrays[name] for name in arrays.files}
        return found

    def hold(self) -> None:
        """Let no other process train here; a lock whose owner has died is no lock.

        Raises `InputError` when another process holds the directory, or it cannot be made.
        """
        from filelock import FileLock, Timeout

        if not torchrun.leads() or self._lock is not None:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path / ".lock", blocking=False)
            self._lock.acquire()
        except Timeout:
            raise InputError(
                f"another process is training in {self.path}: wait for it, or pass another --out"
            ) from None
        except OSError as error:
            raise InputError(f"{self.path} cannot be written ({error.strerror}): pass another --out") from None

    def release(self) -> None:
        """Let others train here."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @contextmanager
    def released_on_error(self) -> Iterator[None]:
        """Release the directory where what is within fails."""
        try:
            yield
        except BaseException:
            self.release()
            raise

    def __del__(self) -> None:
        with suppress(Exception):
            self.release()


def free_path(source: str, parent: Path = Path("runs")) -> Path:
    """Return ``runs/<name>``, or ``runs/<name>-2`` and so on where that is taken."""
    stem = "-".join(re.findall(r"[\w-]+", Path(source).name.partition(".")[0]))[:LONGEST] or "run"
    paths = (parent / (stem if n == 1 else f"{stem}-{n}") for n in range(1, 10_000))
    return next(path for path in paths if not path.exists())


def refuse_run(path: Path) -> None:
    """Raise `InputError` where a run lies already, saying how far it came and what the choices are."""
    if not (path / "config.yaml").exists():
        return
    from .checkpoints import places

    saved = places(path)
    far = f", saved at step {int(saved[0].name)}" if saved else ""
    raise InputError(
        f"{path} already holds a run{far}: go on with --resume {path}, pass --replace to start anew, or another --out"
    )


def clear(path: Path) -> None:
    """Delete the files of a run, and nothing else."""
    if not (path / "config.yaml").is_file():
        return
    for name in FILES:
        (path / name).unlink(missing_ok=True)
    for folder in FOLDERS:
        shutil.rmtree(path / folder, ignore_errors=True)
