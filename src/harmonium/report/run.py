"""The report of a run."""

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from .. import plots
from ..evaluation import free_energy_gap, reconstruction_error
from ..progress import Progress, silent
from ..runs import Run
from ..runs.drawing import draw, fields, hidden_activity, projections, sample_labels, shape
from ..runs.judgement import sentence
from ..runs.reading import classify
from ..runs.travel import travel
from ..runs.tuning import classifier
from ..storage import write_bytes
from .page import Page, write
from .words import BOUND, MODELS, READOUTS, annealing, facts, lead, reading, tuned

PANELS = (
    ("likelihood of held-out rows, nats", ["log_likelihood"]),
    ("pseudo-likelihood of held-out rows, nats", ["pseudo_likelihood"]),
    ("free-energy gap, nats", ["free_energy_gap"]),
    ("reconstruction error", ["reconstruction_error"]),
    ("drift of the chains in 100 Gibbs steps, standard errors", ["free_energy_drift"]),
    ("share of held-out labels missed", ["label_error"]),
    ("last move of the mean field", ["mean_field_change"]),
    ("static_weight_fraction", ["static_weight_fraction"]),
    ("weight norm", ["weight_norm"]),
    ("loss (no measure of success)", ["loss"]),
    ("learning rate", ["lr"]),
)


def write_report(run: Run, evaluated: dict[str, Any], *, progress: Progress = silent) -> Path:
    """Write ``report.html`` and ``pictures/`` in the run's directory and return the page's path.

    ``evaluated`` is what `runs.judgement.evaluate_run` returned.
    """
    environment = json.loads(run.file("env.json").read_text(encoding="utf-8"))
    page = Page(
        title=f"{Path(run.source).name}: {run.config.visible} × {run.config.hidden}, {MODELS[run.config.model]}",
        lead=lead(run, evaluated),
        facts=facts(run, evaluated),
        version=environment["harmonium"],
        date=date.today().isoformat(),
    )
    tell_likelihood(page, evaluated)
    for tell in (tell_curves, tell_fields, tell_snapshots):
        tell(page, run)
    tell_chains(page, run, progress)
    tell_samples(page, run, progress)
    tell_labels(page, run, progress)
    tell_usage(page, run)
    tell_settings(page, run, environment)
    return write(page, run.file("report.html"))


def picture(run: Run, name: str, content: bytes) -> bytes:
    """Keep a picture in the run's directory too."""
    folder = run.file("pictures")
    folder.mkdir(exist_ok=True)
    write_bytes(folder / name, content)
    return content


def tell_likelihood(page: Page, evaluated: dict[str, Any]) -> None:
    """Add what the likelihood is, how it was reached and how far it can be trusted."""
    section = page.section("How good is it?")
    section.verdict(evaluated["verdict"], f"{sentence(evaluated)}. Reason: {evaluated['reason']}.")
    own = "this machine, at least" if evaluated["bound"] else "this machine"
    rows: list[list[object]] = [
        [own, evaluated["log_likelihood"], evaluated["lower"], evaluated["upper"]],
        ["independent units (baseline)", *[evaluated["baseline"]] * 3],
    ]
    columns = ["model", "log-likelihood, nats a row", "lower end", "upper end"]
    section.table(columns, rows, "Mean over rows; higher is better.")
    spread = evaluated["error_over_rows"]
    section.text(
        "The likelihood is the probability that the machine gives to rows it has not seen, as a logarithm: "
        "`log p(v) = −free energy(v) − log Z`. "
        + (BOUND if evaluated["bound"] else "The free energy is exact; all the difficulty lies in ")
        + f"log Z, the sum over every state there is. Here log Z = {evaluated['log_partition']:.3f}, by "
        + ("summing all states." if evaluated["method"] == "exact" else annealing(evaluated))
        + (f" Another draw of as many rows would move the mean by about {spread:.2f} nats." if spread else "")
    )
    if evaluated["standardized"]:
        section.text("Columns were standardized by the training rows: likelihoods are densities in those units.")


def tell_curves(page: Page, run: Run) -> None:
    """Add the learning curves."""
    columns = run.metrics()
    shown = [(title, names) for title, names in PANELS if any(math.isfinite(x) for x in columns[names[0]])]
    kept = {"epoch": columns["epoch"], **{names[0]: columns[names[0]] for _, names in shown}}
    section = page.section("How it learned")
    figure = plots.png(plots.curves(kept, panels=shown))
    caption = "Figures after each pass over the training rows."
    section.picture(picture(run, "curves.png", figure), caption, "learning curves")
    section.text(" ".join(reading(columns)))


def tell_fields(page: Page, run: Run) -> None:
    """Add the weights of the hidden units, layer by layer."""
    section = page.section("What the hidden units look for")
    for layer in range(1, len(projections(run.machine())) + 1):
        rows, drawn = fields(run, 100, layer)
        width = run.config.layers[layer - 1] if run.config.layers else len(rows)
        content = picture(run, f"weights-{layer}.png", plots.png(plots.signed_grid(rows, drawn)))
        which = "hidden units" if layer == 1 else f"units of hidden layer {layer}, through the weights below them,"
        caption = f"The weights of the {len(rows)} largest of {width} {which} on one color scale: "
        section.picture(content, caption + "a unit comes on where red is lit and blue is dark.", f"layer {layer}")


def tell_snapshots(page: Page, run: Run) -> None:
    """Add data, reconstructions and samples at the beginning, first, middle and last epoch."""
    section = page.section("Data, reconstructions and samples while it learned")
    section.text(
        "A reconstruction is one pass up to the hidden units and down again, by means. A sample is "
        "where the chains of the "
        "training stood; it owes nothing to the rows above it."
    )
    first = "Before fine-tuning." if tuned(run) else "Before training."
    for file in sorted(run.file("snapshots").glob("*.npz")):
        epoch = int(file.stem)
        with np.load(file, allow_pickle=False) as arrays:
            groups = [(name, scaled(arrays[name][:10], run)) for name in ("data", "reconstruction", "sample")]
        content = picture(run, f"epoch-{epoch:05d}.png", plots.png(plots.strips(groups, shape(run))))
        section.picture(content, first if epoch == 0 else f"After epoch {epoch}.", f"epoch {epoch}")


def scaled(rows: np.ndarray, run: Run) -> np.ndarray:
    """Return rows of real values between 0 and 1 by their own range, for drawing."""
    if run.config.visible != "gaussian":
        return rows
    low, high = float(rows.min()), float(rows.max())
    return (rows - low) / (high - low) if high > low else rows * 0


def tell_chains(page: Page, run: Run, progress: Progress) -> None:
    """Add whether the chains of the run stand for its model."""
    found = travel(run, progress=progress)
    section = page.section("Do its chains stand for the model?")
    words = {"mixed": "consistent", "lagging": "inconsistent", "stuck": "inconsistent"}
    section.verdict(words[found.verdict], f"{found.verdict}: {found.reason}.")
    section.table(
        ["figure", "value"],
        [
            ["split R-hat, the largest of any statistic", found.rhat],
            ["effective draws, the fewest", round(found.ess)],
            ["p-value: the chains as they were given against themselves at the end", f"{found.lag:.2g}"],
            ["share of the mass in the basins where the chains are", f"{found.covered:.1%}"],
            ["gibbs_steps", f"{found.gibbs_steps:,}"],
        ],
        "Of the free energy and four principal components of the states.",
    )


def tell_samples(page: Page, run: Run, progress: Progress) -> None:
    """Add a grid of samples after 1000 Gibbs steps and a GIF of the chains."""
    moments = draw(run, 64, 1000, progress=progress)
    last = plots.png(plots.grid(scaled(moments[-1].means, run), shape(run), columns=16))
    section = page.section("What it samples")
    section.picture(
        picture(run, "samples.png", last),
        "64 chains after 1000 Gibbs steps from random states: the mean of the last draw.",
        "samples after 1000 Gibbs steps",
    )
    path = run.file("pictures") / "chains.gif"
    plots.save_gif(path, [plots.grid(scaled(m.means[:16], run), shape(run), columns=8) for m in moments])
    section.picture(
        path.read_bytes(),
        f"16 of the chains as they run, from random states to Gibbs step {moments[-1].step}; the steps "
        f"grow with the Gibbs steps.",
        "chains in motion",
    )


def tell_labels(page: Page, run: Run, progress: Progress) -> None:
    """Add how labels are read, and rows drawn for each label, where the run knows labels."""
    if not run.coder.labels:
        return
    read = {readout: classify(run, readout=readout, progress=progress) for readout in readouts(run)}
    section = page.section("Does it know the labels?")
    rows: list[list[object]] = [[name, f"{one['error']:.2%}", one["rows"]] for name, one in read.items()]
    section.text(READOUTS)
    section.table(["read-out", "error", "rows"], rows, "Test rows whose label is missed.")
    confusion = read["exact"]["confusion"]
    table: list[list[object]] = [[label, *counts] for label, counts in enumerate(confusion)]
    section.table(["truth", *(f"as {label}" for label in range(len(confusion)))], table, "Exact read-out, test rows.")
    if run.machine().labels:
        asked = [label for label in range(run.coder.labels) for _ in range(10)]
        last = sample_labels(run, asked, 1000, progress=progress)[-1]
        drawn = plots.png(plots.grid(scaled(last.means, run), shape(run), columns=10))
        caption = (
            "Each row has one label clamped, from the first to the last: ten chains after 1000 Gibbs steps, by means."
        )
        section.picture(picture(run, "dreams.png", drawn), caption, "samples of each label")


def readouts(run: Run) -> list[str]:
    """Return the ways to read a label: label units can be read by a chain too."""
    return ["exact", "gibbs"] if run.machine().labels and classifier(run) is None else ["exact"]


def tell_usage(page: Page, run: Run) -> None:
    """Add how much the hidden units are used, and two cheap figures on held-out rows."""
    machine = run.machine()
    if not run.config.layers:
        return
    fixed = torch.Generator().manual_seed(0)
    splits = [run.dataset(split).take(1000) for split in ("train", "test")]
    known = bool(machine.labels)
    train, test = (run.coder.rows(rows, sharp=True, labeled=known, generator=fixed) for rows in splits)
    activity = hidden_activity(machine, test)
    section = page.section("Are all hidden units in use?")
    content = picture(run, "usage.png", plots.png(plots.usage(activity)))
    section.picture(content, "Mean activity of each unit on test rows.", "usage")
    rows: list[list[object]] = [
        ["free-energy gap, test − training, nats", free_energy_gap(machine, train, test)],
        ["reconstruction error, test", reconstruction_error(machine, test)],
        ["units nearly always off (< 1 %)", int((activity < 0.01).sum())],
        ["units nearly always on (> 99 %)", int((activity > 0.99).sum())],
    ]
    section.table(["figure", "value"], rows, "On up to 1000 rows of each split.")


def tell_settings(page: Page, run: Run, environment: dict[str, Any]) -> None:
    """Add what was run, on what, and how to run it again."""
    section = page.section("What was run, on what")
    section.code(
        yaml.safe_dump({"data": Path(run.source).name, **run.config.model_dump(exclude_none=True)}, sort_keys=False)
    )
    section.table(["", ""], [[name, str(value)] for name, value in environment.items()], "Where it was run.")
    section.text(
        "The same settings and seed give the same model, byte for byte, on the same machine with the same versions; "
        "`harmonium train --config config.yaml` repeats the run."
    )
