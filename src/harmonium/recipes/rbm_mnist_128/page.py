"""The page of the recipe ``rbm-mnist-128``."""

import inspect
from pathlib import Path
from typing import Any

from ... import plots
from ...report.page import Page
from ..common import likelihood, mnist
from ..common.words import show, signed
from . import page_extra_term
from .experiment import LINES, Line, detached_loss, source_forward, source_loss

Figures = dict[str, Any]


def fill(settings: dict[str, Any], out: Path, rows: mnist.Digits, lines: dict[str, Line], figures: Figures) -> Page:
    """Return the page; every number on it is in ``figures`` or in the settings."""
    page = Page("A loss that is no measure: 128 hidden units on MNIST", lead(figures), facts(settings, figures))
    side_by_side(page, settings, figures)
    losses(page, out, settings, figures)
    likelihoods(page, settings, rows, lines, figures)
    page_extra_term.explain(page, figures)
    pictures(page, out, rows, lines, settings)
    lesson(page, figures)
    return page


def lead(figures: Figures) -> str:
    """Say what came out, in three sentences."""
    source, best = figures["lines"]["source"], max(LINES, key=lambda kind: worth(figures["lines"][kind]))
    reached = figures["lines"][best]
    return (
        "A student report trains this machine on a loss that falls to "
        f"{signed(figures['source']['final_loss'], 1)}. Run again as printed, it falls to "
        f"{signed(source['final_loss'], 1)}, and the machine gives a test digit "
        f"{signed(worth(source), 1)} nats; 784 pixels that know nothing of each other give it "
        f"{signed(figures['independent_pixels'], 1)}. Of five ways to train the same machine the best, "
        f"{LINES[best]}, reaches {signed(worth(reached), 1)} nats at a loss of "
        f"{signed(reached['final_loss'], 1)}."
    )


def facts(settings: dict[str, Any], figures: Figures) -> list[tuple[str, str]]:
    """Return what was run, as a table of facts."""
    count = figures["rows"]
    return [
        ("Source", "a student report, Sharif University of Technology, May 2025"),
        ("Machine", f"784 visible and {settings['hidden']} hidden units of 0 and 1; W from N(0, 0.01²)"),
        ("Training rows", mnist.training_rows(count["train"])),
        ("Test rows", f"{count['test']:,}"),
        ("Binarisation", "by sampling: a pixel is 1 with the probability of its gray level, drawn at each meeting"),
        ("Training", f"Adam {settings['rate']}, batch {settings['batch']}, {settings['epochs']} epochs"),
        ("Gradient norm", f"clipped at {settings['clip']}"),
        ("Seed", str(settings["seed"])),
        *(
            [("Quick run", "its own rows, epochs and rate: do not compare its figures with the source's")]
            * settings["quick"]
        ),
    ]


def side_by_side(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Set our figures beside the source's."""
    source, ours = figures["source"], figures["lines"]["source"]
    section = page.section("What the source did, and what we did")
    section.text(
        "The report writes an RBM in PyTorch, trains it by one step of contrastive divergence (CD-1), and calls the "
        "difference of two mean free energies its loss. The reconstruction v′ that it takes the difference with is "
        "made of probabilities, and PyTorch follows the gradient through it. This is that code, as we ran it:"
    )
    section.code(inspect.getsource(source_forward) + "\n\n" + inspect.getsource(source_loss))
    section.table(
        ("", "source", "ours"),
        [
            ("loss in the last epoch", *(signed(x["final_loss"]) for x in (source, ours))),
            ("training rows", "60,000 (MNIST)", figures["rows"]["train"]),
            ("epochs", source["epochs"], settings["epochs"]),
            ("hidden units", source["hidden"], settings["hidden"]),
            ("batch", source["batch"], settings["batch"]),
            ("Adam's rate", source["rate"], settings["rate"]),
            ("log-likelihood of a test digit, nats", "not given", signed(worth(ours), 1)),
        ],
        "The source's figures, and ours for its own code.",
    )
    section.text(
        "Where they differ: 1,000 of the 60,000 rows are kept for validation, the rows that do not fill a batch are "
        "left out, and the random numbers are others. The report does not print its losses before the last epoch, nor "
        "any likelihood."
    )


def losses(page: Page, out: Path, settings: dict[str, Any], figures: Figures) -> None:
    """Draw the loss of the five lines by epoch."""
    section = page.section("Five ways to train, one start")
    section.text(
        "`the source's code` is the code above. `the same, detached` differs in one word: `v_gibb.detach()`, so that "
        "the gradient stops at the reconstruction. `CD-1` is the usual rule: the reconstruction is zeros and ones, "
        "drawn. `CD-1, biases from the data` also starts the visible biases at the log odds of the pixels instead of "
        "zero. These four share the optimizer, the rate and the clipping."
    )
    section.text(
        "`harmonium's defaults` start the biases at the log odds, center the gradient, and let "
        f"{figures['chains']} chains run on from update to update instead of starting at the data each time (PCD); "
        f"the optimizer is SGD with a rate that falls from {settings['default_rate']} to 0. All five start from the "
        "same weights and make the same number of updates with batches of the same size."
    )
    table = {LINES[kind]: line["losses"] for kind, line in figures["lines"].items()}
    panels = [("mean loss of an epoch, F(v) − F(v′), in nats", list(table))]
    epochs = list(range(settings["epochs"]))
    picture = plots.curves({"epoch": epochs, **table}, panels=panels)
    show(section, out, "losses", picture, "The loss by epoch, counted from 0 as in the source.")


def likelihoods(
    page: Page, settings: dict[str, Any], rows: mnist.Digits, lines: dict[str, Line], figures: Figures
) -> None:
    """Put the likelihood beside the loss."""
    section = page.section("What each machine is worth")
    found = {LINES[kind]: line.found for kind, line in lines.items()}
    likelihood.show(section, found, rows, settings, figures["independent_pixels"])
    held = figures["lines"]
    section.table(
        ("machine", "loss, last epoch", "log p(v), nats", "seconds"),
        [(n, held[k]["final_loss"], worth(held[k]), held[k]["seconds"]) for k, n in LINES.items()],
        "Loss and likelihood side by side; seconds of training on this machine, shared with other work.",
    )
    section.text(ranking(figures))
    section.text(noise(figures))


def noise(figures: Figures) -> str:
    """Say which machines hold most of their probability away from the data."""
    lines = figures["lines"].items()
    missed = [LINES[kind] for kind, line in lines if line["likelihood"]["value"] < figures["independent_pixels"]]
    if not missed:
        return "In this run every machine is worth more than independent pixels."
    return (
        f"Worth less than independent pixels: {'; '.join(missed)}. Such a machine holds most of its probability in "
        "states far from the data. A machine whose biases are zero believes in coin flips before it is trained; CD "
        "looks only at the surroundings of the data, so it need never take that belief away. Chains from coin flips, "
        "further down, show such states."
    )


def ranking(figures: Figures) -> str:
    """Say whether the loss puts the machines in the order of their likelihoods."""
    held = figures["lines"]
    by_loss = min(LINES, key=lambda kind: held[kind]["final_loss"])
    by_likelihood = max(LINES, key=lambda kind: worth(held[kind]))
    worst = min(LINES, key=lambda kind: worth(held[kind]))
    if by_loss == by_likelihood:
        return f"In this run the lowest loss and the highest likelihood belong to one machine, {LINES[by_loss]}."
    twist = ", which has the lowest likelihood of the five" if worst == by_loss else ""
    return (
        f"The lowest loss belongs to {LINES[by_loss]}{twist}. The highest likelihood belongs to "
        f"{LINES[by_likelihood]}. Read as a measure, the loss would pick the wrong machine."
    )


def pictures(page: Page, out: Path, rows: mnist.Digits, lines: dict[str, Line], settings: dict[str, Any]) -> None:
    """Show reconstructions by epoch, samples and receptive fields."""
    section = page.section("Data and reconstruction")
    for kind in LINES:
        groups = [("data", rows.test[:10].numpy())]
        groups += [(f"epoch {epoch}", v.numpy()) for epoch, v in lines[kind].shown.items()]
        caption = f"{LINES[kind]}: ten test digits, and the pixel probabilities one pass up and down later."
        show(section, out, f"reconstructions-{kind}", plots.strips(groups, mnist.SHAPE), caption)
    section.text(
        "These are reconstructions. The hidden units have just seen the digit, so a resemblance says that they kept "
        "some of it, not that the machine could have drawn it."
    )
    section = page.section(f"Samples after {settings['gibbs_steps']:,} Gibbs steps")
    section.text(
        "The report shows a grid of samples after 1,000 Gibbs steps and does not print where its chains start. Ours "
        "start at coin flips, and once more at test digits. The tiles show the probabilities that the last states are "
        "drawn from: even gray is a coin flip at every pixel."
    )
    for kind, line in lines.items():
        mnist.show_chains(section, out, f"samples-{kind}", line.machine, rows, settings, f"{LINES[kind]}: ")
    section = page.section("Receptive fields")
    section.text(
        "The weights of each hidden unit, as a picture: red raises the pixel's odds, blue lowers them. All tiles of "
        "one picture share a scale."
    )
    for kind, line in lines.items():
        picture = mnist.features(line.machine, settings["hidden"])
        show(section, out, f"features-{kind}", picture, f"{LINES[kind]}: the weights of all hidden units.")


def lesson(page: Page, figures: Figures) -> None:
    """Say what a reader should take home."""
    base, held = figures["independent_pixels"], figures["lines"]
    below = [LINES[kind] for kind in LINES if worth(held[kind]) < base]
    words = (
        f"Worth less than independent pixels: {'; '.join(below)}." if below else "All machines beat independent pixels."
    )
    section = page.section("What to take home")
    section.text(f"{words} {effect(figures)}")
    section.text(
        "Put the chain under `torch.no_grad()`, or detach its last state. Do not read progress off F(v) − F(v′), with "
        "or without the mistake: it compares two states of one machine and leaves out Z. Watch a likelihood with its "
        "verdict, or at least the samples of long chains, and keep the independent pixels in sight: a machine below "
        "them has learned less than nothing."
    )
    section.code(inspect.getsource(detached_loss))


def effect(figures: Figures) -> str:
    """Say what each mended step changed, in nats."""
    value = {kind: worth(line) for kind, line in figures["lines"].items()}
    pairs = (
        ("detaching the reconstruction", "source", "detached"),
        ("drawing it as zeros and ones", "detached", "cd"),
        ("starting the biases at the data", "cd", "matched"),
        ("harmonium's other defaults", "matched", "defaults"),
    )
    changes = [f"{name} {signed(value[b] - value[a], 1)}" for name, a, b in pairs]
    words = f"What each step changed, in nats a digit, one after the other: {'; '.join(changes)}."
    if value["detached"] < value["source"]:
        words += (
            "\n\nSo mending the gradient alone did not help the likelihood: from biases of zero, CD leaves most of the "
            "probability far from the data, whatever it does near them."
        )
    return words


def worth(line: Figures) -> float:
    """Return the log-likelihood of one line of the figures."""
    return float(line["likelihood"]["value"])
