"""The recipe ``ising``: maximum likelihood by exact sums, and by chains."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, SGD

from ... import data, evaluation
from ...machines import BoltzmannMachine
from ...progress import Progress, silent
from ...report.page import Page
from ...sampling import CD, PCD, Sampler
from ...training import schedule, train
from ...units import Spin
from .. import recipe, write_figures
from ..common.small_machines import one_thread, stream
from ..common.steps import counted
from .magnet import Magnet, load, pairs, truth

Found = dict[str, list[BoltzmannMachine]]
EXACT, NEAREST = "maximum likelihood", "maximum likelihood on the lattice's 32 pairs"


def carry_out(settings: dict[str, Any], out: Path, *, progress: Progress = silent) -> Page:
    """Learn the magnet in every way, measure, write the figures and the pictures, and fill the page."""
    from .page import fill

    magnet = load(settings)
    with one_thread():
        machines, seconds = learn(magnet, settings, progress)
        figures = measure(magnet, machines) | {"seconds": seconds}
    write_figures(out, settings, figures)
    return fill(settings, out, magnet, machines, figures)


# Learning


def learn(magnet: Magnet, settings: Mapping[str, Any], progress: Progress) -> tuple[Found, dict[str, float]]:
    """Return the machines of each way, one a seed where chance has a part, and the seconds that one took."""
    lattice = magnet.couplings != 0
    seeds = [settings["seed"] + n for n in range(settings["seeds"])]
    ways: dict[str, list[Callable[[], BoltzmannMachine]]] = {
        name: [partial(climbed, magnet.train, mask, settings, progress, name)]
        for name, mask in ((EXACT, None), (NEAREST, lattice))
    }
    ways |= {
        name: [partial(chained, magnet.train, name, seed, settings, progress) for seed in seeds]
        for name in ("PCD-1", "CD-1")
    }
    found: Found = {}
    seconds = {}
    for name, runs in ways.items():
        began = time.perf_counter()
        found[name] = [run() for run in runs]
        seconds[name] = (time.perf_counter() - began) / len(runs)
    return found, seconds


def climbed(
    v: Tensor, mask: Tensor | None, settings: Mapping[str, Any], progress: Progress, label: str
) -> BoltzmannMachine:
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


def chained(v: Tensor, name: str, seed: int, settings: Mapping[str, Any], progress: Progress) -> BoltzmannMachine:
    """Return the machine that mini-batches and chains lead to, the step falling linearly to zero."""
    machine = BoltzmannMachine(Spin(v.shape[1]), generator=stream(seed, 0)).double().init_from_data(v)
    draw = stream(seed, 1)
    sampler: Sampler = CD()
    if name == "PCD-1":
        sampler = PCD(machine.sample_independent(settings["chains"], generator=draw))
    optimizer = SGD(machine.parameters(), lr=settings["rate"])
    fall = schedule(optimizer, "linear", settings["updates"])
    steps = train(machine, data.batches(v, settings["batch"], generator=draw), sampler, optimizer, generator=draw)
    for _ in counted(steps, settings["updates"], progress, f"{name}, seed {seed}"):
        fall.step()
    return machine


# What is measured


def measure(magnet: Magnet, machines: Found) -> dict[str, Any]:
    """Return every figure that the page states; all likelihoods are exact."""
    exact = machines[EXACT][0]
    return {
        "source": recipe("ising").source_figures,
        "train_rows": len(magnet.train),
        "test_rows": len(magnet.test),
        "truth": worth(truth(magnet), magnet),
        "entropy": entropy(truth(magnet)),
        "independent": {
            split: evaluation.baseline_log_likelihood(exact.visible, magnet.train, rows)
            for split, rows in (("train", magnet.train), ("test", magnet.test))
        },
        "slope": slope(exact, magnet.train),
        "pairs": len(pairs(magnet.couplings)),
        "free": len(pairs(magnet.couplings)) + magnet.train.shape[1],
        "free_lattice": int((pairs(magnet.couplings) != 0).sum()) + magnet.train.shape[1],
        "ways": {name: averaged([worth(machine, magnet) for machine in found]) for name, found in machines.items()},
    }


@torch.no_grad()
def worth(machine: BoltzmannMachine, magnet: Magnet) -> dict[str, float]:
    """Return a machine's exact log-likelihoods in nats a row, and how near its couplings are to the true ones."""
    log_z = evaluation.log_partition(machine)
    learned, true = pairs(machine.matrix), pairs(magnet.couplings)
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
    return {
        **{key: mean(row[key] for row in rows) for key in rows[0]},
        "seeds": len(rows),
        "tests": [row["test"] for row in rows],
        "correlations": [row["correlation"] for row in rows],
    }


def slope(machine: BoltzmannMachine, v: Tensor) -> float:
    """Return the largest entry of the gradient of the mean log-likelihood: near 0 at its top."""
    found = torch.autograd.grad(cost(machine, v, machine.visible.states()), list(machine.parameters()))
    return max(float(g.abs().max()) for g in found)


@torch.no_grad()
def entropy(machine: BoltzmannMachine) -> float:
    """Return the entropy of a machine in nats, by listing its states."""
    log_p = torch.log_softmax(-machine.free_energy(machine.visible.states()), 0)
    return -float((log_p.exp() * log_p).sum())
