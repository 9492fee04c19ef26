"""Classification by a generative model's own labels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..arguments import Count, Natural, checked
from ..machines import DBN, Machine, label_log_probs
from ..numerics import Seed, stream
from ..units import Rows


@dataclass(frozen=True)
class Classification:
    """How many rows of each class were given each label: ``confusion`` (classes, labels)."""

    confusion: Tensor

    @classmethod
    def compare(cls, given: Tensor, truth: Tensor, classes: int) -> "Classification":
        """Return the counts of labels ``given`` to rows of classes ``truth``, both (rows,)."""
        return cls(torch.bincount(truth * classes + given, minlength=classes**2).view(classes, classes))

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of rows that were given their own label."""
        return float(self.confusion.diagonal().sum()) / self.rows

    @property
    def error(self) -> float:
        """The share of rows that were given another label."""
        return 1 - self.accuracy


@checked
@torch.no_grad()
def class_log_probs(model: Machine | DBN, v: Rows, *, rows: Count = 2000) -> Tensor:
    """Return log p(v, label) up to a constant for every label: (rows, visible without labels) → (rows, labels).

    Exact where it can be; of a `DBN` exact in its top RBM, given the code of a pass up by means.
    """
    v = model.as_rows(v)
    top, code = (model.top, model.encode(v)) if isinstance(model, DBN) else (model, v)
    return torch.cat([label_log_probs(top, part) for part in code.split(rows)])


@checked
@torch.no_grad()
def gibbs_class_probs(model: Machine | DBN, v: Rows, *, gibbs_steps: Natural = 15, generator: Seed = None) -> Tensor:
    """Return the label means after Gibbs steps from an uninformative label with the code clamped: a noisy read-out.

    ``v`` are rows without labels, (rows, visible); the means are (rows, labels).  The lab report that this follows
    draws the pass up and reads the label of the last Gibbs step; `class_log_probs` is exact, cheaper, and better.
    """
    generator = stream(generator, model.weights[0].device)
    v = model.as_rows(v)
    top, code = (model.top, model.recognize(v, generator=generator)[-1]) if isinstance(model, DBN) else (model, v)
    labels = top.visible.labels
    first = code.shape[-1]
    x = pad(code, (0, labels), value=1 / labels)
    if top.latent:
        x = torch.cat([x, top.infer(x)[..., x.shape[-1] :]], -1)
    clamped = torch.arange(top.width, device=v.device) < first
    mean = x
    for _ in range(gibbs_steps):
        x, mean = top.gibbs_with_means(x, clamped, generator=generator)
    return mean[..., first : first + labels]
