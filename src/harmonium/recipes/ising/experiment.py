"""The recipe ``ising``: maximum likelihood by exact sums, and by chains."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import LBFGS, SGD

from ... import data, evaluation, plots
from ...machines import BoltzmannMachine
from ...progress import Progress, silent
from ...sampling import PCD
from ...training import train
from ...units import Spin
from ..common.steps import Settings, by_cd, falling, one_thread, stream
from .magnet import Magnet, load, pairs, truth

Found = dict[str, list[BoltzmannMachine]]
EXACT, NEAREST = "maximum likelihood", "maximum likelihood on the lattice's 32 pairs"


def carry_out(settings: Settings, out: Path, *, progress: Progress = silent) -> dict[str, Any]:
    """Learn the magnet in every way, measure, draw, and return the figures."""
    magnet = load(settings)
    with one_thread():
        machines, seconds = learn(magnet, settings, progress)
        figures = measure(magnet, machines)
    draw(magnet.couplings, machines[EXACT][0].couplings.detach(), out)
    return {**figures, "seconds": seconds}


# Learning


def learn(magnet: Magnet, settings: Settings, progress: Progress) -> tuple[Found, dict[str, float]]:
    """Return the machines of each way, one a seed where chance has a part, and the seconds that one took."""
    seeds = [settings["seed"] + n for n in range(settings["seeds"])]
    ways: dict[str, list[Callable[[], BoltzmannMachine]]] = {
        name: [partial(climbed, magnet.train, mask, settings, progress, name)]
        for name, mask in ((EXACT, None), (NEAREST, magnet.couplings != 0))
    }
    for name in ("PCD-1", "CD-1"):
        ways[name] = [partial(chained, magnet.train, name, seed, settings, progress) for seed in seeds]
    found: Found = {}
    seconds = {}
    for name, runs in ways.items():
        began = time.perf_counter()
        found[name] = [run() for run in runs]
        seconds[name] = (time.perf_counter() - began) / len(runs)
    return found, seconds


def climbed(v: Tensor, mask: Tensor | None, settings: Settings, progress: Progress, label: str) -> BoltzmannMachine:
    """Return the machine at the top of the exact likelihood, by L-BFGS from no couplings on all rows at once."""
    machine = BoltzmannMachine(Spin(v.shape[1]), mask=mask).double()
    torch.nn.init.zeros_(machine.weight)
    wolfe, near = "strong_wolfe", 1e-9
    optimizer = LBFGS(machine.parameters(), line_search_fn=wolfe, tolerance_grad=near, tolerance_change=near**2)
    states = machine.visible.states()

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = cost(machine, v, states)
        found.backward()
        return found

    for _ in progress(range(settings["rounds"]), label):
        optimizer.step(loss)
    return machine


def cost(machine: BoltzmannMachine, v: Tensor, states: Tensor) -> Tensor:
    """Return −mean log p of rows ``v`` with its gradient, log Z being summed over all ``states``."""
    return machine.free_energy(v).mean() + torch.logsumexp(-machine.free_energy(states), 0)


def chained(v: Tensor, name: str, seed: int, settings: Settings, progress: Progress) -> BoltzmannMachine:
    """Return the machine that mini-batches and chains lead to, the step falling linearly to zero."""
    machine = BoltzmannMachine(Spin(v.shape[1]), generator=stream(seed, 0)).double().init_from_data(v)
    optimizer, draw = SGD(machine.parameters(), lr=settings["rate"]), stream(seed, 1)
    if name == "CD-1":
        steps = by_cd(machine, v, settings, optimizer, draw)
    else:
        chains = PCD(machine.sample_independent(settings["chains"], generator=draw))
        steps = train(machine, data.batches(v, settings["batch"], generator=draw), chains, optimizer, generator=draw)
    for _ in falling(steps, optimizer, settings["updates"], progress, f"{name}, seed {seed}"):
        pass
    return machine


# What is measured


def measure(magnet: Magnet, machines: Found) -> dict[str, Any]:
    """Return every figure that the page states; all likelihoods are exact."""
    exact, coupled = machines[EXACT][0], pairs(magnet.couplings)
    return {
        "train_rows": len(magnet.train),
        "test_rows": len(magnet.test),
        "truth": worth(truth(magnet), magnet),
        "entropy": entropy(truth(magnet)),
        "independent": {
            split: evaluation.baseline_log_likelihood(exact.visible, magnet.train, rows)
            for split, rows in (("train", magnet.train), ("test", magnet.test))
        },
        "slope": slope(exact, magnet.train),
        "pairs": len(coupled),
        "free": len(coupled) + exact.visible.width,
        "free_lattice": int((coupled != 0).sum()) + exact.visible.width,
        "ways": {name: averaged([worth(machine, magnet) for machine in found]) for name, found in machines.items()},
    }


@torch.no_grad()
def worth(machine: BoltzmannMachine, magnet: Magnet) -> dict[str, float]:
    """Return a machine's exact log-likelihoods in nats a row, and how near its couplings are to the true ones."""
    log_z = evaluation.log_partition(machine)
    learned, true = pairs(machine.couplings), pairs(magnet.couplings)
    apart = learned - true
    return {
        "train": evaluation.log_likelihood(machine, magnet.train, log_z).value,
        "test": evaluation.log_likelihood(machine, magnet.test, log_z).value,
        "correlation": float(torch.corrcoef(torch.stack([learned, true]))[0, 1]),
        "error_coupled": float(apart[true != 0].square().mean().sqrt()),
        "error_uncoupled": float(apart[true == 0].square().mean().sqrt()),
        "largest_bias": float(machine.visible.bias.abs().max()),
    }


def averaged(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Return the mean of each figure over the seeds, their number, and the test likelihood of each."""
    means = {key: mean(row[key] for row in rows) for key in rows[0]}
    return {**means, "seeds": len(rows), "tests": [row["test"] for row in rows]}


def slope(machine: BoltzmannMachine, v: Tensor) -> float:
    """Return the largest entry of the gradient of the mean log-likelihood: near 0 at its top."""
    found = torch.autograd.grad(cost(machine, v, machine.visible.states()), list(machine.parameters()))
    return max(float(g.abs().max()) for g in found)


@torch.no_grad()
def entropy(machine: BoltzmannMachine) -> float:
    """Return the entropy of a machine in nats, by listing its states."""
    log_p = torch.log_softmax(-machine.free_energy(machine.visible.states()), 0)
    return -float((log_p.exp() * log_p).sum())


# Pictures


def draw(true: Tensor, learned: Tensor, out: Path) -> None:
    """Draw the learned couplings against the true ones, and both matrices."""
    plots.save_picture(out / "scatter.png", scatter(pairs(true).numpy(), pairs(learned).numpy()))
    both = np.stack([np.kron(matrix.numpy(), np.ones((2, 2))).ravel() for matrix in (true, learned)])
    matrices = plots.signed_grid(both, (32, 32), columns=2, limit=float(both.max()))
    plots.save_picture(out / "matrices.png", matrices)


def scatter(true: np.ndarray, learned: np.ndarray) -> Any:
    """Draw one point a pair, over the line of equals."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(5.0, 4.6), dpi=plots.DPI, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    ends = (min(true.min(), learned.min()) - 0.03, max(true.max(), learned.max()) + 0.03)
    axes.plot(ends, ends, color=plots.INK, linewidth=1, linestyle=(0, (5, 4)))
    for kept, number, label in ((true != 0, 0, "neighbors"), (true == 0, 1, "other pairs: true coupling 0")):
        axes.scatter(true[kept], learned[kept], s=16, color=plots.COLORS[number], alpha=0.7, label=label)
    axes.set_xlabel("true coupling J/T", fontsize=9.5, color=plots.INK)
    axes.set_ylabel("learned coupling J/T", fontsize=9.5, color=plots.INK)
    axes.tick_params(labelsize=9, color=plots.FAINT, labelcolor=plots.INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=9, frameon=False)
    return figure
