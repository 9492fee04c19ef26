"""The recipe ``dbm-2009``: learn the machine, bound its likelihood, let it run free, and make a classifier of it."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import evaluation, plots, sampling
from ...evaluation import Estimate
from ...fitting import save
from ...machines import DBM
from ...progress import Progress, silent
from .. import recipe
from ..common.labeled import SHAPE, Rows, mnist
from ..common.steps import Settings, stream
from .learning import begin, binarized, iterating, learn, prepared, tune

Figures = dict[str, Any]


def carry_out(settings: Settings, out: Path, *, progress: Progress = silent) -> Figures:
    """Learn, bound, let run and fine-tune; save the machine, draw, and return the figures."""
    gray = mnist(settings, "train", "valid").take(settings["rows"])
    unseen = mnist(settings, "test").take(settings["test_rows"])
    train, test = fixed(gray, settings), fixed(unseen, settings)
    times = [time.perf_counter()]
    machine = begin(gray.v, settings, progress)
    figures: Figures = {"rows": len(train), "epochs": learn(machine, gray.v, test, settings, progress)}
    save(machine.requires_grad_(False), out / "machine.safetensors")
    times.append(time.perf_counter())
    figures |= measure(machine, train.v, test.v, settings, progress)
    free = samples(machine, settings, progress)
    times.append(time.perf_counter())
    inputs = prepared(machine, gray, progress, "training rows"), prepared(machine, unseen, progress, "test rows")
    figures["tuning"] = tune(machine, *inputs, settings, progress)
    times.append(time.perf_counter())
    names = ("learning", "bound and samples", "fine-tuning")
    figures["seconds"] = {name: times[n + 1] - times[n] for n, name in enumerate(names)}
    draw(figures, machine, free, test, settings, out)
    return figures


def fixed(gray: Rows, settings: Settings) -> Rows:
    """Return rows as zeros and ones to measure on: where they are drawn, drawn once."""
    return Rows(binarized(gray.v, settings, stream(settings["seed"], 4)), gray.label)


def measure(machine: DBM, train: Tensor, test: Tensor, settings: Settings, progress: Progress) -> Figures:
    """Return log Z by annealing, the bound on the test rows, what mean field does for it, and independent pixels."""
    estimates = list(
        evaluation.ais_until_consistent(
            machine,
            train,
            chains=settings["annealed"],
            n_betas=settings["n_betas"],
            most=settings["most"],
            progress=lambda steps, _: progress(steps, "annealing"),
            generator=stream(settings["seed"], 2),
        )
    )
    log_z = estimates[-1]
    with iterating(machine, settings["bound_iterations"]):
        bound, of_train = (evaluation.log_likelihood(machine, v, log_z) for v in (test, train[: len(test)]))
    return {
        "log_z": [asdict(replace(estimate, basins=None)) for estimate in estimates],
        "bound": asdict(replace(bound, basins=None)),
        "train_bound": of_train.value,
        "trace": trace(machine, test[: settings["measured_rows"]], log_z, settings),
        "independent": evaluation.baseline_log_likelihood(machine.visible, train, test),
    }


@torch.no_grad()
def trace(machine: DBM, v: Tensor, log_z: Estimate, settings: Settings) -> list[dict[str, float]]:
    """Return the largest change in the last of so many mean-field iterations, and the bound after them."""
    points = []
    for most in settings["traced"]:
        with iterating(machine, most):
            change = machine.mean_field(v).change
            value = evaluation.log_likelihood(machine, v, log_z).value
        points.append({"iterations": most, "change": change, "bound": value})
    return points


def samples(machine: DBM, settings: Settings, progress: Progress) -> Tensor:
    """Return the means of the pixels that long chains draw, started at the biases without couplings."""
    count, steps = settings["samples"], settings["sample_steps"]
    draw = stream(settings["seed"], 5)
    chains = sampling.sample_chain(
        machine, count, steps, progress=lambda items, _: progress(items, "samples"), generator=draw
    )
    *_, (_, mean) = chains
    return mean


# Pictures


def draw(figures: Figures, machine: DBM, free: Tensor, test: Rows, settings: Settings, out: Path) -> None:
    """Draw the convergence of mean field, samples beside test digits, receptive fields and the errors."""
    charts(figures, settings, out)
    for name, rows in (("samples", free), ("real", test.v[: len(free)])):
        plots.save_picture(out / f"{name}.png", plots.grid(rows.numpy(), SHAPE, columns=10))
    for layer, weight in enumerate(machine.receptive_fields(), 1):
        rows = weight.detach().T
        kept = rows[rows.norm(dim=1).argsort(descending=True, stable=True)[: settings["features"]]]
        plots.save_picture(out / f"fields-{layer}.png", plots.signed_grid(kept.numpy(), SHAPE, columns=10))


def charts(figures: Figures, settings: Settings, out: Path) -> None:
    """Draw the iterations that mean field needs and the errors of the classifier, by epochs."""
    points, curve = figures["epochs"], figures["tuning"]
    needed = plots.lines(
        {"iterations": ([p["epoch"] for p in points], [p["iterations"] for p in points])},
        title="mean-field iterations until no mean moves by 0.0001",
        xlabel="epochs", ylabel="iterations", reference=("the most in training", settings["mean_field"]),
    )  # fmt: skip
    errors = plots.lines(
        {f"{name} rows": ([p["epoch"] for p in curve], [100 * p[key] for p in curve])
         for name, key in (("test", "test"), ("training", "train"))},
        title="error, %", xlabel="epochs", ylabel="%",
        reference=("the paper, test", 100 * recipe("dbm-2009").source_figures["test error"]),
    )  # fmt: skip
    plots.save_picture(out / "mean-field.png", needed)
    plots.save_picture(out / "errors.png", errors)
