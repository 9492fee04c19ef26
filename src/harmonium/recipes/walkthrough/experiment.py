"""The recipe ``walkthrough``: a derivation of the RBM checked step by step, and two faults of its code."""

import math
from pathlib import Path
from statistics import mean
from typing import Any

from torch import Tensor

from ... import data, evaluation, plots
from ...progress import Progress, silent
from ...units import Bernoulli
from ..common.small_machines import overflow
from ..common.steps import Settings, one_thread
from .derivation import checks, contrastive_bias
from .faults import FIELDS, KINDS, drawn, first_negatives, learn, one_draw, one_update, started_exact


def carry_out(settings: Settings, out: Path, *, progress: Progress = silent) -> dict[str, Any]:
    """Check every formula, measure both faults before and after mending, draw, and return the figures."""
    size, seed = (settings["visible"], settings["hidden"]), settings["seed"]
    with one_thread():
        training, states = trained(settings, progress)
        found = checks(*size, settings["rows"], seed)
        figures = {
            "checks": found,
            "largest_difference": max(abs(left - right) for rows in found.values() for _, left, right in rows),
            "contrastive_bias": contrastive_bias(*size),
            "one_draw": one_draw(*size, seed),
            "started_exact": started_exact(*size, settings["draws"], seed),
            "first_negatives": first_negatives(settings["sides"] ** 2, settings["units"], settings["chains"], seed),
            "overflow": overflow(FIELDS),
            "one_update": one_update(),
            "training": training,
        }
    draw(training, states, settings, out)
    return figures


def trained(settings: Settings, progress: Progress) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the figures of training both classes at every k, and states from the chains of the first k's machines."""
    v, seeds = data.bars_and_stripes(settings["sides"]), [settings["seed"] + n for n in range(settings["seeds"])]
    lines: dict[str, Any] = {}
    states: dict[str, Tensor] = {}
    for k in settings["k"]:
        for name, kind in KINDS.items():
            runs = [learn(kind, settings, k, seed, progress, f"{name} code, k = {k}, seed {seed}") for seed in seeds]
            ends = [drawn(run["model"], settings, seeds[0]) for run in runs]
            lines[f"{name}, k = {k}"] = line(runs, [end[0] for end in ends], [end[1] for end in ends])
            states.setdefault(name, ends[0][2][: settings["shown"]])
    return {
        "patterns": len(v),
        "best": -math.log(len(v)),
        "independent_pixels": evaluation.baseline_log_likelihood(Bernoulli(v.shape[1]), v, v),
        "seeds": seeds,
        "lines": lines,
    }, states


def line(runs: list[dict[str, Any]], shares: list[float], apart: list[float]) -> dict[str, Any]:
    """Return one line of the chart, averaged over seeds as far as the shortest run goes, and its last figures."""
    last = [run["values"][-1] for run in runs]
    values = [mean(column) for column in zip(*(run["values"] for run in runs), strict=False)]
    above = (at for at, value in zip(runs[0]["updates"], values, strict=False) if value > values[0] + 1)
    return {
        "updates": runs[0]["updates"][: len(values)],
        "values": values,
        "final": mean(last),
        "finals": last,
        "bars_or_stripes": mean(shares),
        "total_variation": mean(apart),
        "one_nat_up_at": next(above, None),
        "ended_at": min(run["updates"][-1] for run in runs),
    }


def draw(training: dict[str, Any], states: dict[str, Tensor], settings: Settings, out: Path) -> None:
    """Draw the likelihoods by updates, and states from the chains of both versions."""
    chart = plots.lines(
        {name: (line["updates"], line["values"]) for name, line in training["lines"].items()},
        title=f"exact log-likelihood of {training['patterns']} patterns",
        xlabel="updates", ylabel="nats a pattern", reference=("best possible", training["best"]),
    )  # fmt: skip
    groups = [(f"{name} code", rows.numpy()) for name, rows in states.items()]
    plots.save_picture(out / "training.png", chart)
    plots.save_picture(out / "draws.png", plots.strips(groups, (settings["sides"],) * 2))
