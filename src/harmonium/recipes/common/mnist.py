"""What recipes on MNIST share: the rows, the passes over them, the chains and the pictures."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from ... import data, numerics, plots
from ...data import Dataset
from ...errors import InputError
from ...machines import RBM
from ...progress import Progress
from ...report.page import Section
from ...sampling import gibbs_sample
from .words import show

SHAPE = (28, 28)
Loss = Callable[[RBM, Tensor], Tensor]


@dataclass(frozen=True)
class Digits:
    """The rows of one run: gray training rows, and one fixed draw of zeros and ones of each split to evaluate by."""

    gray: Dataset
    train: Tensor
    valid: Tensor
    test: Tensor
    grey_test: Tensor


def load(settings: Mapping[str, Any]) -> Digits:
    """Return MNIST with ``rows`` training rows (all if none is given) and ``test_rows`` test rows.

    The rows to evaluate by are binarized once, from a stream of their own, so that every machine of a run meets the
    same ones.
    """
    held = {split: data.load("mnist", split, data_dir=settings["data_dir"]) for split in data.SPLITS}
    if settings["rows"]:
        held["train"] = held["train"].take(settings["rows"])
    held["test"] = held["test"].take(settings["test_rows"])
    draw = stream(settings, 1)
    drawn = {split: held[split].binarized("sample", generator=draw) for split in data.SPLITS}
    return Digits(held["train"], drawn["train"], drawn["valid"], drawn["test"], held["test"].tensor())


def stream(settings: Mapping[str, Any], number: int) -> Generator:
    """Return one of the run's random streams: 0 for the weights, 1 for the rows to evaluate by, others for the rest."""
    return torch.Generator().manual_seed(1000 * settings["seed"] + number)


def passes(
    losses: Iterator[Tensor], rows: Digits, settings: Mapping[str, Any], progress: Progress, label: str
) -> Iterator[tuple[int, list[float]]]:
    """Run the training that ``losses`` drives; yield each epoch's number from 0 and the loss of its every batch."""
    batches = data.steps_per_epoch(len(rows.gray), settings["batch"])
    for epoch in progress(range(settings["epochs"]), label):
        yield epoch, torch.stack([next(losses) for _ in range(batches)]).tolist()


def batches(rows: Digits, settings: Mapping[str, Any], generator: Generator) -> Iterator[Tensor]:
    """Return endless training batches, whose gray levels are drawn as zeros and ones at each meeting."""
    return data.batches(rows.gray, settings["batch"], binarize="sample", generator=generator)


def coin_flips(machine: RBM, count: int, *, generator: Generator) -> Tensor:
    """Draw visible states whose every pixel is 0 or 1 with equal odds."""
    return numerics.bernoulli(machine.visible.zero_field(count), generator=generator)


@torch.no_grad()
def sample_chain(machine: RBM, v: Tensor, gibbs_steps: int, *, generator: Generator) -> tuple[Tensor, Tensor]:
    """Run chains from ``v``; return their last states and the probabilities these were drawn from."""
    v = gibbs_sample(machine, v, gibbs_steps - 1, generator=generator)
    field = machine.down(machine.hidden.sample(machine.up(v), generator=generator))
    return machine.visible.sample(field, generator=generator), machine.visible.mean(field)


@torch.no_grad()
def up_and_down(machine: RBM, v: Tensor, *, generator: Generator) -> Tensor:
    """Return the probabilities of the pixels given one draw of the hidden units given ``v``."""
    return machine.visible.mean(machine.down(machine.hidden.sample(machine.up(v), generator=generator)))


def compare_gradients(machine: RBM, v: Tensor, one: Loss, other: Loss) -> dict[str, float]:
    """Set the gradient of ``one`` loss against that of the ``other`` over all parameters of ``machine``.

    ``cosine`` is of the angle between them, ``ratio`` their sizes' quotient one/other, ``difference`` the size of
    one − other over that of the other.  A machine where the other gradient is zero raises `InputError`.
    """
    a, b = (torch.cat([g.flatten() for g in _gradient(machine, v, loss)]).double() for loss in (one, other))
    if not b.norm() > 0:
        raise InputError("the gradient to compare with is zero: expected a machine that has not converged")
    return {
        "cosine": float(a @ b / (a.norm() * b.norm())),
        "ratio": float(a.norm() / b.norm()),
        "difference": float((a - b).norm() / b.norm()),
    }


def _gradient(machine: RBM, v: Tensor, loss: Loss) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss(machine, v), list(machine.parameters()))


def features(machine: RBM, count: int) -> np.ndarray:
    """Draw the weights of the first ``count`` hidden units, one tile each, on one scale."""
    weight = machine.weight.detach()[:, :count].T.numpy()
    return plots.signed_grid(weight, SHAPE, columns=16)


def tiles(rows: Tensor, columns: int) -> np.ndarray:
    """Draw rows of pixels between 0 and 1, one tile each."""
    return plots.grid(rows.numpy(), SHAPE, columns=columns)


def show_chains(
    section: Section, out: Path, name: str, machine: RBM, rows: Digits, settings: Mapping[str, Any], words: str = ""
) -> None:
    """Show what long chains draw, from coin flips and from test digits, as probabilities."""
    gibbs_steps, draw, digits = settings["gibbs_steps"], stream(settings, 7), rows.test[:10]
    start = coin_flips(machine, settings["samples"], generator=draw)
    free = sample_chain(machine, start, gibbs_steps, generator=draw)[1]
    led = sample_chain(machine, digits, gibbs_steps, generator=draw)[1]
    show(
        section,
        out,
        f"{name}-free",
        tiles(free, 16),
        f"{words}chains from coin flips, {gibbs_steps:,} Gibbs steps later.",
    )
    groups = [("test digits", digits.numpy()), (f"{gibbs_steps:,} Gibbs steps on", led.numpy())]
    show(section, out, f"{name}-led", plots.strips(groups, SHAPE), f"{words}chains from test digits.")


def training_rows(count: int) -> str:
    """Say how many training rows were used and why not all 60,000."""
    return f"{count:,} of the 60,000 of MNIST; the last 1,000 are kept for validation"
