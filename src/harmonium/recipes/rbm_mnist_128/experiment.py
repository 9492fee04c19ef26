"""The recipe ``rbm-mnist-128``: one start, five ways of training it, and the likelihood that each reaches."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ... import evaluation
from ...data import steps_per_epoch
from ...evaluation import Estimate
from ...machines import RBM
from ...progress import Progress, silent
from ...report.page import Page
from ...sampling import CD, PCD
from ...training import CenterGradient, ClipGradNorm, schedule, train
from ...units import Bernoulli
from .. import recipe, write_figures
from ..common import likelihood, mnist

Pair = tuple[Tensor, Tensor]
LINES = {
    "source": "the source's code",
    "detached": "the same, detached",
    "cd": "CD-1",
    "matched": "CD-1, biases from the data",
    "defaults": "harmonium's defaults",
}


@dataclass
class Line:
    """One way of training: its machine, the mean loss and the reconstructions by epoch, the seconds it took."""

    machine: RBM
    losses: list[float] = field(default_factory=list)
    shown: dict[int, Tensor] = field(default_factory=dict)
    seconds: float = 0.0
    found: Estimate = field(init=False)


# What the source does, in the source's own words; the parameters are those of our machine.


def source_forward(machine: RBM, v: Tensor, generator: Generator) -> Pair:
    """Do what the source's `forward` does for k = 1."""
    W, v_bias, h_bias = machine.weight, machine.visible.bias, machine.hidden.bias
    h_prob = torch.sigmoid(F.linear(v, W.t(), h_bias))
    h_sample = torch.bernoulli(h_prob, generator=generator)
    v_prob = torch.sigmoid(F.linear(h_sample, W, v_bias))
    v_gibb = v_prob
    return v, v_gibb


def source_free_energy(machine: RBM, v: Tensor) -> Tensor:
    """Do what the source's ``free_energy`` does."""
    W, v_bias, h_bias = machine.weight, machine.visible.bias, machine.hidden.bias
    v_term = torch.matmul(v, v_bias)
    h_term = torch.sum(F.softplus(F.linear(v, W.t(), h_bias)), dim=1)
    return -v_term - h_term


def source_loss(machine: RBM, v: Tensor, generator: Generator) -> Tensor:
    """Return the source's loss, whose gradient runs through v_gibb."""
    v, v_gibb = source_forward(machine, v, generator)
    low, high = source_free_energy(machine, v), source_free_energy(machine, v_gibb)
    return low.mean() - high.mean()


def detached_loss(machine: RBM, v: Tensor, generator: Generator) -> Tensor:
    """Return the same number with the reconstruction cut out of the gradient."""
    v, v_gibb = source_forward(machine, v, generator)
    v_gibb = v_gibb.detach()
    low, high = source_free_energy(machine, v), source_free_energy(machine, v_gibb)
    return low.mean() - high.mean()


LOSSES = {"source": source_loss, "detached": detached_loss}


# The five lines


def carry_out(settings: dict[str, Any], out: Path, *, progress: Progress = silent) -> Page:
    """Train the five lines from one start, measure them, write the figures and the pictures, and fill the page."""
    from .page import fill

    rows = mnist.load(settings)
    start = RBM(Bernoulli(784), Bernoulli(settings["hidden"]), generator=mnist.stream(settings, 0))
    lines = {kind: learn(kind, copy.deepcopy(start), rows, settings, progress) for kind in LINES}
    for kind, line in lines.items():
        line.found = likelihood.measure(line.machine, rows, settings, progress, LINES[kind])
    figures = measure(start, lines, rows, settings)
    write_figures(out, settings, figures)
    return fill(settings, out, rows, lines, figures)


def learn(kind: str, machine: RBM, rows: mnist.Digits, settings: dict[str, Any], progress: Progress) -> Line:
    """Train one line; every line starts from the same weights and the same random stream."""
    line, draw = Line(machine), mnist.stream(settings, 3)
    losses = steps(kind, machine, rows, settings, draw)
    watched, began = rows.test[:10], time.perf_counter()
    for epoch, batch_losses in mnist.passes(losses, rows, settings, progress, f"training: {LINES[kind]}"):
        line.losses.append(sum(batch_losses) / len(batch_losses))
        if epoch in settings["shown"]:
            line.shown[epoch] = mnist.up_and_down(machine, watched, generator=mnist.stream(settings, 4))
    line.seconds = time.perf_counter() - began
    return line


def steps(kind: str, machine: RBM, rows: mnist.Digits, settings: dict[str, Any], draw: Generator) -> Iterator[Tensor]:
    """Return the endless losses of one line's updates."""
    batches = mnist.batches(rows, settings, draw)
    if kind == "defaults":
        return default_steps(machine, batches, rows, settings, draw)
    optimizer = torch.optim.Adam(machine.parameters(), lr=settings["rate"])
    clip = ClipGradNorm(settings["clip"])
    if kind in LOSSES:
        return source_steps(kind, machine, batches, optimizer, clip, draw)
    if kind == "matched":
        machine.init_from_data(rows.train)
    found = train(machine, batches, CD(), optimizer, transforms=[clip], generator=draw)
    return (step.loss for step in found)


def source_steps(
    kind: str,
    machine: RBM,
    batches: Iterator[Tensor],
    optimizer: torch.optim.Optimizer,
    clip: ClipGradNorm,
    draw: Generator,
) -> Iterator[Tensor]:
    """Do what the source's training loop does, with its loss or with the detached one."""
    for v in batches:
        loss = LOSSES[kind](machine, v, draw)
        optimizer.zero_grad()
        loss.backward()
        clip(machine, v, v)
        optimizer.step()
        yield loss.detach()


def default_steps(
    machine: RBM, batches: Iterator[Tensor], rows: mnist.Digits, settings: dict[str, Any], draw: Generator
) -> Iterator[Tensor]:
    """Train as harmonium does unless told otherwise: biases from the data, centered PCD, SGD whose rate falls to 0."""
    machine.init_from_data(rows.train)
    chains = PCD(machine.sample_independent(settings["batch"], generator=draw))
    optimizer = torch.optim.SGD(machine.parameters(), lr=settings["default_rate"])
    updates = settings["epochs"] * steps_per_epoch(len(rows.gray), settings["batch"])
    falling = schedule(optimizer, "linear", updates)
    for step in train(machine, batches, chains, optimizer, transforms=[CenterGradient()], generator=draw):
        falling.step()
        yield step.loss


# What is measured


def measure(start: RBM, lines: dict[str, Line], rows: mnist.Digits, settings: dict[str, Any]) -> dict[str, Any]:
    """Return every figure that the page states."""
    base = evaluation.baseline_log_likelihood(start.visible, rows.train, rows.test)
    return {
        "source": recipe("rbm-mnist-128").source_figures,
        "rows": {"train": len(rows.train), "test": len(rows.test), "binarized": "by sampling"},
        "independent_pixels": base,
        "chains": settings["batch"],
        "gradient_at_start": slant(start, rows, settings),
        "lines": {kind: line_figures(line, rows, settings) for kind, line in lines.items()},
    }


def line_figures(line: Line, rows: mnist.Digits, settings: dict[str, Any]) -> dict[str, Any]:
    """Return what one line reached."""
    return {
        "losses": line.losses,
        "final_loss": line.losses[-1],
        "seconds": line.seconds,
        "likelihood": likelihood.figures(line.found),
        "gradient": slant(line.machine, rows, settings),
        "states": state_figures(line.machine, rows, settings),
    }


def slant(machine: RBM, rows: mnist.Digits, settings: dict[str, Any]) -> dict[str, float]:
    """Compare the source's gradient with the detached one on one batch, both with the same hidden draw."""
    one, other = (
        lambda machine, v, loss=loss: loss(machine, v, mnist.stream(settings, 5))
        for loss in (source_loss, detached_loss)
    )
    return mnist.compare_gradients(machine, rows.train[: settings["batch"]], one, other)


@torch.no_grad()
def state_figures(machine: RBM, rows: mnist.Digits, settings: dict[str, Any]) -> dict[str, float]:
    """Return mean free energies in nats, shares of lit pixels, and how undecided the reconstructed pixels are."""
    draw, v = mnist.stream(settings, 6), rows.test[:1000]
    p = mnist.up_and_down(machine, v, generator=draw)
    drawn = torch.bernoulli(p, generator=draw)
    flips = mnist.coin_flips(machine, 200, generator=draw)
    dreamt, _ = mnist.sample_chain(machine, flips, settings["gibbs_steps"], generator=draw)
    kinds = {"data": v, "probabilities": p, "drawn": drawn, "fantasies": dreamt}
    energies = {f"free_energy_{name}": float(machine.free_energy(x).mean()) for name, x in kinds.items()}
    lit = {f"lit_{name}": float(x.mean()) for name, x in kinds.items()}
    return {**energies, **lit, "undecided": float((p * (1 - p)).mean())}
