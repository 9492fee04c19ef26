"""The recipe ``algorithms``: naive MCMC, contrastive divergence and persistent chains against the exact gradient."""

import math
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

from .. import data, evaluation
from ..report.page import Page
from . import Watch, passing, recipe, write_figures
from .bias import along_a_path, summed_gradient
from .exactly import one_thread
from .race import Course, Run, race, runners, seconds_a_step, seconds_until, start

ROWS_OF_THE_CHECK = 5


def carry_out(settings: dict[str, Any], out: Path, *, watch: Watch = passing) -> Page:
    """Run the race on bars and stripes and on MNIST, measure the bias of each runner, and return the page.

    Writes ``figures.json`` and the charts into ``out``.
    """
    from .algorithms_page import fill

    with one_thread():
        figures = {
            "source": recipe("algorithms").source_figures,
            "gradient": [
                dict(zip(("parameter", "differences", "printed", "mended"), row, strict=True))
                for row in summed_gradient(ROWS_OF_THE_CHECK, settings["seed"])
            ],
            "bars": bars(settings, watch),
            "bias": bias(settings, watch),
            "mnist": mnist(settings, watch),
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


def bars(settings: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """Return the figures of the race on bars and stripes, over several seeds."""
    course = patterns(settings)
    best = -math.log(len(course.judge))
    seeds = [settings["seed"] + n for n in range(settings["seeds"])]
    made = runners(settings["naive"], settings["contrastive"], course.batch, exact=True)
    raced = {
        name: [race(course, climb, seed, watch, f"bars and stripes, {name}, seed {seed}") for seed in seeds]
        for name, climb in made.items()
    }
    return {
        "patterns": len(course.judge),
        "batch": course.batch,
        "best": best,
        "independent_pixels": independent(course),
        "level": best - settings["within"],
        "seeds": seeds,
        "runners": {name: summary(runs, best - settings["within"]) for name, runs in raced.items()},
    }


def mnist(settings: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """Return the figures of the race on thresholded MNIST, one seed, judged on test rows."""
    course, seed = digits(settings), settings["seed"]
    made = runners(settings["mnist_naive"], settings["mnist_contrastive"], course.batch, exact=False)
    raced = {name: [race(course, climb, seed, watch, f"MNIST, {name}")] for name, climb in made.items()}
    return {
        "train_rows": len(course.train),
        "test_rows": len(course.judge),
        "independent_pixels": independent(course),
        "level": settings["mnist_level"],
        "seconds_an_exact_update": seconds_a_step(course, settings["mnist_exact_updates"], seed),
        "runners": {name: summary(runs, settings["mnist_level"]) for name, runs in raced.items()},
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
    """Return the mean log-likelihood of the rows to judge by when pixels know nothing of each other."""
    return evaluation.independent_log_likelihood(start(course, 0).visible, course.train, course.judge)


def summary(runs: list[Run], level: float) -> dict[str, Any]:
    """Return one runner's curves, averaged over its seeds, and its final figures."""
    last = [run.values[-1] for run in runs]
    reached = [seconds_until(run, level) for run in runs]
    return {
        "updates": runs[0].updates,
        "seconds": _averaged(runs, lambda run: run.seconds),
        "values": _averaged(runs, lambda run: run.values),
        "final": mean(last),
        "finals": last,
        "milliseconds": min(run.milliseconds for run in runs),
        "best": max(_averaged(runs, lambda run: run.values)),
        "seconds_to_level": None if None in reached else mean(s for s in reached if s is not None),
    }


def _averaged(runs: list[Run], column: Callable[[Run], list[float]]) -> list[float]:
    return [mean(values) for values in zip(*map(column, runs), strict=True)]


def bias(settings: dict[str, Any], watch: Watch) -> dict[str, list[float]]:
    """Return how far each negative phase is from the model's own along one exact ascent of bars and stripes."""
    return along_a_path(
        patterns({**settings, "points": settings["bias_points"]}),
        settings["naive"],
        settings["contrastive"],
        settings["bias_states"],
        settings["seed"],
        watch,
    )
