"""The recipe ``rbm-mnist-128``: one start, five ways of training it, and the likelihood that each reaches."""

import copy
import inspect
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ... import evaluation, plots
from ...data import steps_per_epoch
from ...machines import RBM
from ...progress import Progress, silent
from ...sampling import CD, PCD
from ...training import CenterGradient, ClipGradNorm, schedule, train
from ...units import Bernoulli
from ..common import mnist
from ..common.steps import Settings, stream

Figures = dict[str, Any]
LINES = {
    "source": "the source's code",
    "detached": "the same, detached",
    "cd": "CD-1",
    "matched": "CD-1, biases from the data",
    "defaults": "harmonium's defaults",
}


# What the source does, in the source's own words; the parameters are those of our machine.


def source_forward(machine: RBM, v: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
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


def carry_out(settings: Settings, out: Path, *, progress: Progress = silent) -> Figures:
    """Train the five lines from one start, measure and draw them, and return the figures."""
    rows = mnist.load(settings)
    start = RBM(Bernoulli(784), Bernoulli(settings["hidden"]), generator=stream(settings["seed"], 0))
    machines = {kind: copy.deepcopy(start) for kind in LINES}
    learned = {kind: learn(kind, machine, rows, settings, out, progress) for kind, machine in machines.items()}
    figures = {
        "rows": {"train": len(rows.train), "test": len(rows.test)},
        "independent_pixels": evaluation.baseline_log_likelihood(start.visible, rows.train, rows.test),
        "code": {
            "source": inspect.getsource(source_forward) + "\n\n" + inspect.getsource(source_loss),
            "detached": inspect.getsource(detached_loss),
        },
        "gradient_at_start": slant(start, rows, settings),
        "lines": {kind: learned[kind] | measure(kind, machines[kind], rows, settings, progress) for kind in LINES},
    }
    losses = {LINES[kind]: learned[kind]["losses"] for kind in LINES}
    panels = [("mean loss of an epoch, F(v) − F(v′), in nats", list(losses))]
    chart = plots.curves({"epoch": list(range(settings["epochs"])), **losses}, panels=panels)
    plots.save_picture(out / "losses.png", chart)
    for kind, machine in machines.items():
        mnist.draw_chains(out, f"samples-{kind}", machine, rows, settings)
        mnist.draw_features(out, f"features-{kind}", machine, settings["hidden"])
    return figures


def learn(kind: str, machine: RBM, rows: mnist.Digits, settings: Settings, out: Path, progress: Progress) -> Figures:
    """Train one line, from the same weights and the same random stream as all, and draw its reconstructions."""
    losses, seed, digits = [], settings["seed"], rows.test[:10]
    groups, began = [("data", digits.numpy())], time.perf_counter()
    found = steps(kind, machine, rows, settings, stream(seed, 3))
    for epoch, batch_losses in mnist.passes(found, rows, settings, progress, f"training: {LINES[kind]}"):
        losses.append(sum(batch_losses) / len(batch_losses))
        if epoch in settings["shown"]:
            shown = mnist.up_and_down(machine, digits, generator=stream(seed, 4))
            groups.append((f"epoch {epoch}", shown.numpy()))
    seconds = time.perf_counter() - began
    plots.save_picture(out / f"reconstructions-{kind}.png", plots.strips(groups, mnist.SHAPE))
    return {"name": LINES[kind], "losses": losses, "final_loss": losses[-1], "seconds": seconds}


def steps(kind: str, machine: RBM, rows: mnist.Digits, settings: Settings, draw: Generator) -> Iterator[Tensor]:
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
    kind: str, machine: RBM, batches: Iterator[Tensor], optimizer: torch.optim.Adam, clip: ClipGradNorm, draw: Generator
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
    machine: RBM, batches: Iterator[Tensor], rows: mnist.Digits, settings: Settings, draw: Generator
) -> Iterator[Tensor]:
    """Train as harmonium does unless told otherwise: biases from the data, centered PCD, SGD whose rate falls to 0."""
    machine.init_from_data(rows.train)
    chains = PCD(machine.sample_independent(settings["batch"], generator=draw))
    optimizer = torch.optim.SGD(machine.parameters(), lr=settings["default_rate"])
    falling = schedule(optimizer, "linear", settings["epochs"] * steps_per_epoch(len(rows.gray), settings["batch"]))
    for step in train(machine, batches, chains, optimizer, transforms=[CenterGradient()], generator=draw):
        falling.step()
        yield step.loss


# What is measured


def measure(kind: str, machine: RBM, rows: mnist.Digits, settings: Settings, progress: Progress) -> Figures:
    """Return what one line reached."""
    return {
        "likelihood": mnist.likelihood(machine, rows, settings, progress, LINES[kind]),
        "gradient": slant(machine, rows, settings),
        "states": states(machine, rows, settings),
    }


def slant(machine: RBM, rows: mnist.Digits, settings: Settings) -> dict[str, float]:
    """Compare the source's gradient with the detached one on one batch, both with the same hidden draw."""
    v = rows.train[: settings["batch"]]
    return mnist.compare_gradients(machine, v, source_loss, detached_loss, settings["seed"])


@torch.no_grad()
def states(machine: RBM, rows: mnist.Digits, settings: Settings) -> dict[str, float]:
    """Return mean free energies in nats, shares of lit pixels, and how undecided the reconstructed pixels are."""
    draw, v = stream(settings["seed"], 6), rows.test[:1000]
    p = mnist.up_and_down(machine, v, generator=draw)
    drawn = torch.bernoulli(p, generator=draw)
    flips = mnist.coin_flips(machine, 200, generator=draw)
    free, _ = mnist.long_chain(machine, flips, settings["chain_steps"], generator=draw)
    kinds = {"data": v, "probabilities": p, "drawn": drawn, "fantasies": free}
    energies = {f"free_energy_{name}": float(machine.free_energy(x).mean()) for name, x in kinds.items()}
    lit = {f"lit_{name}": float(x.mean()) for name, x in kinds.items()}
    return {**energies, **lit, "undecided": float((p * (1 - p)).mean())}
