"""What a training leaves behind: a model with everything that is needed to use it, on disk or in memory alone."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from ..arguments import Count, checked
from ..data import Dataset
from ..encoding import Encoder, Given
from ..errors import InputError
from ..machines import DBN, Machine
from ..progress import Progress, silent
from ..registry import MODELS, REPORTS
from ..units import Units
from . import model_file
from .answering import Answering
from .config import FinetuneConfig, TrainConfig
from .curves import Drawn
from .home import Home
from .splits import Splits

if TYPE_CHECKING:
    from ..evaluation import Estimate
    from .drawing import Frame
    from .effort import Effort


@dataclass(repr=False)
class Run(Answering, Drawn):
    """A trained model with its encoder, its last chains and its passport; and its data, where they are at hand.

    ``model`` is the machine or network, ``chains`` (chains, width) are states of it that training left, ``facts`` holds
    the fingerprint of the data, the environment and the ``passport``: what evaluations have said.  ``splits`` are the
    rows that it was trained on, or None for a model file alone; ``path`` is its directory, or None.

    Example:
        >>> import harmonium as hm
        >>> run = hm.fit("digits", hidden=8, epochs=1, seed=1)
        >>> run.sample(5).shape
        (5, 64)
    """

    model: Machine | DBN
    encoder: Encoder
    config: TrainConfig | None = None
    tuning: FinetuneConfig | None = None
    chains: Tensor | None = None
    classifier: nn.Sequential | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    splits: Splits | None = None
    path: Path | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    snapshots: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)
    fitted: dict[str, Tensor] = field(default_factory=dict)
    """The parameters of independent units fitted to the training rows."""
    first_estimate: "tuple[Effort, Estimate] | None" = field(default=None, compare=False)
    """The first estimate of log Z by annealing that was made in this process, and what work it was allowed."""

    @classmethod
    def of(cls, model: Machine | DBN, *, shape: tuple[int, ...] | None = None) -> "Run":
        """Return a run of a model that was trained otherwise; rows are taken as states of its visible units."""
        return model_file.bare(model, shape)

    # On disk ----------------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Return the run of a directory that `Trainer` wrote, or of a model file alone.

        Raises `InputError` when there is none, or its files are not whole.
        """
        path = Path(path)
        run = model_file.read(model_file.find(path))
        if not path.is_dir():
            return run
        home = Home.open(path)
        splits = None if home.source.startswith("(") else Splits(home.source, home.config)
        return replace(
            run, config=home.config, tuning=home.tuning, splits=splits, path=path, history=home.metrics(),
            snapshots=home.snapshots(),
        )  # fmt: skip

    @checked
    def save(self, path: str | Path, *, whole: bool = True) -> Path:
        """Write one file that can be used anywhere: model, encoder, last chains and passport; return its path.

        Unless ``whole`` the baseline is left out, which takes a pass over the training rows.
        """
        return model_file.write(self, path, whole)

    def remember(self, what: str, found: dict[str, Any]) -> None:
        """Enter something in the passport, and in the model file of the run's directory if it has one."""
        self.passport[what] = found
        if self.path is not None:
            self.save(self.path / "model.safetensors")

    # What it knows ----------------------------------------------------------------------------------------------------

    @property
    def passport(self) -> dict[str, Any]:
        """What evaluations have said of the model: likelihood with verdict and bracket by rows, and mixing."""
        found: dict[str, Any] = self.facts.setdefault("passport", {})
        return found

    @property
    def name(self) -> str:
        """What the run is called."""
        return str(self.path or "the model")

    @property
    def data_changed(self) -> str:
        """How the training rows differ from those that the run was trained on, in words; nothing where they do not."""
        return self.splits.changed_since(self.facts.get("data", {})) if self.splits is not None else ""

    @property
    def words(self) -> str:
        """What the model is called in a report."""
        return str(MODELS[self.config.model].words) if self.config else type(self.model).__name__

    @property
    def seed(self) -> int:
        """The seed of the training."""
        return self.config.seed if self.config else 0

    @property
    def top(self) -> Machine:
        """The machine whose partition function counts: the model, or the top RBM of a network."""
        return self.model.top if isinstance(self.model, DBN) else self.model

    def splits_needed(self, what: str) -> Splits:
        """Return the rows of the training; raises `InputError` where they are not at hand."""
        if self.splits is None:
            raise InputError(f"{what} needs the rows that {self.name} was trained on, and they are not at hand")
        return self.splits

    def __repr__(self) -> str:
        return f"Run({self.words}, {self.encoder.columns} columns, {len(self.history)} epochs, {self.path})"

    def rows(self, rows: Any, split: str, labels: Any = None) -> Any:
        """Return a data set: the rows given, a path, a name or an array, or else a split of the run's own data.

        Raises `InputError` where neither is at hand.
        """
        if not isinstance(split, str):
            raise InputError(f"a {type(split).__name__} was given where the name of a split was expected: labels=…")
        if rows is not None:
            found = self.encoder.read(rows)
            return found if labels is None else found.with_labels(labels)
        if self.splits is None:
            raise InputError(f"{self.name} is a model without its data: say which rows with --data FILE")
        return self.encoder.read(self.splits.of(split))

    def filled(self, dataset: Dataset) -> Dataset:
        """Return a data set whose empty cells are filled by their posterior mean, or likeliest level: see `impute`."""
        if not self.encoder.holed(dataset).any():
            return dataset
        from . import restoring

        found = restoring.impute(self, dataset.rows).astype(np.float32)
        return replace(dataset, table=found, index=None)

    @cached_property
    def baseline(self) -> Units:
        """Independent units fitted to the training rows: what a model without weights would be."""
        if not self.fitted:
            return self.encoder.independent(self.splits_needed("the baseline").train)
        units = self.encoder.units().double()
        units.load_state_dict(self.fitted)
        return units.requires_grad_(False)

    def info(self) -> dict[str, dict[str, Any]]:
        """Return what the run is, part by part: the model, its data, its training, and what evaluations have said."""
        return model_file.describe(self)

    # What it does -----------------------------------------------------------------------------------------------------

    @checked
    def sample(
        self,
        count: Count = 64,
        gibbs_steps: Count = 1000,
        *,
        label: int | str | None = None,
        sampler: str = "gibbs",
        temperature: float = 1.0,
        given: Given | None = None,
        means: bool = False,
        seed: int | None = None,
        out: str | Path | None = None,
        progress: Progress = silent,
    ) -> np.ndarray:
        """Return new rows, (count, columns), in the scale of the data, by Gibbs sampling from random states.

        Args:
            count: how many rows; with label "all" so many of each label.
            gibbs_steps: length of each chain.
            label: the class to draw, or "all" of them: the label is clamped while the chain runs.
            sampler: "gibbs", or "pt": parallel tempering, for models whose chains are stuck.
            temperature: the energy is divided by it; 1 is the model's own.
            given: conditions on columns, ``"sex=female, age>=60"`` or ``{"sex": "female", "age": ">=60"}``: rows are
                drawn from the distribution given that they hold, and none is thrown away.
            means: return the means of the last draw instead of the draw.
            out: a file to write too: .png (means), .gif (the chains as they run) or .npy (states).

        Raises:
            InputError: for a label, a column or a level that the model does not know, a condition that leaves no
                value, or a temperature that is not above 0.
        """
        from . import drawing

        how: dict[str, Any] = {"label": label, "sampler": sampler, "temperature": temperature, "given": given}
        moving = out is not None and Path(out).suffix.lower() == ".gif"
        how |= {"seed": seed, "kept": drawing.FRAMES if moving else 1, "progress": progress}
        frames = drawing.frames(self, count, gibbs_steps, **how)
        if out is not None:
            drawing.write(self, Path(out), frames, count if label == "all" else None)
        return frames[-1].means if means else frames[-1].states

    def frames(self, count: int = 64, gibbs_steps: int = 1000, **settings: Any) -> "list[Frame]":
        """Return the moments of the chains of `sample`, evenly spaced in the logarithm of the steps."""
        from . import drawing

        return drawing.frames(self, count, gibbs_steps, **settings)

    @checked
    def weights(self, count: Count = 100, layer: int = 1, *, out: str | Path | None = None) -> np.ndarray:
        """Return what the ``count`` largest units of a layer look for, (count, columns), and draw it to ``out``."""
        from . import drawing

        return drawing.weights(self, count, layer, out=out)

    def report(self, out: str | Path | None = None, **settings: Any) -> Path:
        """Write the report of the run, one HTML file that holds everything, and return its path.

        In the run's directory it is ``report.html``; for a run in memory say where with ``out``.
        """
        path: Path = REPORTS["html"](self, out, **settings)
        return path

    def export(self, out: str | Path) -> Path:
        """Write the model as one HTML file in which a browser draws, imputes and dreams with it, and return its path.

        Raises `InputError` for a model that is no RBM or DBM of Bernoulli, spin and label units.
        """
        path: Path = REPORTS["page"](self, out)
        return path

    def finetune(self, method: str = "updown", *, out: str | Path | None = None, **settings: Any) -> "Run":
        """Train all layers together, as a generative model (``"updown"``) or as a ``"classifier"``; return a new run.

        ``settings`` are those of `FinetuneConfig`; this run stays as it is.
        """
        from .trainer import Trainer

        how = {name: settings.pop(name) for name in ("replace", "save_every") if name in settings}
        trainer = Trainer.finetune(self, FinetuneConfig(**{"method": method, **settings}), out=out, **how)
        for _ in trainer:
            pass
        return trainer.run
