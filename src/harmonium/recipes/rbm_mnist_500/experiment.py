"""The recipe ``rbm-mnist-500``: a long run of CD-1, watched with more than its loss."""

import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ... import evaluation, plots
from ...machines import RBM
from ...progress import Progress, silent
from ...sampling import CD, gibbs_sample
from ...training import train
from ...units import Bernoulli
from ..common import mnist
from ..common.small_machines import overflow
from ..common.steps import Settings, stream

Figures = dict[str, Any]
FIELDS = (-20.0, -5.0, 0.0, 20.0, 88.0, 89.0, 1000.0)


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


def carry_out(settings: Settings, out: Path, *, progress: Progress = silent) -> Figures:
    """Train by CD-1, measure and draw as it goes and at the end, and return the figures."""
    rows, seed = mnist.load(settings), settings["seed"]
    machine = RBM(Bernoulli(784), Bernoulli(settings["hidden"]), generator=stream(seed, 0))
    plots.save_picture(out / "test-digits.png", mnist.tiles(rows.gray_test[:32], 16))
    plots.save_picture(out / "test-before.png", mnist.tiles(one_step(machine, rows.gray_test[:32], seed), 16))
    figures, shown = learn(machine, rows, settings, progress)
    plots.save_picture(out / "test-after.png", mnist.tiles(one_step(machine, rows.gray_test[:32], seed), 16))
    draw(figures, shown, rows, out)
    mnist.draw_chains(out, "samples", machine, rows, settings)
    mnist.draw_features(out, "features", machine, settings["features"])
    return figures | measure(machine, rows, settings)


def learn(
    machine: RBM, rows: mnist.Digits, settings: Settings, progress: Progress
) -> tuple[Figures, dict[int, Tensor]]:
    """Train from the source's start, biases of zero; return what each epoch, counted from 1, has to show."""
    seed, shown = settings["seed"], {}
    figures: Figures = {"seconds": 0.0, "losses": [], "free_energy_gaps": [], "likelihoods": {}, "last_losses": []}
    optimizer, rng = torch.optim.Adam(machine.parameters(), lr=settings["rate"]), stream(seed, 3)
    found = train(machine, mnist.batches(rows, settings, rng), CD(), optimizer, generator=rng)
    began = time.perf_counter()
    for epoch, losses in mnist.passes((s.loss for s in found), rows, settings, progress, "training"):
        figures["seconds"] += time.perf_counter() - began
        figures["last_losses"] = losses
        figures["losses"].append(sum(losses) / len(losses))
        figures["free_energy_gaps"].append(evaluation.free_energy_gap(machine, rows.train[:10_000], rows.valid))
        if epoch + 1 in settings["shown"]:
            shown[epoch + 1] = one_step(machine, rows.train[-32:], seed)
        if epoch + 1 in settings["measured"]:
            told = mnist.likelihood(machine, rows, settings, progress, f"after epoch {epoch + 1}")
            figures["likelihoods"][epoch + 1] = told
        began = time.perf_counter()
    return figures, shown


def one_step(machine: RBM, v: Tensor, seed: int) -> Tensor:
    """Return the states one Gibbs step from ``v``, zeros and ones: what the source calls v1."""
    return gibbs_sample(machine, v, 1, generator=stream(seed, 4))


# What is measured


def measure(machine: RBM, rows: mnist.Digits, settings: Settings) -> Figures:
    """Return the figures of the trained machine."""
    batch = rows.train[: settings["batch"]]
    return {
        "rows": {"train": len(rows.train), "test": len(rows.test)},
        "independent_pixels": evaluation.baseline_log_likelihood(machine.visible, rows.train, rows.test),
        "gradient": mnist.compare_gradients(machine, batch, source_loss, plain_loss, settings["seed"]),
        "free_energies": free_energies(machine, rows, settings),
        "largest_hidden_field": largest_field(machine, rows.test),
        "softplus": overflow(FIELDS),
    }


@torch.no_grad()
def free_energies(machine: RBM, rows: mnist.Digits, settings: Settings) -> dict[str, float]:
    """Return the mean free energy, in nats, of test rows and of chains from them and from coin flips."""
    rng, v, steps = stream(settings["seed"], 6), rows.test[:200], settings["chain_steps"]
    flips = mnist.coin_flips(machine, len(v), generator=rng)
    states = {
        "data": v,
        "one_step": gibbs_sample(machine, v, 1, generator=rng),
        "chains_from_data": gibbs_sample(machine, v, steps, generator=rng),
        "chains_from_coin_flips": gibbs_sample(machine, flips, steps, generator=rng),
    }
    return {name: float(machine.free_energy(x).mean()) for name, x in states.items()}


@torch.no_grad()
def largest_field(machine: RBM, v: Tensor) -> float:
    """Return the largest hidden field, bias included, over rows ``v``: what the source's exp is taken of."""
    return float((machine.up(v) + machine.hidden.bias).max())


def draw(figures: Figures, shown: dict[int, Tensor], rows: mnist.Digits, out: Path) -> None:
    """Draw the losses and gaps by epoch, the last epoch's losses by batch, and the last batch by epoch."""
    for name, key, across, title in (
        ("losses", "losses", "epoch", "mean loss of an epoch, F(v) − F(v⁽¹⁾), in nats"),
        ("last-losses", "last_losses", "batch", "loss of each batch of the last epoch, in nats"),
        ("gap", "free_energy_gaps", "epoch", "free energy, held-out less training rows, in nats"),
    ):
        at = [number + (across == "epoch") for number in range(len(figures[key]))]
        chart = plots.curves({across: at, "value": figures[key]}, x=across, names={"value": title})
        plots.save_picture(out / f"{name}.png", chart)
    groups = [("data", rows.train[-32:][:10].numpy())]
    groups += [(f"epoch {epoch}", v[:10].numpy()) for epoch, v in shown.items()]
    plots.save_picture(out / "last-batch.png", plots.strips(groups, mnist.SHAPE))
    for epoch, v in shown.items():
        plots.save_picture(out / f"epoch-{epoch}.png", mnist.tiles(v, 8))
