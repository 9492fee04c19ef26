"""Labels read from rows by a run, and how many are right."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor

from .. import evaluation
from ..data import Dataset, by_name
from ..errors import InputError
from ..machines import Machine
from ..numerics import stream
from ..progress import Progress, silent
from ..training import classifier_inputs

if TYPE_CHECKING:
    from .run import Run

BATCH = 500


@dataclass(frozen=True)
class LabelReport:
    """Labels read from rows: ``predicted`` (rows,), and where the truth is known how many are right.

    ``labels`` (rows,) are their names, of which ``label_names`` has all; ``probabilities`` (rows, classes) is p(label |
    row), by the read-out.
    ``confusion`` counts rows of each class (first axis) that were given each label (second axis).
    """

    predicted: np.ndarray = field(repr=False)
    error: float | None
    accuracy: float | None
    rows: int
    split: str
    readout: str
    binarize: str
    confusion: list[list[int]] | None
    probabilities: np.ndarray = field(repr=False)
    label_names: tuple[str, ...]

    def __str__(self) -> str:
        """Return what was found as one plain sentence."""
        found = "labels" if self.error is None else f"error {self.error:.2%}"
        return f"{self.split} {found} of {self.rows} rows ({self.readout} read-out)"

    @property
    def labels(self) -> np.ndarray:
        """The names of the predicted classes, (rows,)."""
        return np.array(self.label_names)[self.predicted]

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The labels and their probabilities, by name."""
        each = tuple(f"p({name})" for name in self.label_names)
        return {"label": self.labels, **by_name(self.probabilities, each)}

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON holds them; the labels themselves where there is no truth to count against."""
        left_out = {"probabilities"} if self.error is None else {"probabilities", "predicted"}
        found = {**asdict(self), "predicted": self.labels.tolist()}
        return {key: value for key, value in found.items() if key not in left_out}


def classify(
    run: "Run",
    dataset: Dataset,
    split: str,
    *,
    readout: str = "exact",
    gibbs_steps: int = 15,
    seed: int | None = None,
    progress: Progress = silent,
) -> LabelReport:
    """Read the labels of rows, called ``split``, and count how many are right where they have labels.

    ``readout`` is ``exact`` (the free energy or bound of every label; the network's logits after fine-tuning) or
    ``gibbs`` (``gibbs_steps`` Gibbs steps from an uninformative label, for comparison).

    Raises `InputError` where the run knows no labels.
    """
    encoder = run.encoder
    if not encoder.labels:
        raise InputError(f"{run.name} was trained without labels: train it with --labels, or fine-tune a classifier")
    if run.classifier is not None and readout == "gibbs":
        raise InputError(
            f"--readout gibbs reads label units, and {run.name} was fine-tuned as a classifier: pass exact"
        )
    if readout not in ("exact", "gibbs"):
        raise InputError(f"the readout {readout!r} was given where exact or gibbs was expected")
    g = stream(run.seed if seed is None else seed)
    parts = progress(encoder.rows(run.filled(dataset), generator=g).split(BATCH), "classifying")
    odds = torch.cat([_scores(run, part, readout, gibbs_steps, g) for part in parts])
    odds = odds if readout == "gibbs" else odds.softmax(-1)
    given = odds.argmax(-1)
    counted = _count(run, dataset, given)
    return LabelReport(
        predicted=given.numpy(),
        error=counted.error if counted else None,
        accuracy=counted.accuracy if counted else None,
        rows=len(given),
        split=split,
        readout=readout,
        binarize=encoder.binarize,
        confusion=counted.confusion.tolist() if counted else None,
        probabilities=odds.numpy(),
        label_names=encoder.label_names,
    )


@torch.no_grad()
def _scores(run: "Run", v: Tensor, readout: str, gibbs_steps: int, generator: Generator | None) -> Tensor:
    """Return a score of every label for rows, (rows, labels): the highest is the one that is read."""
    model = run.model
    if isinstance(model, Machine):
        model.infer_steps = max(model.infer_steps, 30)
    if readout == "gibbs":
        return evaluation.gibbs_class_probs(model, v, gibbs_steps=gibbs_steps, generator=generator)
    if run.classifier is not None:
        found: Tensor = run.classifier(classifier_inputs(model, v))
        return found
    return evaluation.class_log_probs(model, v)


def _count(run: "Run", dataset: Any, given: Tensor) -> evaluation.Classification | None:
    if dataset.labels is None:
        return None
    truth = torch.from_numpy(dataset.relabeled(run.encoder.label_names).labels)
    return evaluation.Classification.compare(given, truth, run.encoder.labels)
