"""What the RBMs on MNIST share: the rows, the passes over them, the chains, the pictures, and the likelihood."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from ... import data, evaluation, numerics, plots
from ...data import Dataset
from ...errors import InputError
from ...machines import RBM
from ...progress import Progress
from ...sampling import gibbs_sample
from .steps import Settings, stream

SHAPE = (28, 28)
Loss = Callable[[RBM, Tensor, Generator], Tensor]


@dataclass(frozen=True)
class Digits:
    """The rows of one run: gray training rows, and one fixed draw of zeros and ones of each split to measure on."""

    gray: Dataset
    train: Tensor
    valid: Tensor
    test: Tensor
    gray_test: Tensor


def load(settings: Settings) -> Digits:
    """Return MNIST with ``rows`` training rows (all if none is given) and ``test_rows`` test rows.

    The rows to measure on are binarized once, from a stream of their own, so that every machine of a run meets the
    same ones.
    """
    held = {split: data.load("mnist", split, data_dir=settings["data_dir"]) for split in data.SPLITS}
    if settings["rows"]:
        held["train"] = held["train"].take(settings["rows"])
    held["test"] = held["test"].take(settings["test_rows"])
    draw = stream(settings["seed"], 1)
    drawn = {split: held[split].binarized("sample", generator=draw) for split in data.SPLITS}
    return Digits(held["train"], drawn["train"], drawn["valid"], drawn["test"], held["test"].tensor())


def batches(rows: Digits, settings: Settings, generator: Generator) -> Iterator[Tensor]:
    """Return endless training batches, whose gray levels are drawn as zeros and ones at each meeting."""
    return data.batches(rows.gray, settings["batch"], binarize="sample", generator=generator)


def passes(
    losses: Iterator[Tensor], rows: Digits, settings: Settings, progress: Progress, label: str
) -> Iterator[tuple[int, list[float]]]:
    """Run the training that ``losses`` drives; yield each epoch's number from 0 and the loss of its every batch."""
    each = data.steps_per_epoch(len(rows.gray), settings["batch"])
    for epoch in progress(range(settings["epochs"]), label):
        yield epoch, torch.stack([next(losses) for _ in range(each)]).tolist()


def likelihood(machine: RBM, rows: Digits, settings: Settings, progress: Progress, label: str) -> dict[str, Any]:
    """Return the mean log-likelihood of the test rows in nats a row, by annealed importance sampling (AIS).

    It is no higher than the test rows themselves allow.
    """
    *_, log_z = evaluation.ais_until_consistent(
        machine,
        rows.train,
        **{name: settings[name] for name in ("chains", "n_betas", "most")},
        progress=lambda steps, what: progress(steps, f"likelihood, {label}: {what}"),
        generator=stream(settings["seed"], 2),
    )
    log_z = log_z.at_least(evaluation.certificate_of_rows(machine, rows.test))
    return asdict(replace(evaluation.log_likelihood(machine, rows.test, log_z), basins=None))


# Chains


def coin_flips(machine: RBM, count: int, *, generator: Generator) -> Tensor:
    """Draw visible states whose every pixel is 0 or 1 with equal odds."""
    return numerics.bernoulli(machine.visible.zero_field(count), generator=generator)


@torch.no_grad()
def long_chain(machine: RBM, v: Tensor, steps: int, *, generator: Generator) -> tuple[Tensor, Tensor]:
    """Run chains from ``v``; return their last states and the probabilities these were drawn from."""
    v = gibbs_sample(machine, v, steps - 1, generator=generator)
    field = machine.down(machine.hidden.sample(machine.up(v), generator=generator))
    return machine.visible.sample(field, generator=generator), machine.visible.mean(field)


@torch.no_grad()
def up_and_down(machine: RBM, v: Tensor, *, generator: Generator) -> Tensor:
    """Return the probabilities of the pixels given one draw of the hidden units given ``v``."""
    return machine.visible.mean(machine.down(machine.hidden.sample(machine.up(v), generator=generator)))


# Gradients


def compare_gradients(machine: RBM, v: Tensor, one: Loss, other: Loss, seed: int) -> dict[str, float]:
    """Set the gradient of ``one`` loss against that of the ``other`` over all parameters, both with the same draws.

    ``cosine`` is of the angle between them, ``ratio`` their sizes' quotient one/other, ``difference`` the size of
    one − other over that of the other.  A machine where the other gradient is zero raises `InputError`.
    """
    a, b = (_gradient(machine, loss(machine, v, stream(seed, 5))) for loss in (one, other))
    if not b.norm() > 0:
        raise InputError("the gradient to compare with is zero: expected a machine that has not converged")
    return {
        "cosine": float(a @ b / (a.norm() * b.norm())),
        "ratio": float(a.norm() / b.norm()),
        "difference": float((a - b).norm() / b.norm()),
    }


def _gradient(machine: RBM, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(machine.parameters()))]).double()


# Pictures


def tiles(rows: Tensor, columns: int) -> np.ndarray:
    """Draw rows of pixels between 0 and 1, one tile each."""
    return plots.grid(rows.numpy(), SHAPE, columns=columns)


def draw_features(out: Path, name: str, machine: RBM, count: int) -> None:
    """Draw the weights of the first ``count`` hidden units, one tile each, on one scale."""
    weight = machine.weight.detach()[:, :count].T.numpy()
    plots.save_picture(out / f"{name}.png", plots.signed_grid(weight, SHAPE, columns=16))


def draw_chains(out: Path, name: str, machine: RBM, rows: Digits, settings: Settings) -> None:
    """Draw what long chains draw, from coin flips and from test digits, as probabilities."""
    steps, draw, digits = settings["chain_steps"], stream(settings["seed"], 7), rows.test[:10]
    start = coin_flips(machine, settings["samples"], generator=draw)
    free = long_chain(machine, start, steps, generator=draw)[1]
    led = long_chain(machine, digits, steps, generator=draw)[1]
    groups = [("test digits", digits.numpy()), (f"{steps:,} Gibbs steps on", led.numpy())]
    plots.save_picture(out / f"{name}-free.png", tiles(free, 16))
    plots.save_picture(out / f"{name}-led.png", plots.strips(groups, SHAPE))
