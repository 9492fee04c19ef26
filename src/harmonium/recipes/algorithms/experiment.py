"""The recipe ``algorithms``: naive MCMC, contrastive divergence and persistent chains against the exact gradient."""

import math
from pathlib import Path
from statistics import mean
from typing import Any

from ... import data, evaluation, plots
from ...progress import Progress, silent
from ...sampling import ExactSampler
from ..common.steps import Settings, one_thread
from .bias import along_a_path, clearest, summed_gradient
from .race import Climb, Course, Run, paces, race, runners, sampled, start, updates_until

Figures = dict[str, Any]
ROWS_OF_THE_CHECK = 5


def carry_out(settings: Settings, out: Path, *, progress: Progress = silent) -> Figures:
    """Run the race on bars and stripes and on MNIST, measure the bias of each runner, draw, return the figures."""
    with one_thread():
        figures = {
            "gradient": summed_gradient(ROWS_OF_THE_CHECK, settings["seed"]),
            "bars": bars(settings, progress),
            "bias": bias(settings, progress),
            "mnist": mnist(settings, progress),
        }
    draw(figures, out)
    return figures


def patterns(settings: Settings, points: int) -> Course:
    """Return the course over bars and stripes: every pattern ``copies`` times in every batch."""
    v, copies = data.bars_and_stripes(settings["side"]), settings["copies"]
    train = v.repeat(copies, 1)
    return Course(train, v, settings["hidden"], len(train), settings["rate"], settings["updates"], points)


def digits(settings: Settings) -> Course:
    """Return the course over MNIST, pixels above 127 on."""
    train, test = (
        data.load("mnist", split, data_dir=settings["data_dir"]).take(settings[rows]).binarized("threshold")
        for split, rows in (("train", "mnist_rows"), ("test", "mnist_test_rows"))
    )
    shape = (settings[f"mnist_{name}"] for name in ("hidden", "batch", "rate", "updates", "points"))
    return Course(train, test, *shape)


def bars(settings: Settings, progress: Progress) -> Figures:
    """Return the figures of the race on bars and stripes, over several seeds."""
    course, seeds = patterns(settings, settings["points"]), [settings["seed"] + n for n in range(settings["seeds"])]
    best, more = -math.log(len(course.test)), settings["more_chains"]
    made = runners(settings["naive"], settings["cd"], course.batch, more=more, exact=True)
    found = {"patterns": len(course.test), "batch": course.batch, "best": best, "seeds": seeds}
    return found | compete(course, made, best - settings["within"], seeds, settings, progress, "bars and stripes")


def mnist(settings: Settings, progress: Progress) -> Figures:
    """Return the figures of the race on thresholded MNIST, one seed, measured on test rows."""
    course, seed = digits(settings), settings["seed"]
    made = runners(settings["mnist_naive"], settings["mnist_contrastive"], course.batch)
    found = compete(course, made, settings["mnist_level"], [seed], settings, progress, "MNIST")
    listed = paces(course, {"exact draws": sampled(ExactSampler(course.batch))}, seed, settings["pace_rounds"], 1)
    sizes = {"train_rows": len(course.train), "test_rows": len(course.test)}
    return found | sizes | {"milliseconds_an_exact_update": 1000 * listed["exact draws"]}


def compete(
    course: Course,
    made: dict[str, Climb],
    level: float,
    seeds: list[int],
    settings: Settings,
    progress: Progress,
    where: str,
) -> Figures:
    """Run every runner over the seeds; return what all races tell."""
    pace = paces(course, made, seeds[0], settings["pace_rounds"], settings["pace_block"])
    raced = {
        name: [race(course, climb, seed, progress, f"{where}, {name}, seed {seed}") for seed in seeds]
        for name, climb in made.items()
    }
    visible = start(course, 0).visible
    return {
        "independent_pixels": evaluation.baseline_log_likelihood(visible, course.train, course.test),
        "level": level,
        "runners": {name: summary(runs, level, pace[name]) for name, runs in raced.items()},
    }


def summary(runs: list[Run], level: float, pace: float) -> Figures:
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


def bias(settings: Settings, progress: Progress) -> Figures:
    """Return how far each negative phase is from the model's own along one exact ascent of bars and stripes."""
    course, ways = patterns(settings, settings["bias_points"]), (settings["naive"], settings["cd"])
    tables = along_a_path(course, *ways, settings["bias_states"], settings["seed"], progress)
    return {**tables, "clearest": clearest(tables, settings["bias_shown"])}


# Pictures


def draw(figures: Figures, out: Path) -> None:
    """Draw the likelihoods against updates and against seconds, their upper end, and the distances."""
    found, digits = figures["bars"], figures["mnist"]
    charts(out, "bars", found["runners"], "nats a pattern", ("best possible", found["best"]))
    charts(out, "mnist", digits["runners"], "nats a test row", ("independent pixels", digits["independent_pixels"]))
    close_up(out, found)
    distance = {name: column for name, column in figures["bias"]["distance"].items() if name != "update"}
    series = {name: (figures["bias"]["distance"]["update"], column) for name, column in distance.items()}
    title = "distance from the model's own ⟨v hᵀ⟩"
    chart = plots.lines(series, title=title, xlabel="updates", ylabel="distance", log_x=True)
    plots.save_picture(out / "bias.png", chart)


def charts(out: Path, name: str, found: Figures, ylabel: str, reference: tuple[str, float]) -> None:
    """Draw the likelihood against updates, and against seconds."""
    for axis, words in (("updates", "updates"), ("seconds", "seconds of training")):
        chart = plots.lines(
            {label: (r[axis][1:], r["values"][1:]) for label, r in found.items()},
            title=f"exact log-likelihood against {words}",
            xlabel=words, ylabel=ylabel, log_x=True, reference=reference,
        )  # fmt: skip
        plots.save_picture(out / f"{name}-{axis}.png", chart)


def close_up(out: Path, found: Figures) -> None:
    """Draw the later updates of the runners that end near the best possible value, if any does."""
    level = found["level"]
    near = {name: r for name, r in found["runners"].items() if r["final"] >= level}
    if not near:
        return
    first = min(next(i for i, value in enumerate(r["values"]) if value >= level) for r in near.values())
    chart = plots.lines(
        {name: (r["updates"][first:], r["values"][first:]) for name, r in near.items()},
        title=f"the later updates of those that end above {level:.2f} nats".replace("-", "−"),
        xlabel="updates", ylabel="nats a pattern", reference=("best possible", found["best"]),
    )  # fmt: skip
    plots.save_picture(out / "bars-near.png", chart)
