"""What the sections of a run's report share: the run, its figures, data and samples, and the page in the making."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from ..encoding import TABLE, parse
from ..evaluation import Mixing
from ..fitting import Evaluation, LabelReport, Run
from ..fitting.drawing import chain
from ..fitting.effort import Judge, effort
from ..progress import Progress
from ..sampling import impute
from ..storage import write_bytes
from .page import Page, Section

GIBBS_STEPS, TEMPERED = 1000, 200  # of the chains that a report draws, plain and tempered
ROWS = 1000  # rows of data, and as many samples beside them
FEW = 200  # test rows that show a distribution
SHOWN = 24  # columns that are told one by one
FILLED, CHAINS, STEPS = 2000, 4, 100  # values that are filled in from the rest of their row, and how


class Report:
    """A page in the making, and what is asked of the run more than once: each is computed when it is first used.

    ``gone`` says why the rows of the run cannot be read, where that is so.
    """

    def __init__(self, run: Run, found: Evaluation, path: Path, judge: Judge, progress: Progress, *, gone: str = ""):
        assert run.config is not None
        self.judge, self.allowed = judge, effort(run, judge)
        self.run, self.found, self.config, self.progress = run, found, run.config, progress
        self.folder, self.encoder = path.parent / "pictures", run.encoder
        self.page, self.gone = Page(""), gone

    def picture(self, section: Section, name: str, content: bytes, caption: str, alt: str) -> None:
        """Keep a picture beside the page and show it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self.folder / name, content)
        section.picture(content, caption, alt)

    @property
    def kind(self) -> str:
        """What the rows are: pictures, spins, sequences, a table of numbers or one of mixed columns."""
        if len(self.encoder.shape) == 2:
            return "pictures"
        return {"spin": "spins", "potts": "sequences", TABLE: "mixed"}.get(parse(self.encoder.visible)[0], "table")

    @cached_property
    def mixing(self) -> Mixing:
        """Whether chains of the run stand for its model."""
        return self.run.mixing(judge=self.judge, progress=self.progress)

    @property
    def how(self) -> dict[str, Any]:
        """How rows are drawn: by tempered chains where plain ones are stuck, for as many steps as they need."""
        if self.mixing.verdict == "stuck":
            return {"gibbs_steps": min(TEMPERED, self.allowed.gibbs_steps), "sampler": "pt"}
        return {"gibbs_steps": max(self.gibbs_steps, int(np.nan_to_num(self.mixing.needed)))}

    @property
    def gibbs_steps(self) -> int:
        """The Gibbs steps of plain chains that the judge allows."""
        return min(GIBBS_STEPS, self.allowed.gibbs_steps)

    @property
    def drawn_how(self) -> str:
        """The same in words."""
        tempered = " of parallel tempering, since plain chains are stuck" if "sampler" in self.how else ""
        return f"{self.how['gibbs_steps']:,} Gibbs steps{tempered}"

    @cached_property
    def labels(self) -> dict[str, LabelReport]:
        """The labels read from test rows by each read-out; nothing where the run knows none."""
        if not self.encoder.labels or self.gone or self.run.rows(None, "test").labels is None:
            return {}
        chained = bool(self.run.model.labels) and self.run.classifier is None  # label units can be read by a chain too
        readouts = ["exact", "gibbs"] if chained else ["exact"]
        return {name: self.run.classify(readout=name, progress=self.progress) for name in readouts}

    @property
    def accuracy(self) -> str:
        """The share of test rows whose label is read rightly, with its error from the number of rows."""
        found = self.labels["exact"]
        assert found.accuracy is not None
        error = (found.accuracy * (1 - found.accuracy) / found.rows) ** 0.5
        return f"{100 * found.accuracy:.1f} ± {100 * error:.1f} %"

    def states(self, split: str, *, labeled: bool = False) -> Tensor:
        """Return up to `ROWS` rows of a split as states."""
        rows = self.run.rows(None, split).take(ROWS)
        return self.encoder.rows(rows, sharp=True, labeled=labeled, whole=True, generator=Generator().manual_seed(0))

    @cached_property
    def test(self) -> Tensor:
        """Test rows as states, (rows, width)."""
        return self.states("test")

    @property
    def split(self) -> str:
        """The rows that samples are held against: those of the test, or where these are few those of the training."""
        return "test" if len(self.test) >= FEW else "train"

    @cached_property
    def data(self) -> Tensor:
        """The rows that samples are held against as states, (rows, width)."""
        return self.test if self.split == "test" else self.states("train")

    @cached_property
    def samples(self) -> Tensor:
        """Samples as states, (samples, width), from random states: a thousand, or fewer of a short training."""
        count, how = min(ROWS, 5 * self.allowed.chains), self.how
        return next(chain(self.run, count, **how, kept=(how["gibbs_steps"],), progress=self.progress))[0]

    def decoded(self, x: Tensor) -> np.ndarray:
        """Return states in the scale of the data, (rows, columns)."""
        return self.encoder.decode(x).double().numpy()

    @property
    def names(self) -> list[str]:
        """The names of the columns; numbers from 1 where the data have none."""
        word = {"spins": "spin", "sequences": "site"}.get(self.kind, "column")
        return list(self.encoder.names) or [f"{word}\u00a0{number + 1}" for number in range(self.encoder.columns)]

    @cached_property
    def filled(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns of test rows, each filled in from all others of its row: (columns, rows) filled, true, and guessed.

        The guess is what independent units say: the mean of the training rows, or their most frequent state.  These are
        the first `SHOWN` columns.
        """
        encoder, count = self.encoder, min(self.encoder.columns, SHOWN)
        v = self.test[: max(min(FILLED, 10 * self.allowed.chains) // count, 10)]
        known = encoder.spread(~torch.eye(encoder.columns, dtype=torch.bool)[:count])
        known = known[:, None].expand(-1, len(v), -1).flatten(0, 1)
        stacked, g = v.repeat(count, 1), Generator().manual_seed(self.run.seed)
        settings: dict[str, Any] = {"chains": CHAINS, "gibbs_steps": STEPS, "progress": self.progress, "generator": g}
        found = self.decoded(impute(self.run.model, stacked, known, **settings)).reshape(count, len(v), -1)
        units, at = self.run.baseline, np.arange(count)
        guess = self.decoded(units.mean(units.zero_field(1)).float())[0]
        truth = self.decoded(v).T[:count]
        return found[at, :, at], truth, np.broadcast_to(guess[:count, None], truth.shape)
