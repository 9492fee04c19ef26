"""The recipe ``rbm-mnist-500``: a long run of CD-1, watched with more than its loss."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ... import evaluation
from ...evaluation import Estimate
from ...machines import RBM
from ...progress import Progress, silent
from ...report.page import Page
from ...sampling import CD, gibbs_sample
from ...training import train
from ...units import Bernoulli
from .. import recipe, write_figures
from ..common import likelihood, mnist

FIELDS = (-20.0, -5.0, 0.0, 20.0, 88.0, 89.0, 1000.0)


@dataclass
class Run:
    """One training run as it went: curves by epoch, and what was seen and measured at some epochs."""

    machine: RBM
    losses: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    last_losses: list[float] = field(default_factory=list)
    shown: dict[int, Tensor] = field(default_factory=dict)
    evaluated: dict[int, Estimate] = field(default_factory=dict)
    before: Tensor | None = None
    after: Tensor | None = None
    seconds: float = 0.0


# What the source does, in the source's own words; W is turned, since ours is (visible, hidden).


def source_sampling(p: Tensor, generator: Generator) -> Tensor:
    """Do what the source's ``sampling`` does: 1 where p is above a uniform number, else 0."""
    _p = p - torch.rand(p.size(), generator=generator)
    p_sign = torch.sign(_p)
    return torch.nn.functional.relu(p_sign)


def source_forward(machine: RBM, v: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Do what the source's ``forward`` does for k = 1."""
    W, v_bias, h_bias = machine.weight.t(), machine.visible.bias, machine.hidden.bias
    _h = source_sampling(torch.sigmoid(F.linear(v, W, h_bias)), generator)
    _v = source_sampling(torch.sigmoid(F.linear(_h, W.t(), v_bias)), generator)
    return v, _v


def source_free_energy(machine: RBM, v: Tensor) -> Tensor:
    """Do what the source's ``freeEnergy`` does, the unsafe logarithm included."""
    W, v_bias, h_bias = machine.weight.t(), machine.visible.bias, machine.hidden.bias
    vbias = v.mv(v_bias)
    wx_b = F.linear(v, W, h_bias)
    sum_i = torch.log(1 + torch.exp(wx_b))
    ssum = torch.sum(sum_i, dim=1)
    return (-ssum - vbias).mean()


def source_loss(machine: RBM, v: Tensor, generator: Generator) -> Tensor:
    """Return the source's loss, with whatever gradient runs through its chain."""
    v, v1 = source_forward(machine, v, generator)
    return source_free_energy(machine, v) - source_free_energy(machine, v1)


def plain_loss(machine: RBM, v: Tensor, generator: Generator) -> Tensor:
    """Return our loss for the same states, the chain kept out of the gradient."""
    with torch.no_grad():
        v, v1 = source_forward(machine, v, generator)
    return machine.free_energy(v).mean() - machine.free_energy(v1).mean()


# The run


def carry_out(settings: dict[str, Any], out: Path, *, progress: Progress = silent) -> Page:
    """Train, measure, write the figures and the pictures, and fill the page."""
    from .page import fill

    rows = mnist.load(settings)
    machine = RBM(Bernoulli(784), Bernoulli(settings["hidden"]), generator=mnist.stream(settings, 0))
    done = learn(machine, rows, settings, progress)
    figures = measure(done, rows, settings)
    write_figures(out, settings, figures)
    return fill(settings, out, rows, done, figures)


def learn(machine: RBM, rows: mnist.Digits, settings: dict[str, Any], progress: Progress) -> Run:
    """Train by CD-1 from the source's start: biases of zero, weights of 0.01."""
    done, draw = Run(machine), mnist.stream(settings, 3)
    optimizer = torch.optim.Adam(machine.parameters(), lr=settings["rate"])
    found = train(machine, mnist.batches(rows, settings, draw), CD(), optimizer, generator=draw)
    done.before = one_sweep(machine, rows.grey_test[:32], settings)
    began = time.perf_counter()
    for index, batch_losses in mnist.passes((s.loss for s in found), rows, settings, progress, "training"):
        done.seconds += time.perf_counter() - began
        note(done, index + 1, batch_losses, rows, settings, progress)
        began = time.perf_counter()
    done.after = one_sweep(machine, rows.grey_test[:32], settings)
    return done


def note(
    done: Run, epoch: int, batch_losses: list[float], rows: mnist.Digits, settings: dict[str, Any], progress: Progress
) -> None:
    """Write down what the end of an epoch, counted from 1, has to show."""
    done.last_losses = batch_losses
    done.losses.append(sum(batch_losses) / len(batch_losses))
    done.gaps.append(evaluation.free_energy_gap(done.machine, rows.train[:10_000], rows.valid))
    if epoch in settings["shown"]:
        done.shown[epoch] = one_sweep(done.machine, rows.train[-32:], settings)
    if epoch in settings["evaluated"]:
        done.evaluated[epoch] = likelihood.measure(done.machine, rows, settings, progress, f"after epoch {epoch}")


def one_sweep(machine: RBM, v: Tensor, settings: dict[str, Any]) -> Tensor:
    """Return the states one Gibbs step from ``v``, zeros and ones: what the source calls v1."""
    return gibbs_sample(machine, v, 1, generator=mnist.stream(settings, 4))


# What is measured


def measure(done: Run, rows: mnist.Digits, settings: dict[str, Any]) -> dict[str, Any]:
    """Return every figure that the page states."""
    last = torch.tensor(done.last_losses)
    return {
        "source": recipe("rbm-mnist-500").source_figures,
        "rows": {"train": len(rows.train), "test": len(rows.test), "binarized": "by sampling"},
        "independent_pixels": evaluation.baseline_log_likelihood(done.machine.visible, rows.train, rows.test),
        "seconds": done.seconds,
        "losses": done.losses,
        "last_epoch": {"mean": float(last.mean()), "low": float(last.min()), "high": float(last.max())},
        "last_losses": done.last_losses,
        "free_energy_gaps": done.gaps,
        "likelihoods": {epoch: likelihood.figures(found) for epoch, found in done.evaluated.items()},
        "gradient": slant(done.machine, rows, settings),
        "free_energies": free_energies(done.machine, rows, settings),
        "largest_hidden_field": largest_field(done.machine, rows.test),
        "softplus": [softplus_row(x) for x in FIELDS],
    }


def slant(machine: RBM, rows: mnist.Digits, settings: dict[str, Any]) -> dict[str, float]:
    """Compare the gradient that runs through the source's chain with ours, on one batch and the same draws."""
    one, other = (
        lambda machine, v, loss=loss: loss(machine, v, mnist.stream(settings, 5)) for loss in (source_loss, plain_loss)
    )
    return mnist.compare_gradients(machine, rows.train[: settings["batch"]], one, other)


@torch.no_grad()
def free_energies(machine: RBM, rows: mnist.Digits, settings: dict[str, Any]) -> dict[str, float]:
    """Return the mean free energy, in nats, of test rows and of chains from them and from coin flips."""
    draw, v, gibbs_steps = mnist.stream(settings, 6), rows.test[:200], settings["gibbs_steps"]
    flips = mnist.coin_flips(machine, len(v), generator=draw)
    states = {
        "data": v,
        "one_sweep": gibbs_sample(machine, v, 1, generator=draw),
        "many_sweeps_from_data": gibbs_sample(machine, v, gibbs_steps, generator=draw),
        "many_sweeps_from_coin_flips": gibbs_sample(machine, flips, gibbs_steps, generator=draw),
    }
    return {name: float(machine.free_energy(x).mean()) for name, x in states.items()}


@torch.no_grad()
def largest_field(machine: RBM, v: Tensor) -> float:
    """Return the largest hidden field, bias included, over rows ``v``: what the source's exp is taken of."""
    return float((machine.up(v) + machine.hidden.bias).max())


def softplus_row(x: float) -> dict[str, float]:
    """Return log(1 + eˣ) and its slope in float32, as the source writes it and by ``F.softplus``."""
    naive, slope = _with_slope(lambda t: torch.log(1 + torch.exp(t)), x)
    safe, safe_slope = _with_slope(F.softplus, x)
    return {"x": x, "naive": naive, "naive_slope": slope, "softplus": safe, "softplus_slope": safe_slope}


def _with_slope(function: Any, x: float) -> tuple[float, float]:
    t = torch.tensor(x, dtype=torch.float32, requires_grad=True)
    y = function(t)
    return float(y.detach()), float(torch.autograd.grad(y, t)[0])
