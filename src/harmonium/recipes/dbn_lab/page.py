"""The page of the recipe ``dbn-lab``: its first half, one RBM and the layers."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ... import plots
from ...report.page import Page, Section
from .. import recipe
from ..common.words import show, signed
from .page_wake import fine_tuning, lead, percent, puzzle, verdict
from .wake import Tuned

Figures = dict[str, Any]
SHAPE = (28, 28)


def fill(
    settings: dict[str, Any], out: Path, features: dict[int, Tensor], tuned: dict[str, Tuned], figures: Figures
) -> Page:
    """Return the page; every number on it is in ``figures`` or in the settings."""
    page = Page(recipe("dbn-lab").title, lead(figures), facts(settings, figures))
    side_by_side(page, settings, figures)
    one_machine(page, out, settings, figures["alone"])
    layers(page, out, features, settings, figures["losses"])
    accuracy(page, out, figures["accuracy"])
    fine_tuning(page, out, tuned, settings, figures)
    puzzle(page, settings, figures)
    verdict(page, settings, figures)
    return page


def facts(settings: dict[str, Any], figures: Figures) -> list[tuple[str, str]]:
    """Return what was run, as a table of facts."""
    *below, top = settings["layers"]
    return [
        ("Source", "a student report, KTH Stockholm, February 2020; its figures are plots without numbers"),
        ("Network", f"784 pixels, {', '.join(map(str, below))} units, then {below[-1]} + 10 label units under {top}"),
        ("Data", f"MNIST, pixels above 127 on; {settings['rows']:,} training rows unless said otherwise, the first "
         f"{settings['test_rows']:,} test rows"),
        ("Layer by layer", f"CD-1, batch {settings['batch']}, step {settings['rate']} (top {settings['top_rate']}) on "
         f"the mean gradient, momentum {settings['momentum']}; each layer learns from the means of the one below"),
        ("An iteration", f"one update with a batch of {settings['batch']} rows; the report does not say"),
        ("Seeds", f"{settings['seeds']} for the fine-tuning, each with a start of its own; one for the rest"),
        ("Judge of samples", "a network of 300 hidden units that learned 59,000 real gray digits by back-propagation; "
         f"it gives {percent(figures['evaluate_run']['accuracy'])} of the 10,000 test digits their label"),
        ("Time", f"{figures['seconds'] / 60:.0f} min, on a machine shared with other work"),
        *([("Quick run", "smaller layers, fewer updates, epochs and seeds than the full recipe")] * settings["quick"]),
    ]  # fmt: skip


def side_by_side(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Set our figures beside the report's."""
    section = page.section("The report's figures and ours")
    source, best = figures["source"], peak(figures["accuracy"], settings["rows"])
    resting = list(figures["alone"]["widths"].values())[-1]["resting"]
    wake = figures["wake"]
    section.table(
        ("", "report", "ours"),
        [
            ("weights of an RBM that move by more than 0.001 in a step", "about 20 %",
             f"{percent(1 - resting[0], 0)} at first, {percent(1 - resting[-1], 0)} at the end"),
            ("best accuracy on training rows", "about 84 %", f"{percent(best['train_gibbs'])} by its read-out"),
            ("best accuracy on test rows", f"about 82 %, on {source['test rows']}",
             f"{percent(best['test_gibbs'])} by its read-out, {percent(best['test'])} exact"),
            ("at so many iterations a layer", source["best number of iterations"], f"{best['updates']:,}"),
            ("the recognition-specialised network", "accuracy kept, digits not recognizable",
             told(wake["recognition-specialised"]["mean"])),
            ("the generation-specialised network", "accuracy falls; 0, 5, 6, 7, 8, 9 recognizable",
             told(wake["generation-specialised"]["mean"])),
        ],
        f"Our best accuracies are of {settings['curve_rows']:,} test rows. "
        "The last two after fine-tuning: accuracy by the report's read-out, and the share of digits drawn to order "
        "that the evaluate gives their label.",
    )  # fmt: skip
    section.text(
        "Where we differ: the report does not print its binarization, its steps for the layers, its momentum or the "
        "size of its layers, so these are ours. Its fine-tuning clamps the labels in the chain at the top; ours lets "
        "them move with it, as the published algorithm does."
    )


def told(found: dict[str, float]) -> str:
    """Write a network's accuracy by the lab's read-out and the evaluate's opinion of its samples."""
    return f"{percent(found['gibbs'])}; {percent(found['dreams'], 0)} of the digits recognized"


def peak(found: Figures, rows: int) -> dict[str, float]:
    """Return the line of the highest test accuracy by the lab's read-out, for so many rows."""
    return max(found["counts"][rows], key=lambda line: line["test_gibbs"])


def one_machine(page: Page, out: Path, settings: dict[str, Any], found: Figures) -> None:
    """Show reconstruction errors by updates and by Gibbs steps, and the weights that rest."""
    section = page.section("One RBM: how well it keeps a digit")
    widths = found["widths"]
    series = {f"{hidden} hidden units": (w["updates"][1:], w["errors"][1:]) for hidden, w in widths.items()}
    picture = plots.lines(
        series, title="mean squared error a pixel, one pass up and down", xlabel="updates", ylabel="error", log_x=True
    )
    caption = f"{found['test_rows']:,} test rows, {found['rows']:,} training rows, CD-1."
    show(section, out, "reconstruction", picture, caption)
    series = {f"{hidden} hidden units": (w["gibbs_steps"], w["far"]) for hidden, w in widths.items()}
    picture = plots.lines(
        series,
        title="mean squared error a pixel, after k Gibbs steps",
        xlabel="Gibbs steps k",
        ylabel="error",
        log_x=True,
    )
    show(section, out, "gibbs_steps", picture, "The trained machines: chains leave the test rows that they start at.")
    last = list(widths)[-1]
    section.text(
        f"The error by updates falls quickly and then slowly. With {last} units a pixel is missed by "
        f"{widths[last]['errors'][-1]:.4f} after one pass, and by {widths[last]['far'][-1]:.3f} after "
        f"{settings['far'][-1]} Gibbs steps: a chain is meant to leave the digit it started at. A small error after one "
        "pass says how much the hidden units keep, and not how likely a digit is."
    )
    series = {f"{hidden} hidden units": (w["updates"][1:], w["resting"]) for hidden, w in widths.items()}
    picture = plots.lines(
        series, title=f"share of weights that move by less than {found['limit']} in an update", xlabel="updates",
        ylabel="share",
    )  # fmt: skip
    show(section, out, "resting", picture, "Each point is the mean over the updates since the last.")
    section.text(
        f"The share depends on the step and on the noise of the batch, here {settings['rate']} with momentum "
        f"{settings['momentum']} and {settings['batch']} rows. A smaller step would leave more weights at rest and "
        "bring none of them nearer to the end: the share does not tell when to stop."
    )


def layers(page: Page, out: Path, features: dict[int, Tensor], settings: dict[str, Any], found: Figures) -> None:
    """Show each layer's loss and the lowest features, early and late."""
    section = page.section(f"Layer by layer, on {found['rows']:,} rows")
    sizes = [784, *settings["layers"]]
    names = [f"{below} → {above}" for below, above in pairwise(sizes)]
    names[-1] = names[-1].replace(" →", " + 10 →")
    series = {name: (found["updates"], errors) for name, errors in zip(names, found["errors"].values(), strict=True)}
    picture = plots.lines(
        series, title="reconstruction error of each layer's own input", xlabel="updates of the layer", ylabel="error",
        log_x=True,
    )  # fmt: skip
    caption = "Mean squared error a unit over the training rows (1,000 at most). Each layer has its own kind of input."
    show(section, out, "layers", picture, caption)
    for update, weight in features.items():
        tiles = plots.signed_grid(weight[:, :24].T.numpy(), SHAPE, columns=8)
        caption = f"Weights of 24 units of the lowest layer after {update:,} updates; red raises a pixel's odds."
        show(section, out, f"features-{update}", tiles, caption)
    seen = found["features"].items()
    section.text(
        "The report finds no distinct features at 50 iterations and shapes like pieces of digits at 1,500. Each "
        "picture has its own scale: the root mean square of the weights is "
        + ", ".join(f"{held['root']:.3f} after {update:,} updates" for update, held in seen)
        + ". Early, many units still show the same blurred figure. The mean size of the cosine between the weights of "
        "two units says how much they are alike: "
        + ", ".join(f"{held['alike']:.2f} after {update:,}" for update, held in seen)
        + "."
    )


def accuracy(page: Page, out: Path, found: Figures) -> None:
    """Show accuracies against iterations for each number of rows, by both read-outs."""
    section = page.section("Accuracy against iterations")
    series = {}
    for rows, lines in found["counts"].items():
        updates = [line["updates"] for line in lines]
        for key in ("train", "test"):
            series[f"{rows:,} rows, {key}"] = (updates, [100 * line[key] for line in lines])
    picture = plots.lines(
        series, title="exact read-out, % right", xlabel="updates of each layer", ylabel="%", log_x=True
    )
    caption = f"{found['test_rows']:,} test rows, {found['train_rows_judged']:,} training rows at most, one seed."
    show(section, out, "accuracy", picture, caption)
    section.table(
        ("training rows", "updates", "train, exact", "test, exact", "train, 15 Gibbs steps", "test, 15 Gibbs steps"),
        [
            (rows, line["updates"], *(percent(line[key]) for key in ("train", "test", "train_gibbs", "test_gibbs")))
            for rows, lines in found["counts"].items()
            for line in lines
        ],
        "The exact read-out takes the label of lowest free energy above the means of a pass up. The report's read-out "
        "draws the pass up, starts at an even label, and takes the label's odds after 15 Gibbs steps.",
    )
    trend(section, found)


def trend(section: Section, found: Figures) -> None:
    """Say where the test accuracy is highest for each number of rows."""
    words = []
    for rows, lines in found["counts"].items():
        best = max(lines, key=lambda line: line["test"])
        place = "at the last count" if best is lines[-1] else f"at {best['updates']:,} updates, before the last"
        words.append(f"with {rows:,} rows {place}")
    gaps = [line["test"] - line["test_gibbs"] for lines in found["counts"].values() for line in lines]
    section.text(
        f"The exact test accuracy is highest {'; '.join(words)}. The report sees a peak between 800 and 2,000, on 100 "
        "test rows, where one standard error is about 4 points. The two read-outs differ on the same networks by "
        f"{100 * np.mean(gaps):.1f} points on average ({signed(100 * min(gaps), 1)} to {signed(100 * max(gaps), 1)})."
    )
