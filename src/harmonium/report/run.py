"""The report of a run, which is all that it reads."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import torch
import yaml

from .. import plots
from ..errors import InputError
from ..evaluation import free_energy_gap, mean_activation, reconstruction_error
from ..fitting import Evaluation, Run
from ..fitting.drawing import draw, picture_shape
from ..fitting.effort import Judge, effort
from ..fitting.likelihood import recall
from ..progress import Progress, silent
from ..storage import write_bytes
from .page import Page, Section, write
from .words import BOUND, READOUTS, annealing, columns_of, facts, lead, reading, tuned

LINES = 50  # of the table of losses, at most
GIBBS_STEPS = 1000  # at most, of the chains that a report draws
PANELS = (
    ("likelihood of held-out rows, nats", "log_likelihood"),
    ("pseudo-likelihood of held-out rows, nats", "pseudo_likelihood"),
    ("free-energy gap, nats", "free_energy_gap"),
    ("reconstruction error", "reconstruction_error"),
    ("drift of the chains in 100 Gibbs steps, standard errors", "free_energy_drift"),
    ("share of held-out labels missed", "label_error"),
    ("last move of the mean field", "mean_field_change"),
    ("share of static weights", "static_weight_fraction"),
    ("weight norm", "weight_norm"),
    ("loss (no measure of success)", "loss"),
    ("learning rate", "lr"),
)


def write_report(
    run: Run, out: str | Path | None = None, *, judge: Judge = "quick", progress: Progress = silent
) -> Path:
    """Write the report of a run and return the page's path: ``report.html`` in its directory, or ``out``.

    The run is evaluated where its passport does not tell of the test rows; pictures lie in ``pictures/`` beside it.
    A ``quick`` judge takes about as many Gibbs steps as the training did, a ``full`` one as many as verdicts ask for.
    """
    if run.config is None or not run.history:
        raise InputError(f"{run.name} does not tell how it was trained: a report needs a run")
    if out is None and run.path is None:
        raise InputError("the run is in memory: say where its report is to be written, run.report('report.html')")
    path = Path(out) if out is not None else (run.path or Path()) / "report.html"
    found = recall(run) or run.evaluate(judge=judge, progress=progress)
    report = Report(run, found, path, judge, progress)
    for tell in (
        report.remarks,
        report.likelihood, report.curves, report.fields, report.snapshots, report.chains, report.samples, report.labels,
        report.activation, report.settings,
    ):  # fmt: skip
        tell()
    return write(report.page, path)


class Report:
    """A page in the making: each method adds a section on the run."""

    def __init__(self, run: Run, found: Evaluation, path: Path, judge: Judge, progress: Progress):
        assert run.config is not None
        self.judge, self.gibbs_steps = judge, min(GIBBS_STEPS, effort(run, judge).gibbs_steps)
        self.run, self.found, self.config, self.progress = run, found, run.config, progress
        self.folder = path.parent / "pictures"
        environment = run.facts["environment"]
        self.page = Page(
            title=f"{run.facts['data']['name']}: {run.config.visible} × {run.config.hidden}, {run.words}",
            lead=lead(run, found),
            facts=facts(run, found),
            version=environment["harmonium"],
            date=date.today().isoformat(),
        )

    def picture(self, section: Section, name: str, content: bytes, caption: str, alt: str) -> None:
        """Keep a picture beside the page and show it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self.folder / name, content)
        section.picture(content, caption, alt)

    def remarks(self) -> None:
        """Add what went wrong, where the training said so."""
        said = self.run.facts.get("remarks", [])
        if said:
            section = self.page.section("What to know first")
            for line in said:
                section.verdict("inconsistent", f"{line[0].upper()}{line[1:]}.")

    def likelihood(self) -> None:
        """Add what the likelihood is, how it was reached and how far it can be trusted."""
        found, section = self.found, self.page.section("How good is it?")
        section.verdict(found.verdict, f"{found}. Reason: {found.reason}.")
        own = "this machine, at least" if found.bound else "this machine"
        rows: list[list[object]] = [
            [own, found.log_likelihood, found.lower, found.upper],
            ["independent units (baseline)", *[found.baseline] * 3],
        ]
        columns = ["model", "log-likelihood, nats a row", "lower end", "upper end"]
        section.table(columns, rows, "Mean over rows; higher is better.")
        spread = found.error_over_rows
        section.text(
            "The likelihood is the probability that the machine gives to rows it has not seen, as a logarithm: "
            "`log p(v) = −free energy(v) − log Z`. "
            + (BOUND if found.bound else "The free energy is exact; all the difficulty lies in ")
            + f"log Z, the sum over every state there is. Here log Z = {found.log_partition:.3f}, by "
            + ("summing all states." if found.method == "exact" else annealing(found))
            + (f" Another draw of as many rows would move the mean by about {spread:.2f} nats." if spread else "")
        )
        if found.standardized:
            section.text("Columns were standardized by the training rows: likelihoods are densities in those units.")

    def curves(self) -> None:
        """Add the learning curves."""
        columns = columns_of(self.run.history)
        shown = [(title, [name]) for title, name in PANELS if any(math.isfinite(x) for x in columns[name])]
        kept = {"epoch": columns["epoch"], **{name: columns[name] for _, (name,) in shown}}
        section = self.page.section("How it learned")
        figure = plots.png(plots.curves(kept, panels=shown))
        caption = "Figures after each pass over the training rows."
        self.picture(section, "curves.png", figure, caption, "learning curves")
        section.text(" ".join(reading(columns)))
        self.losses(section)

    def losses(self, section: Section) -> None:
        """Add the loss by epoch, of some fifty epochs at most."""
        every = -(-len(self.run.history) // LINES)
        rows: list[list[object]] = [
            [row["epoch"], row["loss"], row["lr"]] for row in self.run.history[every - 1 :: every]
        ]
        caption = "The mean loss of the updates of an epoch: it moves with the chains, and measures no success."
        section.table(["epoch", "loss", "learning rate"], rows, caption)

    def fields(self) -> None:
        """Add the receptive fields of the hidden units, layer by layer."""
        section = self.page.section("What the hidden units look for")
        for layer in range(1, len(self.run.model.receptive_fields()) + 1):
            rows = self.run.weights(100, layer)
            width = self.config.layers[layer - 1] if self.config.layers else len(rows)
            which = "hidden units" if layer == 1 else f"units of hidden layer {layer}, through the weights below them,"
            caption = f"The weights of the {len(rows)} largest of {width} {which} on one color scale: "
            drawn = plots.png(plots.signed_grid(rows, picture_shape(self.run, rows)))
            caption += "a unit comes on where red is lit and blue is dark."
            self.picture(section, f"weights-{layer}.png", drawn, caption, f"layer {layer}")

    def snapshots(self) -> None:
        """Add data, reconstructions and samples at the beginning, first, middle and last epoch."""
        section = self.page.section("Data, reconstructions and samples while it learned")
        section.text(
            "A reconstruction is one pass up to the hidden units and down again, by means. A sample is where the "
            "chains of the training stood; it owes nothing to the rows above it."
        )
        first, names = (
            "Before fine-tuning." if tuned(self.run) else "Before training.",
            ("data", "reconstruction", "sample"),
        )
        for epoch, arrays in self.run.snapshots.items():
            groups = [(name, self.run.encoder.picture(arrays[name])) for name in names]
            drawn = plots.png(plots.strips(groups, self.run.encoder.shape))
            caption = first if epoch == 0 else f"After epoch {epoch}."
            self.picture(section, f"epoch-{epoch:05d}.png", drawn, caption, f"epoch {epoch}")

    def chains(self) -> None:
        """Add whether the chains of the run stand for its model."""
        found = self.run.mixing(judge=self.judge, progress=self.progress)
        section = self.page.section("Do its chains stand for the model?")
        tones = {"mixed": "consistent", "lagging": "inconsistent", "stuck": "inconsistent"}
        section.verdict(tones[found.verdict], f"{found.verdict}: {found.reason}.")
        section.table(
            ["figure", "value"],
            [
                ["split R-hat, the largest of any statistic", found.rhat],
                ["effective draws, the fewest", round(found.ess)],
                ["p-value: the chains as they were given against themselves at the end", f"{found.lag:.2g}"],
                ["share of the mass in the basins where the chains are", f"{found.covered:.1%}"],
                ["Gibbs steps", f"{found.gibbs_steps:,}"],
            ],
            "Of the free energy and four principal components of the states.",
        )

    def samples(self) -> None:
        """Add a grid of samples and a GIF of the chains."""
        run = self.run
        frames = run.frames(64, self.gibbs_steps, progress=self.progress)
        section = self.page.section("What it samples")
        drawn = plots.png(draw(run, frames[-1].means, 16))
        caption = f"64 chains after {self.gibbs_steps} Gibbs steps from random states: the mean of the last draw."
        self.picture(section, "samples.png", drawn, caption, f"samples after {self.gibbs_steps} Gibbs steps")
        path = self.folder / "chains.gif"
        plots.save_gif(path, [draw(run, frame.means[:16], 8) for frame in frames])
        moving = f"16 of the chains as they run, from random states to Gibbs step {frames[-1].gibbs_steps}; the "
        section.picture(path.read_bytes(), moving + "intervals grow with the steps.", "chains in motion")

    def labels(self) -> None:
        """Add how labels are read, and rows drawn for each label, where the run knows labels."""
        run = self.run
        if not run.encoder.labels:
            return
        chained = bool(run.model.labels) and run.classifier is None  # label units can be read by a chain too
        readouts = ["exact", "gibbs"] if chained else ["exact"]
        read = {readout: run.classify(readout=readout, progress=self.progress) for readout in readouts}
        section = self.page.section("Does it know the labels?")
        section.text(READOUTS)
        rows: list[list[object]] = [[name, f"{one.error:.2%}", one.rows] for name, one in read.items()]
        section.table(["read-out", "error", "rows"], rows, "Test rows whose label is missed.")
        confusion, names = read["exact"].confusion or [], run.encoder.label_names
        table: list[list[object]] = [[name, *counts] for name, counts in zip(names, confusion, strict=True)]
        section.table(["truth", *(f"as {name}" for name in names)], table, "Exact read-out, test rows.")
        if run.model.labels:
            last = run.frames(10, self.gibbs_steps, label="all", progress=self.progress)[-1]
            caption = f"Each row has one label clamped: ten chains after {self.gibbs_steps} Gibbs steps, by means."
            drawn = plots.png(draw(run, last.means, 10))
            self.picture(section, "labels.png", drawn, caption, "samples of each label")

    def activation(self) -> None:
        """Add how much the hidden units are used, and two cheap figures on held-out rows."""
        run, fixed = self.run, torch.Generator().manual_seed(0)
        if not self.config.layers:
            return
        splits = [run.rows(None, split).take(1000) for split in ("train", "test")]
        known = bool(run.model.labels)
        train, test = (run.encoder.rows(rows, sharp=True, labeled=known, generator=fixed) for rows in splits)
        means = mean_activation(run.model, test).numpy()
        section = self.page.section("Are all hidden units in use?")
        rows: list[list[object]] = [
            ["free-energy gap, test − training, nats", free_energy_gap(run.model, train, test)],
            ["reconstruction error, test", reconstruction_error(run.model, test)],
        ]
        if means.min() >= 0 and means.max() <= 1:
            drawn = plots.png(plots.mean_activation(means))
            self.picture(section, "activation.png", drawn, "Mean activation of each unit on test rows.", "activation")
            rows += [
                ["units nearly always off (< 1 %)", int((means < 0.01).sum())],
                ["units nearly always on (> 99 %)", int((means > 0.99).sum())],
            ]
        section.table(["figure", "value"], rows, "On up to 1000 rows of each split.")

    def settings(self) -> None:
        """Add what was run, on what, and how to run it again."""
        section, data = self.page.section("What was run, on what"), self.run.facts["data"]["name"]
        section.code(yaml.safe_dump({"data": data, **self.config.model_dump(exclude_none=True)}, sort_keys=False))
        environment: dict[str, Any] = self.run.facts["environment"]
        section.table(["", ""], [[name, str(value)] for name, value in environment.items()], "Where it was run.")
        section.text(
            "The same settings and seed give the same model, byte for byte, on the same machine with the same "
            "versions; `harmonium train --config config.yaml` repeats the run."
        )
