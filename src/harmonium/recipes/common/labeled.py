"""What recipes on labeled digits share: rows with their class numbers, and an independent evaluate of what is drawn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils import skip_init
from torch.optim import Adam

from ... import data, numerics
from ...progress import Progress
from ...training import finetune_classifier
from .small_machines import stream
from .steps import counted

DIGITS = 10


@dataclass(frozen=True)
class Rows:
    """Pixels, (rows, 784), and class numbers, (rows,)."""

    v: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.v)

    def take(self, count: int | None) -> "Rows":
        """Return the first ``count`` rows, or all of them."""
        return Rows(self.v[:count], self.label[:count])

    def marks(self) -> Tensor:
        """Return the labels as columns, one for each class."""
        return one_hot(self.label, DIGITS).to(self.v)


def mnist(settings: Mapping[str, Any], *splits: str, binarize: str = "none") -> Rows:
    """Return the rows of some splits of MNIST under each other."""
    found = [data.load("mnist", split, data_dir=settings["data_dir"]) for split in splits]
    v = torch.cat([held.tensor(binarize) for held in found])
    return Rows(v, torch.cat([torch.as_tensor(held.labels).long() for held in found]))


def classifier(gray: Rows, settings: Mapping[str, Any], progress: Progress) -> nn.Sequential:
    """Return a network of one hidden layer that learned the labels of real digits by back-propagation."""
    draw = stream(settings["seed"], 5)
    net = nn.Sequential(skip_init(nn.Linear, gray.v.shape[1], 300), nn.Sigmoid(), skip_init(nn.Linear, 300, DIGITS))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.05 * numerics.normal(parameter, generator=draw))
    steps = finetune_classifier(net, pairs(gray, 100, draw), Adam(net.parameters(), lr=0.002))
    for _ in counted(steps, settings["judge_updates"], progress, "the evaluate of samples"):
        pass
    return net.requires_grad_(False)


def pairs(rows: Rows, batch: int, draw: Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Return endless batches of rows and their class numbers."""
    for x in data.batches(torch.cat([rows.v, rows.marks()], 1), batch, generator=draw):
        yield x[:, :-DIGITS], x[:, -DIGITS:].argmax(1)


def agreement(net: nn.Sequential, rows: Rows) -> float:
    """Return the share of rows that the classifier gives their label."""
    return float((net(rows.v).argmax(1) == rows.label).double().mean())
