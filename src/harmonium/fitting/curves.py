"""The figures of a run, epoch by epoch, as curves; and what a notebook shows of a run."""

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .. import plots
from ..errors import InputError
from ..registry import MODELS
from . import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .run import Run

LOSS = "cross-entropy"  # the loss of a classifier
NATS = "nats a row"
PANELS = (
    ("likelihood of held-out rows", NATS, "log_likelihood"),
    ("pseudo-likelihood of held-out rows", NATS, "pseudo_likelihood"),
    ("free-energy gap, held-out − training rows", "nats", "free_energy_gap"),
    ("reconstruction error of held-out rows", "mean square", "reconstruction_error"),
    ("drift of the chains in 100 Gibbs steps", "standard errors", "free_energy_drift"),
    ("held-out labels missed", "share", "label_error"),
    ("last move of the mean field", "probability", "mean_field_change"),
    ("weights that rest", "share", "static_weight_fraction"),
    ("norm of the weights", "", "weight_norm"),
    ("loss (no measure of success)", "nats", "loss"),
    ("learning rate", "", "lr"),
)


class Drawn:
    """What a run shows in a notebook: itself, its curves, and rows as pictures."""

    def curves(self: Any) -> "Figure":
        """Return the figures of the training, epoch by epoch: a matplotlib figure, with a curve for each layer.

        Raises `InputError` for a model file alone, which has no figures.
        """
        return curves(self)

    def draw(self: Any, rows: Any, *, columns: int | None = None) -> plots.Picture:
        """Return rows, (rows, columns), as one picture of tiles, uint8 (height, width)."""
        return drawing.draw(self, np.asarray(rows), columns)

    def _repr_html_(self: Any) -> str:
        return html(self)


def curves(run: "Run") -> "Figure":
    """Return the learning curves of a run."""
    columns = columns_of(run.history)
    if not columns:
        raise InputError(f"{run.name} does not tell how it was trained: there is nothing to draw")
    shown = panels(run, columns)
    stages, names = by_stage(columns, [name for *_, name in shown]), stage_names(run)
    longest = max(len(one["loss"]) for one in stages)
    table = {"epoch": [float(k + 1) for k in range(longest)]}
    for stage, one in enumerate(stages):
        table |= {f"{name} {stage}": values + [math.nan] * (longest - len(values)) for name, values in one.items()}
    drawn = [(title, [f"{name} {stage}" for stage in range(len(stages))]) for title, _, name in shown]
    used = {key for _, keys in drawn for key in keys}
    return plots.curves(
        {key: values for key, values in table.items() if key in used or key == "epoch"},
        panels=drawn,
        units={title: unit for title, unit, _ in shown},
        names={key: names[int(key.rpartition(" ")[2])] for key in used},
    )


def panels(run: "Run", columns: dict[str, list[float]]) -> list[tuple[str, str, str]]:
    """Return the title, the unit and the column of each panel of which something is known."""
    known = [panel for panel in PANELS if any(math.isfinite(x) for x in columns[panel[2]])]
    loss = (f"{LOSS} of training rows", NATS, "loss")
    return [loss if panel[2] == "loss" and run.classifier is not None else panel for panel in known]


def html(run: "Run") -> str:
    """Return what a run is, on what it was trained and what evaluations have said, in a line each."""
    lines = [f"<b>Run</b> {escape(str(run.path or ''))}", run.model._repr_html_()]
    data = run.facts.get("data")
    if data:
        lines.append(f"trained on {data['rows']:,} rows of {escape(str(data['name']))}, {len(run.history)} epochs")
    for split, told in run.passport.get("evaluation", {}).items():
        lines.append(f"{escape(split)} log-likelihood {told['log_likelihood']:.2f} nats a row ({told['verdict']})")
    return "<br>".join(lines)


def by_stage(columns: dict[str, list[float]], names: list[str]) -> list[dict[str, list[float]]]:
    """Return the figures of each stage by themselves, the loss with them."""
    stages = sorted(set(columns["stage"]))
    return [
        {
            name: [x for x, at in zip(columns[name], columns["stage"], strict=True) if at == k]
            for name in ["loss", *names]
        }
        for k in stages
    ]


def stage_names(run: "Run") -> list[str]:
    """Return what a run learned one after the other."""
    assert run.config is not None
    if run.tuning is not None:
        return [run.tuning.method]
    plan = MODELS[run.config.model](run.config, run.encoder, torch.device("cpu"))
    found: list[str] = plan.names
    return found


def _even(table: dict[str, list[float]]) -> dict[str, list[float]]:
    most = max(map(len, table.values()))
    return {name: [*values, *[math.nan] * (most - len(values))] for name, values in table.items()}


def columns_of(history: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the figures of all epochs by name; what is not known is NaN."""
    return (
        {name: [math.nan if row[name] is None else float(row[name]) for row in history] for name in history[0]}
        if history
        else {}
    )
