"""The figures and pictures of a training: what is told after every epoch."""

import csv
import io
import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from ..data import Dataset
from ..encoding import Encoder
from ..evaluation import static_weight_fraction, weight_norm
from ..machines import DBN, Machine
from ..sampling import sample
from .splits import Splits
from .stages import FIGURES, Stage

WATCHED = 200  # rows that the figures of an epoch are taken from
READ = 1000  # rows whose labels are read
SHOWN = 32  # rows of a snapshot
APART = 100  # updates between figures, which cost about as much as fifty
MANY, CHEAP = 20, 10**7  # figures that a short run has too, where a Gibbs step takes so many products at most
MEASURED = ("label_error", *FIGURES)  # what is not told after every epoch


@dataclass(frozen=True)
class Epoch:
    """The figures of one pass over the data; likelihoods in nats a row, of held-out rows.

    What costs more than an update or two is told now and then (`figures_every`), and is None between.
    ``stage`` counts from 1 the machines that the run learns one after the other.  ``label_error`` is the share of
    held-out rows whose label is missed, ``mean_field_change`` the last move of the means in the positive phase,
    ``free_energy_drift`` that of the chains' free energy in 100 Gibbs steps, in standard errors,
    ``static_weight_fraction`` the share of weights that moved by less than 0.001 in the last update.
    """

    epoch: int
    stage: int
    step: int
    seconds: float
    lr: float
    loss: float
    log_likelihood: float | None
    pseudo_likelihood: float | None
    pseudo_likelihood_error: float | None
    label_error: float | None
    mean_field_change: float | None
    free_energy_drift: float | None
    free_energy_gap: float | None
    reconstruction_error: float | None
    static_weight_fraction: float
    weight_norm: float

    @property
    def measured(self) -> bool:
        """Whether more is told of the epoch than what every update knows."""
        return any(getattr(self, name) is not None for name in MEASURED)

    @property
    def score(self) -> float | None:
        """What early stopping looks at: the likelihood, else the pseudo-likelihood."""
        return self.pseudo_likelihood if self.log_likelihood is None else self.log_likelihood


class Watch:
    """The rows that are watched while a model learns: some of training, some held out."""

    def __init__(self, encoder: Encoder, splits: Splits, device: torch.device):
        self.encoder, self.device = encoder, device
        self.seen, self.unseen = self._states(splits.train.take(WATCHED)), self._states(splits.valid.take(READ))

    def _states(self, rows: Dataset) -> Tensor:
        """Return rows to watch, as sharp states with their labels."""
        watched = Generator().manual_seed(0)
        return self.encoder.rows(rows, sharp=True, labeled=True, whole=True, generator=watched).to(self.device)

    def figures(self, stage: Stage, before: list[Tensor], measured: bool, /, **told: Any) -> Epoch:
        """Return the figures of an epoch, given the weights ``before`` its last update, and what the trainer tells.

        Unless ``measured``, those alone that cost nothing.
        """
        found = dict.fromkeys(MEASURED) | (self._measured(stage) if measured else {})
        return Epoch(
            static_weight_fraction=static_weight_fraction(before, stage.weights),
            weight_norm=weight_norm(stage.weights),
            **told,
            **found,  # type: ignore[arg-type]
        )

    def _measured(self, stage: Stage) -> dict[str, float | None]:
        seen, unseen = stage.encode(self.seen), stage.encode(self.unseen)
        return {"label_error": stage.label_error(unseen), **stage.figures(seen, unseen[:WATCHED])}

    @torch.no_grad()
    def snapshot(self, model: Machine | DBN, chains: Tensor | None, seed: int) -> dict[str, np.ndarray]:
        """Return held-out rows, their reconstructions and the chains, as they are now, in the scale of the data."""
        g = Generator(self.device).manual_seed(seed)
        shown = self.unseen[:SHOWN, : model.width]
        whole = model.infer(shown, generator=g)
        if chains is None or chains.shape[-1] != model.width:
            smooth = sample(model, len(shown), 100, means=True, generator=g)
        else:
            smooth = model.reconstruct(chains[:SHOWN])
        pictures = {"data": shown, "reconstruction": model.reconstruct(whole), "sample": smooth}
        return {name: self.encoder.decode(x.cpu()).numpy() for name, x in pictures.items()}


def figures_every(each: int, lap: int, products: int, patience: int | None) -> int:
    """Return after how many epochs, of ``each`` updates, the figures of a stage of ``lap`` updates are measured.

    By sizes, not by a clock: so seldom that updates cost more, but twenty times at least where one costs little (the
    ``products`` of a Gibbs step), and ten times within what early stopping waits for.
    """
    apart = min(APART, lap / MANY) if products <= CHEAP else APART
    every = math.ceil(apart / each)
    return every if patience is None else max(1, min(every, patience // 10))


def table(history: list[Epoch]) -> str:
    """Return the figures of all epochs as CSV; what is not known is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Epoch)])
    for one in history:
        writer.writerow(["" if value is None else value for value in vars(one).values()])
    return text.getvalue()
