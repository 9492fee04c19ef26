"""The directory of a run: settings, figures, model, environment, pictures and report."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from .. import data
from ..errors import InputError
from .config import FinetuneConfig, TrainConfig, content, explain, read, source

if TYPE_CHECKING:
    import torch

    from ..machines import DBN, Machine
    from .coding import Encoder
    from .stages import Plan

FORMAT = "harmonium run 1"
TUNING = "finetune.yaml"


@dataclass(frozen=True)
class Run:
    """A run on disk: where it lies, the name of its data, and its settled settings."""

    path: Path
    source: str
    config: TrainConfig

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Return the run at ``path``; raises `InputError` when there is none, or its files are not whole."""
        path = Path(path)
        if not (path / "config.yaml").is_file():
            what = "is not a run: it has no config.yaml" if path.is_dir() else "does not exist"
            raise InputError(f"{path} {what}; give a directory that `harmonium train` wrote")
        config, named = read(path / "config.yaml"), source(path / "config.yaml")
        if named is None or config.steps is None:
            raise InputError(f"{path}/config.yaml is not whole: train the run again")
        return cls(path, named, config)

    @classmethod
    def create(cls, path: Path, data_source: str, config: TrainConfig) -> "Run":
        """Make the directory and write the settings; raises `InputError` where a run lies already or none can lie."""
        from ..storage import write_bytes

        refuse_run(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            local = Path(data_source).exists() and data_source not in data.DATASETS
            named = str(Path(data_source).resolve()) if local else data_source
            settings = {"data": named, **config.model_dump(exclude_none=True)}
            (path / "env.json").write_text(json.dumps(environment(), indent=1) + "\n", encoding="utf-8")
            write_bytes(path / "config.yaml", yaml.safe_dump(settings, sort_keys=False).encode())
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}): pass another --out") from None
        return cls(path, named, config)

    def file(self, name: str) -> Path:
        """Return the path of a file of the run."""
        return self.path / name

    def dataset(self, split: str) -> data.Dataset:
        """Return the rows of a split, as they are stored; raises `InputError` when they no longer fit the run."""
        if split in ("train", "valid"):
            return self._training[split == "valid"]
        return rows(self.source, split, self.config)

    @cached_property
    def _training(self) -> "tuple[data.Dataset, data.Dataset]":
        """The rows to train on and those held out beside them, read once."""
        return data.load_train_valid(self.source, data_dir=self.config.data_dir, levels=levels(self.config))

    @cached_property
    def tuning(self) -> FinetuneConfig | None:
        """The settings of the fine-tuning that made the run, or nothing."""
        if not self.file(TUNING).is_file():
            return None
        try:
            return FinetuneConfig(**content(self.file(TUNING)))
        except ValidationError as error:
            raise InputError(f"{self.file(TUNING)}: {explain(error)}") from None

    @cached_property
    def coder(self) -> "Encoder":
        """How stored rows become states of the visible units."""
        from .coding import Encoder

        return Encoder.fit(self.config, self.dataset("train"))

    def plan(self, device: "torch.device") -> "Plan | TuningPlan":
        """Return the stages of the run's training, or of its fine-tuning."""
        from .stages import Plan
        from .tuning import FinetunePlan

        if self.tuning is not None:
            return FinetunePlan(self, self.tuning, device)
        return Plan(self.config, self.coder, device)

    def machine(self) -> "Machine | DBN":
        """Return the trained model; raises `InputError` when it does not fit the data."""
        from ..storage import load

        machine = load(self.file("model.safetensors"))
        expected = self.coder.width
        width = machine.visible.width - machine.visible.labels
        if width != expected:
            raise InputError(
                f"the model of {self.path} has {width} visible units and {self.source} gives {expected}: "
                "the data have changed since; restore them or train again"
            )
        return machine.requires_grad_(False)

    def metrics(self) -> dict[str, list[float]]:
        """Return the columns of ``metrics.csv``; an empty cell is NaN."""
        try:
            lines = list(csv.reader(io.StringIO(self.file("metrics.csv").read_text(encoding="utf-8"))))
            numbers = [[float(cell or "nan") for cell in line] for line in lines[1:]]
        except (OSError, ValueError) as error:
            raise InputError(f"{self.file('metrics.csv')} cannot be read ({error}): train the run again") from None
        return {name: [row[i] for row in numbers] for i, name in enumerate(lines[0])} if lines else {}


def rows(source: str, split: str, config: TrainConfig) -> data.Dataset:
    """Return the rows of a split; those of potts units stay whole numbers."""
    return data.load(source, split, data_dir=config.data_dir, levels=levels(config))


def levels(config: TrainConfig) -> int | None:
    """Return what a run says that its values mean."""
    return 0 if config.n_states else config.levels


def environment() -> dict[str, Any]:
    """Return what the run was made with: versions, platform, threads."""
    import os
    import platform
    from importlib.metadata import version

    import torch

    packages = ("harmonium", "torch", "numpy")
    return {
        "format": FORMAT,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def free_path(source: str, parent: Path = Path("runs")) -> Path:
    """Return ``runs/<name>``, or ``runs/<name>-2`` and so on where that is taken."""
    stem = "-".join(re.findall(r"[\w-]+", Path(source).name.partition(".")[0])) or "run"
    paths = (parent / (stem if n == 1 else f"{stem}-{n}") for n in range(1, 10_000))
    return next(path for path in paths if not path.exists())


def refuse_run(path: Path) -> None:
    """Raise `InputError` where a run lies already, saying how far it came and what the choices are."""
    if not (path / "config.yaml").exists():
        return
    from .vault import places

    saved = places(path)
    far = f", saved at step {int(saved[0].name)}" if saved else ""
    raise InputError(
        f"{path} already holds a run{far}: go on with --resume {path}, pass --replace to start anew, or another --out"
    )


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a run's directory, so that no other process trains there; a lock whose owner has died is no lock.

    Raises `InputError` when another process holds it, or it cannot be made.
    """
    from filelock import FileLock, Timeout

    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / ".lock", blocking=False)
        lock.acquire()
    except Timeout:
        raise InputError(f"another process is training in {path}: wait for it, or pass another --out") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): pass another --out") from None
    try:
        yield
    finally:
        lock.release()
