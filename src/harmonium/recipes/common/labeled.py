"""What recipes on labeled digits share: rows and labels, an independent classifier, a network's read-outs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils import skip_init
from torch.optim import SGD, Adam

from ... import data, evaluation, numerics, sampling
from ...evaluation import Classification
from ...machines import DBN
from ...progress import Progress, silent
from ...training import finetune_classifier, param_groups, updown
from .steps import Settings, counted, falling, stream

DIGITS = 10
SHAPE = (28, 28)
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}  # of the Gibbs steps at the top


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


def mnist(settings: Settings, *splits: str, binarize: str = "none") -> Rows:
    """Return the rows of some splits of MNIST under each other."""
    found = [data.load("mnist", split, data_dir=settings["data_dir"]) for split in splits]
    v = torch.cat([held.tensor(binarize) for held in found])
    return Rows(v, torch.cat([torch.as_tensor(held.labels).long() for held in found]))


def pairs(rows: Rows, batch: int, draw: Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Return endless batches of rows and their class numbers."""
    for x in data.batches(torch.cat([rows.v, rows.marks()], 1), batch, generator=draw):
        yield x[:, :-DIGITS], x[:, -DIGITS:].argmax(1)


# A classifier that knows real digits only


def classifier(gray: Rows, settings: Settings, progress: Progress) -> nn.Sequential:
    """Return a network of one hidden layer that learned the labels of real digits by back-propagation."""
    draw = stream(settings["seed"], 5)
    net = nn.Sequential(skip_init(nn.Linear, gray.v.shape[1], 300), nn.Sigmoid(), skip_init(nn.Linear, 300, DIGITS))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.05 * numerics.normal(parameter, generator=draw))
    steps = finetune_classifier(net, pairs(gray, 100, draw), Adam(net.parameters(), lr=0.002))
    for _ in counted(steps, settings["classifier_updates"], progress, "the classifier"):
        pass
    return net.requires_grad_(False)


def agreement(net: nn.Sequential, rows: Rows) -> float:
    """Return the share of rows that the classifier gives their label."""
    return float((net(rows.v).argmax(1) == rows.label).double().mean())


# A deep belief network: fine-tuning, two read-outs, digits to order


def tuned(
    network: DBN,
    rows: Rows,
    way: Mapping[str, Any],
    settings: Settings,
    draw: Generator,
    progress: Progress,
    label: str,
) -> Iterator[tuple[int, float]]:
    """Fine-tune a network by up-down with the steps of a way; yield each epoch that is done and its mean loss."""
    each = data.steps_per_epoch(len(rows), settings["batch"])
    total, stages = each * settings["epochs"], way["top_steps"]
    optimizer = SGD(param_groups(network, **{part: way[part] for part in ("generation", "recognition", "top")}), lr=0.0)
    losses: list[Tensor] = []
    steps = updown(
        network,
        data.batches(torch.cat([rows.v, rows.marks()], 1), settings["batch"], generator=draw),
        optimizer,
        precision=PRECISIONS[way.get("precision", "float32")],
        generator=draw,
        gibbs_steps=lambda at: stages[min(at * len(stages) // total, len(stages) - 1)],
    )
    for update, step in falling(steps, optimizer, total, progress, label, way["step"]):
        losses.append(step.loss)
        if update % each == 0:
            yield update // each, float(torch.stack(losses).mean())
            losses.clear()


def exact(network: DBN, rows: Rows) -> Classification:
    """Return the labels given by the exact free energy of every label above the means of the pass up."""
    return Classification.compare(evaluation.class_log_probs(network, rows.v).argmax(-1), rows.label, DIGITS)


def by_chain(network: DBN, rows: Rows, steps: int, seed: int) -> Classification:
    """Return the labels given by Gibbs steps from an even label, above a drawn pass up."""
    scores = evaluation.gibbs_class_probs(network, rows.v, gibbs_steps=steps, generator=stream(seed, 2))
    return Classification.compare(scores.argmax(-1), rows.label, DIGITS)


def to_order(network: DBN, settings: Settings, seed: int, progress: Progress = silent) -> Rows:
    """Return what the network draws for every label in turn, as means of the pixels, the label clamped."""
    label, draw = torch.arange(DIGITS).repeat(settings["drawn"]), stream(seed, 6)
    chains = sampling.sample_chain(
        network,
        len(label),
        settings["drawn_steps"],
        label=label,
        progress=lambda steps, _: progress(steps, "digits to order"),
        generator=draw,
    )
    *_, (_, mean) = chains
    return Rows(mean, label)
