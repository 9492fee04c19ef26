"""Sections on how a run came about: its network, its curves, its pictures by epoch, and what was run."""

import json
import math
from pathlib import Path
from typing import Any

import yaml

from .. import plots
from ..fitting.curves import LOSS, columns_of, panels
from ..machines import DBM, DBN, layer_rows, named
from ..units import Units
from .material import Report
from .words import reading

TOLD = {
    "loss": "loss", "log_likelihood": "log-likelihood", "pseudo_likelihood": "pseudo-likelihood",
    "free_energy_gap": "free-energy gap", "reconstruction_error": "reconstruction error",
    "label_error": "labels missed",
}  # fmt: skip
EPOCHS = 40  # lines of the table of epochs, about


def network(report: Report) -> None:
    """Add a drawing of a model of several hidden layers."""
    model = report.run.model
    rows = layer_rows(model)
    if not isinstance(model, DBN | DBM) or len(rows) < 3:
        return
    layers = [("visible" if k == 0 else f"hidden {k}", _of_layer(row)) for k, row in enumerate(rows)]
    directed = len(model.layers) if isinstance(model, DBN) else 0
    drawn = plots.png(plots.network(layers, [k < directed for k in range(len(rows) - 1)]))
    joints = "Single arrows generate the layer below; " if directed else ""
    caption = f"{joints}double ones join layers that act on each other.".capitalize()
    report.picture(report.page.section("The network"), "network.png", drawn, caption, "the layers of the network")


def _of_layer(row: Units) -> str:
    """Return a row with its labels as what they are."""
    if not row.labels:
        return named(row)
    return " + ".join([*map(named, row.components()[:-1]), f"{row.labels} labels"])


def curves(report: Report) -> None:
    """Add the learning curves, a curve for each layer that was learned by itself, and a table of epochs."""
    run, columns = report.run, columns_of(report.run.history)
    section = report.page.section("How it learned")
    caption = "Figures after each pass over the training rows."
    report.picture(section, "curves.png", plots.png(run.curves()), caption, "learning curves")
    section.text(" ".join(reading(columns)))
    _table_of_epochs(report, columns, [name for *_, name in panels(run, columns)])


def _table_of_epochs(report: Report, columns: dict[str, list[float]], drawn: list[str]) -> None:
    known = [name for name in TOLD if name in drawn]
    measured, shown = told(columns, known)
    layered = ["stage"] if max(columns["stage"]) > 1 else []
    header = [
        "epoch",
        *(["layer"] if layered else []),
        *(LOSS if name == "loss" and report.run.classifier else TOLD[name] for name in known),
    ]
    rows: list[list[object]] = [
        [*(int(columns[name][k]) for name in ["epoch", *layered]), *(_known(columns[name][k]) for name in known)]
        for k in shown
    ]
    caption = "Every epoch." if len(shown) == len(columns["epoch"]) else f"{measured}; all are in `metrics.csv`."
    report.page.sections[-1].table(header, rows, caption)


def told(columns: dict[str, list[float]], known: list[str]) -> tuple[str, list[int]]:
    """Return, and say, which epochs a table tells: those with figures besides the loss, about `EPOCHS` of them."""
    count, rare = len(columns["epoch"]), [name for name in known if name != "loss"]
    full = [k for k in range(count) if not rare or any(math.isfinite(columns[name][k]) for name in rare)]
    every = -(-len(full) // EPOCHS)
    which = "epoch" if len(full) == count else "epoch with figures"
    return f"One {which} in {every}" if every > 1 else f"Each {which}", sorted({*full[every - 1 :: every], count - 1})


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def snapshots(report: Report) -> None:
    """Add data, reconstructions and samples of pictures at the moments that the training kept."""
    if report.kind != "pictures":
        return
    section, run = report.page.section("Data, reconstructions and samples while it learned"), report.run
    section.text(
        "A reconstruction is one pass up to the hidden units and down again, by means. A sample is where the "
        "chains of the training stood, or new ones where it kept none; it owes nothing to the rows above it."
    )
    for epoch, arrays in run.snapshots.items():
        groups = [(name, run.encoder.picture(arrays[name])) for name in ("data", "reconstruction", "sample")]
        drawn = plots.png(plots.strips(groups, run.encoder.shape))
        before = "Before fine-tuning" if run.tuning else "Before training"
        caption = f"{before if epoch == 0 else f'After epoch {epoch}'}, {len(arrays['data'])} rows."
        report.picture(section, f"epoch-{epoch:05d}.png", drawn, caption, f"epoch {epoch}")


def settings(report: Report) -> None:
    """Add what was run, on what, and how to run it again."""
    section, data = report.page.section("What was run, on what"), report.run.facts["data"]["name"]
    for note in report.run.splits.train.notes if report.run.splits is not None else ():
        section.text(f"Reading the data: {note[:1].upper()}{note[1:].rstrip('.')}.")
    settings, tuning = report.config.model_dump(exclude_none=True), report.run.tuning
    section.code(yaml.safe_dump({"data": data, **settings}, sort_keys=False))
    if tuning is not None:
        section.text("It was fine-tuned from another run, by these settings of `harmonium finetune`:")
        section.code(yaml.safe_dump(tuning.model_dump(exclude_none=True), sort_keys=False))
    environment: dict[str, Any] = report.run.facts["environment"]
    section.table(["", ""], [[name, str(value)] for name, value in environment.items()], "Where it was run.")
    if changes := _changes(report.run.path):
        section.table(["after update", "setting", "became"], changes, "Changed while it ran; above are the last ones.")
        return
    section.text(
        "The same settings and seed give the same model, byte for byte, on the same machine with the same "
        "versions" + (": `harmonium train --config config.yaml` repeats the run." if tuning is None else ".")
    )


def _changes(path: Path | None) -> list[list[str]]:
    """Return what was changed while a run in a directory ran: after which update, which setting, and its value."""
    log = path / "events.jsonl" if path is not None else None
    events = map(json.loads, log.read_text(encoding="utf-8").splitlines()) if log and log.is_file() else ()
    changed = [event for event in events if event["event"] == "changed"]
    return [[str(event["step"]), *map(str, one)] for event in changed for one in event["settings"].items()]
