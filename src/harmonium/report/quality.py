"""Sections on how good a run is: likelihood, chains, labels, and the use of its hidden units."""

from .. import plots
from ..evaluation import free_energy_gap, mean_activation, reconstruction_error
from ..fitting.drawing import draw
from .material import Report
from .words import BOUND, READOUTS, annealing


def remarks(report: Report) -> None:
    """Add what went wrong, where the training said so, and what is left out."""
    said = [*report.run.facts.get("remarks", [])]
    said += [f"what looks at rows is left out: {report.gone}"] if report.gone else []
    if said:
        section = report.page.section("What to know first")
        for line in said:
            section.verdict("inconsistent", f"{line[0].upper()}{line[1:]}.")


def likelihood(report: Report) -> None:
    """Add what the likelihood is, how it was reached and how far it can be trusted."""
    found, tuned = report.found, report.run.classifier is not None
    section = report.page.section("The model that it began from" if tuned else "How good is it?")
    if tuned:
        section.text("Back-propagation leaves the model as it was; this is its likelihood.")
    section.verdict(found.verdict, f"{found}. Reason: {found.reason}.")
    own = "this machine, at least" if found.bound else "this machine"
    rows: list[list[object]] = [[own, found.log_likelihood, found.lower, found.upper]]
    rows += [["independent units (baseline)", *[found.baseline] * 3]] if found.baseline is not None else []
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


def chains(report: Report) -> None:
    """Add whether chains stand for the model, and which chains were tried."""
    found, run = report.mixing, report.run
    section = report.page.section("Do chains stand for the model?")
    section.verdict(found.verdict, f"{found.reason}.")
    rows: list[list[object]] = [
        ["split R-hat, the largest of any statistic", f"{found.rhat:.3f} ± {found.rhat_error:.3f}"],
        ["effective draws, the fewest", f"{found.ess:,.0f}"],
        ["p-value: the chains as they began against themselves at the end", f"{found.lag:.2g}"],
        ["share of the mass in the basins where the chains are", f"{found.covered:.1%}"],
        ["Gibbs steps", f"{found.gibbs_steps:,}"],
    ]
    section.table(["figure", "value"], rows, "Of the free energy and four principal components of the states.")
    sampler = report.config.sampler
    section.text(
        "Tried were the last chains of the training, as many from random states, and some from every basin with mass."
        if run.chains is not None
        else f"The training by {sampler} left no chains. Tried were chains begun at training rows, as many from random "
        "states, and some from every basin with mass."
    )


def labels(report: Report) -> None:
    """Add how labels are read, and rows drawn for each label, where the run knows labels."""
    run, read = report.run, report.labels
    if not read:
        return
    section = report.page.section("How well does it read labels?")
    rows: list[list[object]] = [
        ["network" if run.classifier else name, f"{one.accuracy:.2%}", f"{one.error:.2%}", one.rows]
        for name, one in read.items()
    ]
    section.table(["read-out", "right", "wrong", "test rows"], rows)
    confusion, names = read["exact"].confusion or [], run.encoder.label_names
    table: list[list[object]] = [[name, *counts] for name, counts in zip(names, confusion, strict=True)]
    section.table(
        ["truth", *(f"as {name}" for name in names)],
        table,
        "Test rows of each class (down) by the label that was read (across).",
    )
    section.text(READOUTS if len(read) > 1 else "A label is read from the outputs of the network: the largest wins.")
    if run.model.labels and not run.classifier and report.kind == "pictures":
        last = run.frames(10, report.gibbs_steps, label="all", progress=report.progress)[-1]
        caption = f"Each row has one label clamped: ten chains after {report.gibbs_steps:,} Gibbs steps, by means."
        drawn = plots.png(draw(run, last.means, 10))
        report.picture(section, "labels.png", drawn, caption, "samples of each label")


def activation(report: Report) -> None:
    """Add how much the hidden units are used, and two cheap figures on held-out rows."""
    run = report.run
    if not report.config.layers:
        return
    train, test = (report.states(split, labeled=bool(run.model.labels)) for split in ("train", "test"))
    means = mean_activation(run.model, test).numpy()
    section = report.page.section("Are all hidden units in use?")
    rows: list[list[object]] = [
        ["free-energy gap, test − training, nats", free_energy_gap(run.model, train, test)],
        ["reconstruction error, test, mean square of the units' states", reconstruction_error(run.model, test)],
    ]
    if means.min() >= 0 and means.max() <= 1:
        drawn = plots.png(plots.mean_activation(means))
        report.picture(section, "activation.png", drawn, "Mean activation of each unit on test rows.", "activation")
        rows += [
            ["units nearly always off (< 1 %)", int((means < 0.01).sum())],
            ["units nearly always on (> 99 %)", int((means > 0.99).sum())],
        ]
    section.table(["figure", "value"], rows, "On up to 1000 rows of each split.")
