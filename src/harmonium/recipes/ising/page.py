"""The page of the recipe ``ising``."""

from pathlib import Path
from typing import Any

import numpy as np

from ... import plots
from ...report.page import Page, Section
from .. import recipe
from ..common.words import show, signed
from .experiment import EXACT, NEAREST, Found
from .magnet import Magnet, pairs

Figures = dict[str, Any]


def fill(settings: dict[str, Any], out: Path, magnet: Magnet, machines: Found, figures: Figures) -> Page:
    """Return the page; every number on it is in ``figures`` or in the settings."""
    page = Page(recipe("ising").title, lead(figures), facts(settings, figures))
    worth(page, figures)
    couplings(page, out, magnet, machines, figures)
    price(page, figures)
    chains(page, figures)
    return page


def lead(figures: Figures) -> str:
    """Say what came out, in a few sentences."""
    found, true = figures["ways"][EXACT], figures["truth"]["test"]
    return (
        f"The machine that was told nothing of the lattice gives a test state {signed(found['test'], 4)} nats; the one "
        f"that drew the states gives it {signed(true, 4)}, and spins that know nothing of each other "
        f"{signed(figures['independent']['test'], 2)}. Its couplings and the true ones have a correlation of "
        f"{found['correlation']:.3f} over all {figures['pairs']} pairs. All likelihoods here are exact sums."
    )


def facts(settings: dict[str, Any], figures: Figures) -> list[tuple[str, str]]:
    """Return what was run, as a table of facts."""
    return [
        ("Data", "ising_4x4: a periodic 4 × 4 lattice of spins, random positive couplings between neighbors"),
        ("Model", f"p(s) ∝ exp(½ sᵀJs / T), spins −1 and +1, T = {settings['temperature']:g}"),
        ("Machine", f"16 visible spins, no hidden ones, {figures['pairs']} couplings and 16 biases, all free"),
        ("Training rows", f"{figures['train_rows']:,}"),
        ("Test rows", f"{figures['test_rows']:,}"),
        ("Maximum likelihood", "L-BFGS on all rows, float64, log Z and its gradient summed over 2¹⁶ states; the "
         f"gradient's largest entry at the end is {figures['slope']:.0e}"),
        ("PCD-1 and CD-1", f"{settings['updates']:,} updates, batch {settings['batch']}, {settings['chains']} chains "
         f"(PCD), plain ascent, step {settings['rate']} falling linearly to zero; {over(figures)}"),
        ("Likelihoods", "exact: all 2¹⁶ states are summed, in float64"),
        ("Seed", str(settings["seed"])),
        *([("Quick run", "fewer updates and seeds than the full recipe")] * settings["quick"]),
    ]  # fmt: skip


def worth(page: Page, figures: Figures) -> None:
    """Set the likelihoods and the couplings of every machine beside the truth."""
    section = page.section("The figures")
    true, alone = figures["truth"], figures["independent"]
    rows: list[tuple[object, ...]] = [("the true couplings", *fine(true), "0.0000", None, None, None)]
    for name, found in figures["ways"].items():
        errors = (found["error_coupled"], found["error_uncoupled"] or None)
        rows.append((name, *fine(found), short(true, found), found["correlation"], *errors))
    rows.append(("independent spins", *fine(alone), short(true, alone), None, None, None))
    section.table(
        ("machine", "training rows", "test rows", "short of the truth", "correlation", "error, coupled", "uncoupled"),
        rows,
        "Mean log p of a row in nats; the correlation of the couplings J/T with the true ones over all pairs; the root "
        "mean square error of J/T over the 32 pairs of neighbors and over the others.",
    )
    bits, train, test = figures["source"].values()
    section.text(
        f"The data come with three figures: the entropy of the true model, {bits} nats, and −log p under it of the "
        f"training rows, {train}, and of the test rows, {test}. Summed here: {figures['entropy']:.4f}, "
        f"{-true['train']:.4f} and {-true['test']:.4f}. Both sets are draws, so each lies a little "
        "to one side of the entropy."
    )


def fine(found: Figures) -> tuple[str, str]:
    """Write the likelihoods of training and test rows to four decimals."""
    return signed(found["train"], 4), signed(found["test"], 4)


def short(true: Figures, found: Figures) -> str:
    """Write how far a machine is below the truth on the test rows."""
    return signed(true["test"] - found["test"], 4)


def couplings(page: Page, out: Path, magnet: Magnet, machines: Found, figures: Figures) -> None:
    """Draw the learned couplings against the true ones, and both matrices."""
    section = page.section("The couplings")
    learned = machines[EXACT][0].matrix.detach()
    picture = scatter(pairs(magnet.couplings).numpy(), pairs(learned).numpy())
    caption = "Each point is a pair of spins: its true coupling J/T across, the learned one up, equal on the line."
    show(section, out, "scatter", picture, caption)
    both = np.stack([np.kron(matrix.numpy(), np.ones((2, 2))).ravel() for matrix in (magnet.couplings, learned)])
    caption = (
        "The matrices J/T of 16 × 16 couplings on one scale, white at zero, red above: the true ones on the left, the "
        "learned ones on the right. The pattern is the lattice, which the machine had to find."
    )
    show(section, out, "matrices", plots.signed_grid(both, (32, 32), columns=2, limit=float(both.max())), caption)
    found = figures["ways"][EXACT]
    section.text(
        f"The learned couplings miss the true ones by {found['error_coupled']:.3f} between neighbors and by "
        f"{found['error_uncoupled']:.3f} elsewhere, where the truth is zero. A coupling measured from n rows has a "
        f"standard error near 1/√n, here {figures['train_rows'] ** -0.5:.3f}, times a factor that grows with the order "
        f"of the magnet. The true magnet has no field; the largest learned bias is {found['largest_bias']:.3f}."
    )


def scatter(true: np.ndarray, learned: np.ndarray) -> Any:
    """Draw one point a pair, over the line of equals."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(5.0, 4.6), dpi=plots.DPI, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    ends = (min(true.min(), learned.min()) - 0.03, max(true.max(), learned.max()) + 0.03)
    axes.plot(ends, ends, color=plots.INK, linewidth=1, linestyle=(0, (5, 4)))
    for kept, color, label in ((true != 0, 0, "neighbours"), (true == 0, 1, "other pairs: true coupling 0")):
        axes.scatter(true[kept], learned[kept], s=16, color=plots.COLORS[color], alpha=0.7, label=label)
    axes.set_xlabel("true coupling J/T", fontsize=9.5, color=plots.INK)
    axes.set_ylabel("learned coupling J/T", fontsize=9.5, color=plots.INK)
    axes.tick_params(labelsize=9, color=plots.FAINT, labelcolor=plots.INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=9, frameon=False)
    return figure


def price(page: Page, figures: Figures) -> None:
    """Say why the machine of highest likelihood falls short of the truth, and by how much it must."""
    section = page.section("Why it falls short of the truth")
    true, full, lattice = figures["truth"], figures["ways"][EXACT], figures["ways"][NEAREST]
    section.text(
        "Nothing went wrong in the search: on the training rows the learned machine is better than the truth, by "
        f"{full['train'] - true['train']:.4f} nats. It fits the accidents of the rows it was given, and pays for that "
        f"on others: {true['test'] - full['test']:.4f} nats on the test rows. Theory says how much to expect of both, "
        "for a model that holds the truth, when rows are many:"
    )
    section.formula("gain on training rows ≈ loss on new rows ≈ free parameters / (2 · rows)")
    section.table(
        ("machine", "free parameters", "expected", "gained in training", "lost in test"),
        [
            (name, free, free / (2 * figures["train_rows"]), way["train"] - true["train"], true["test"] - way["test"])
            for name, way, free in (
                ("all pairs", full, figures["free"]),
                ("the lattice's pairs", lattice, figures["free_lattice"]),
            )
        ],
        "Nats a row, both machines at their maximum of the likelihood. The second is told which spins are neighbors.",
    )
    saved = (lattice["test"] - full["test"]) / (true["test"] - full["test"])
    section.text(f"Knowing the lattice saves {saved:.0%} of the loss; the rest could only be bought with more rows.")


def chains(page: Page, figures: Figures) -> None:
    """Hold the two ways of training by chains against the exact one."""
    section = page.section("And by chains")
    ways, best = figures["ways"], figures["ways"][EXACT]
    section.text(
        "Where 2ⁿ states cannot be listed, chains take the place of the sum. Here both can be had, so the chains can "
        "be evaluated: how far below the maximum do they end on the training rows, which is what training climbs?"
    )
    rows = [
        (name, best["train"] - ways[name]["train"], ways[name]["test"] - best["test"], spread(ways[name]))
        for name in ("PCD-1", "CD-1")
    ]
    section.table(
        ("way", "below the maximum, training", "above it, test", "test, lowest to highest"),
        rows,
        f"Nats a row; {over(figures)}. Seconds of one run, on a machine shared with other work: "
        + ", ".join(f"{name} {figures['seconds'][name]:.0f}" for name in (EXACT, "PCD-1", "CD-1"))
        + ".",
    )
    section.text(
        "A Gibbs step here visits the sixteen spins one after the other. Contrastive divergence starts its chains at the "
        "data and is biased where one Gibbs step leaves them close to it; the table says how much that costs on this warm "
        "magnet. Colder magnets, and machines with hidden units, are harder: see the recipe `algorithms`."
    )
    evaluate_run(section, figures)


def spread(way: Figures) -> str:
    """Write the test likelihoods of all seeds as a range."""
    return f"{signed(min(way['tests']), 4)} to {signed(max(way['tests']), 4)}"


def over(figures: Figures) -> str:
    """Say over how many seeds the ways with chains are averaged."""
    count = figures["ways"]["PCD-1"]["seeds"]
    return f"mean of {count} seeds" if count > 1 else "one seed"


def evaluate_run(section: Section, figures: Figures) -> None:
    """Say whether the aim was met: within 0.03 nats of the truth, and a correlation of 0.97."""
    found = figures["ways"][EXACT]
    lost = figures["truth"]["test"] - found["test"]
    met = lost <= 0.03 and found["correlation"] >= 0.97
    words = f"{lost:.4f} nats short of the truth on the test rows, correlation {found['correlation']:.4f}"
    aim = "the aim was 0.03 nats at most and 0.97 at least"
    section.verdict("exact" if met else "fault", f"Maximum likelihood: {words}; {aim}.")
