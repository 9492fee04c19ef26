"""The recipe ``dbm-2009``: learn the machine, bound its likelihood, let it run free, and make a classifier of it."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import evaluation, sampling
from ...evaluation import Estimate
from ...machines import DBM
from ...progress import Progress, silent
from ...report.page import Page
from ...storage import save
from .. import recipe, write_figures
from ..common.labeled import Rows, mnist
from ..common.small_machines import stream
from .learning import Settings, begin, binarized, learn, sweeping
from .tuning import prepared, tune


def carry_out(settings: dict[str, Any], out: Path, *, progress: Progress = silent) -> Page:
    """Learn, bound, draw and fine-tune; write the figures, the pictures and the machine, and fill the page."""
    from .page import fill

    gray = mnist(settings, "train", "valid").take(settings["rows"])
    unseen = mnist(settings, "test").take(settings["test_rows"])
    train, test = fixed(gray, settings), fixed(unseen, settings)
    figures: dict[str, Any] = {"source": recipe("dbm-2009").source_figures, "rows": len(train)}
    times = [time.perf_counter()]
    machine = begin(gray.v, settings, progress)
    figures["epochs"] = learn(machine, gray.v, test, settings, progress)
    save(machine.requires_grad_(False), out / "machine.safetensors")
    times.append(time.perf_counter())
    figures |= measure(machine, train.v, test.v, settings, progress)
    drawn = samples(machine, settings, progress)
    times.append(time.perf_counter())
    figures["tuning"] = classify(machine, gray, unseen, settings, progress)
    times.append(time.perf_counter())
    names = ("learning", "bound and samples", "fine-tuning")
    figures["seconds"] = {name: times[n + 1] - times[n] for n, name in enumerate(names)}
    write_figures(out, settings, figures)
    return fill(settings, out, machine, drawn, test, figures)


def fixed(gray: Rows, settings: Settings) -> Rows:
    """Return rows as zeros and ones to evaluate by: where they are drawn, drawn once."""
    return Rows(binarized(gray.v, settings, stream(settings["seed"], 4)), gray.label)


def measure(machine: DBM, train: Tensor, test: Tensor, settings: Settings, progress: Progress) -> dict[str, Any]:
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
    with sweeping(machine, settings["bound_sweeps"]):
        bound, of_train = (evaluation.log_likelihood(machine, v, log_z) for v in (test, train[: len(test)]))
    return {
        "log_z": [asdict(replace(estimate, basins=None)) for estimate in estimates],
        "bound": asdict(replace(bound, basins=None)),
        "train_bound": of_train.value,
        "trace": trace(machine, test[: settings["judged_rows"]], log_z, settings),
        "independent": evaluation.baseline_log_likelihood(machine.visible, train, test),
    }


@torch.no_grad()
def trace(machine: DBM, v: Tensor, log_z: Estimate, settings: Settings) -> list[dict[str, float]]:
    """Return the largest change in the last of so many mean-field steps, and the bound after them."""
    points = []
    for gibbs_steps in settings["traced"]:
        with sweeping(machine, gibbs_steps):
            change = machine.mean_field(v).change
            value = evaluation.log_likelihood(machine, v, log_z).value
        points.append({"gibbs_steps": gibbs_steps, "change": change, "bound": value})
    return points


def samples(machine: DBM, settings: Settings, progress: Progress) -> Tensor:
    """Return the means of the pixels that long chains draw, started at the biases without couplings."""
    chains = sampling.sample_chain(
        machine,
        settings["samples"],
        settings["sample_sweeps"],
        progress=lambda gibbs_steps: progress(gibbs_steps, "samples"),
        generator=stream(settings["seed"], 5),
    )
    *_, (_, mean) = chains
    return mean


def classify(machine: DBM, train: Rows, test: Rows, settings: Settings, progress: Progress) -> dict[str, Any]:
    """Fine-tune the machine as a classifier of gray levels; return its errors by epoch and at the end."""
    inputs, evaluated = (
        prepared(machine, train, progress, "training rows"),
        prepared(machine, test, progress, "test rows"),
    )
    curve = tune(machine, inputs, evaluated, settings, progress)
    return {"curve": curve, "error": curve[-1]["test"], "train_error": curve[-1]["train"]}
