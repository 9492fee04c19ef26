"""The recipe ``algorithms``: naive MCMC, contrastive divergence and persistent chains against the exact gradient."""

import math
from pathlib import Path
from statistics import mean
from typing import Any

from ... import data, evaluation
from ...progress import Progress, silent
from ...report.page import Page
from .. import recipe, write_figures
from ..common.small_machines import one_thread
from .bias import Table, along_a_path, summed_gradient
from .page import fill
from .race import Course, Run, drawn_exactly, paces, race, runners, start, updates_until

ROWS_OF_THE_CHECK = 5


def carry_out(settings: dict[str, Any], out: Path, *, progress: Progress = silent) -> Page:
    """Run the race on bars and stripes and on MNIST, measure the bias of each runner, and return the page.

    Writes ``figures.json`` and the charts into ``out``.
    """
    with one_thread():
        figures = {
            "source": recipe("algorithms").source_figures,
            "gradient": [
                dict(zip(("parameter", "differences", "printed", "mended"), row, strict=True))
                for row in summed_gradient(ROWS_OF_THE_CHECK, settings["seed"])
            ],
            "bars": bars(settings, progress),
            "bias": bias(settings, progress),
            "mnist": mnist(settings, progress),
        }
    write_figures(out, settings, figures)
    return fill(settings, out, figures)


def patterns(settings: dict[str, Any]) -> Course:
    """Return the course over bars and stripes: every pattern ``copies`` times in every batch."""
    v = data.bars_and_stripes(settings["side"])
    batch = settings["copies"] * len(v)
    return Course(
        v.repeat(settings["copies"], 1), v, settings["hidden"], batch, settings["rate"],
        settings["updates"], settings["points"],
    )  # fmt: skip


def bars(settings: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Return the figures of the race on bars and stripes, over several seeds."""
    course, seed = patterns(settings), settings["seed"]
    best = -math.log(len(course.evaluate_run))
    seeds = [seed + n for n in range(settings["seeds"])]
    made = runners(settings["naive"], settings["cd"], course.batch, more=settings["more_chains"], exact=True)
    pace = paces(course, made, seed, settings["pace_rounds"], settings["pace_block"])
    raced = {
        name: [race(course, climb, seed, progress, f"bars and stripes, {name}, seed {seed}") for seed in seeds]
        for name, climb in made.items()
    }
    return {
        "patterns": len(course.evaluate_run),
        "batch": course.batch,
        "best": best,
        "independent_pixels": independent(course),
        "level": best - settings["within"],
        "seeds": seeds,
        "runners": {name: summary(runs, best - settings["within"], pace[name]) for name, runs in raced.items()},
    }


def mnist(settings: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Return the figures of the race on thresholded MNIST, one seed, evaluated on test rows."""
    course, seed = digits(settings), settings["seed"]
    made = runners(settings["mnist_naive"], settings["mnist_contrastive"], course.batch)
    pace = paces(course, made, seed, settings["pace_rounds"], settings["pace_block"])
    listed = paces(course, {"exact draws": drawn_exactly(course.batch)}, seed, settings["pace_rounds"], 1)
    raced = {name: [race(course, climb, seed, progress, f"MNIST, {name}")] for name, climb in made.items()}
    return {
        "train_rows": len(course.train),
        "test_rows": len(course.evaluate_run),
        "independent_pixels": independent(course),
        "level": settings["mnist_level"],
        "milliseconds_an_exact_update": 1000 * listed["exact draws"],
        "runners": {name: summary(runs, settings["mnist_level"], pace[name]) for name, runs in raced.items()},
    }


def digits(settings: dict[str, Any]) -> Course:
    """Return the course over MNIST, pixels above 127 on."""
    train, test = (
        data.load("mnist", split, data_dir=settings["data_dir"]).take(settings[rows]).binarized("threshold")
        for split, rows in (("train", "mnist_rows"), ("test", "mnist_test_rows"))
    )
    return Course(
        train, test, settings["mnist_hidden"], settings["mnist_batch"], settings["mnist_rate"],
        settings["mnist_updates"], settings["mnist_points"],
    )  # fmt: skip


def independent(course: Course) -> float:
    """Return the mean log-likelihood of the rows to evaluate by when pixels know nothing of each other."""
    return evaluation.baseline_log_likelihood(start(course, 0).visible, course.train, course.evaluate_run)


def summary(runs: list[Run], level: float, pace: float) -> dict[str, Any]:
    """Return one runner's curve, averaged over its seeds, its final figures, and its seconds at ``pace`` an update."""
    last = [run.values[-1] for run in runs]
    reached = [at for run in runs if (at := updates_until(run, level)) is not None]
    values = [mean(column) for column in zip(*(run.values for run in runs), strict=True)]
    return {
        "updates": runs[0].updates,
        "seconds": [pace * at for at in runs[0].updates],
        "values": values,
        "final": mean(last),
        "finals": last,
        "best": max(values),
        "milliseconds": 1000 * pace,
        "seconds_to_level": pace * mean(reached) if len(reached) == len(runs) else None,
    }


def bias(settings: dict[str, Any], progress: Progress) -> dict[str, Table]:
    """Return how far each negative phase is from the model's own along one exact ascent of bars and stripes."""
    return along_a_path(
        patterns({**settings, "points": settings["bias_points"]}),
        settings["naive"],
        settings["cd"],
        settings["bias_states"],
        settings["seed"],
        progress,
    )
