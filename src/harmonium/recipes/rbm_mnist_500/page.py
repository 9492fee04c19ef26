"""The page of the recipe ``rbm-mnist-500``."""

import math
from pathlib import Path
from typing import Any

from ... import plots
from ...report.page import Page
from ..common import likelihood, mnist
from ..common.words import show, signed
from .experiment import Run

Figures = dict[str, Any]


def fill(settings: dict[str, Any], out: Path, rows: mnist.Digits, done: Run, figures: Figures) -> Page:
    """Return the page; every number on it is in ``figures`` or in the settings."""
    page = Page("A long run of CD-1: 500 hidden units on MNIST", lead(figures), facts(settings, figures))
    side_by_side(page, settings, figures)
    losses(page, out, settings, figures)
    pictures(page, out, rows, done)
    likelihoods(page, out, settings, rows, done, figures)
    samples(page, out, rows, done, settings, figures)
    overflow(page, figures)
    lesson(page, settings, figures)
    return page


def lead(figures: Figures) -> str:
    """Say what came out, in a few sentences."""
    epoch, last = list(figures["likelihoods"].items())[-1]
    return (
        f"After {epoch} epochs of CD-1 the machine gives a test digit {likelihood.words(last)}; "
        f"pixels that know nothing of each other give it "
        f"{signed(figures['independent_pixels'], 1)}. The pictures that the source shows by epoch are one Gibbs step "
        "away from a real digit. What the machine draws when it is left alone is further down."
    )


def facts(settings: dict[str, Any], figures: Figures) -> list[tuple[str, str]]:
    """Return what was run, as a table of facts."""
    count = figures["rows"]
    return [
        ("Source", "slides of a student talk in Korean, by three students"),
        ("Machine", f"784 visible and {settings['hidden']} hidden units of 0 and 1; W from N(0, 0.01²), biases 0"),
        ("Training rows", mnist.training_rows(count["train"])),
        ("Test rows", f"{count['test']:,}"),
        ("Binarisation", "by sampling: a pixel is 1 with the probability of its gray level, drawn at each meeting"),
        ("Training", f"CD-1, Adam {settings['rate']}, batch {settings['batch']}, {settings['epochs']} epochs"),
        ("Time", f"{figures['seconds']:.0f} s of training, on a machine shared with other work"),
        ("Seed", str(settings["seed"])),
        *(
            [("Quick run", "fewer rows and epochs than the source: do not compare its figures with the source's")]
            * settings["quick"]
        ),
    ]


def side_by_side(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Set our settings and figures beside the source's."""
    source = figures["source"]
    section = page.section("What the source did, and what we did")
    section.table(
        ("", "source", "ours"),
        [
            ("training rows", "60,000 (MNIST)", figures["rows"]["train"]),
            ("hidden units", source["hidden"], settings["hidden"]),
            ("epochs", source["epochs"], settings["epochs"]),
            ("batch", source["batch"], settings["batch"]),
            ("Adam's rate", source["rate"], settings["rate"]),
            ("Gibbs steps of the chain", source["gibbs_steps_in_training"], 1),
            ("losses of the last epoch", "a plot without numbers", signed(figures["last_epoch"]["mean"], 1)),
            ("log-likelihood of a test digit, nats", "not given", likelihood.words(final(figures))),
        ],
        "The source prints its settings and its pictures, but no figures; ours are means.",
    )
    section.text(
        "Where we differ: 1,000 of the 60,000 rows are kept for validation, the rows are shuffled in each epoch, and "
        "the rows that do not fill a batch are left out."
    )
    found = figures["gradient"]
    section.text(
        "The source keeps its chain inside the gradient. Here that does no harm: it draws by `relu(sign(p − u))`, "
        "whose slope is zero wherever it has one, so nothing flows back. Measured on one batch of the trained "
        f"machine, its gradient and ours have cosine {found['cosine']:.6f} and differ by {found['difference']:.1e} of "
        "their size. We train with ours."
    )


def losses(page: Page, out: Path, settings: dict[str, Any], figures: Figures) -> None:
    """Draw the loss by epoch, and that of the last epoch's batches."""
    section = page.section("The loss")
    section.formula("loss = mean F(v) − mean F(v⁽¹⁾)")
    epochs, means, last = list(range(1, settings["epochs"] + 1)), figures["losses"], figures["last_losses"]
    title = "mean loss of an epoch, F(v) − F(v⁽¹⁾), in nats"
    picture = plots.curves({"epoch": epochs, "loss": means}, names={"loss": title})
    show(section, out, "losses", picture, "The mean loss of each epoch.")
    title = "loss of each batch of the last epoch, in nats"
    picture = plots.curves({"batch": list(range(len(last))), "loss": last}, x="batch", names={"loss": title})
    show(section, out, "last-losses", picture, "The source plots these points.")
    ends = figures["last_epoch"]
    section.text(
        f"In the last epoch the loss lies between {signed(ends['low'], 1)} and {signed(ends['high'], 1)}, with "
        f"a mean of {signed(ends['mean'], 1)}. It compares a digit with a state one Gibbs step away, and the normalizer "
        "Z cancels: it does not tell how likely the digits are."
    )


def pictures(page: Page, out: Path, rows: mnist.Digits, done: Run) -> None:
    """Show the source's pictures: the last batch by epoch, and test digits before and after."""
    section = page.section("The source's pictures")
    groups = [("data", rows.train[-32:][:10].numpy())]
    groups += [(f"epoch {epoch}", v[:10].numpy()) for epoch, v in done.shown.items()]
    caption = "Training rows of the last batch, and the states one Gibbs step later: the first ten of 32."
    show(section, out, "last-batch", plots.strips(groups, mnist.SHAPE), caption)
    for epoch, v in done.shown.items():
        plots.save_picture(out / f"epoch-{epoch}.png", mnist.tiles(v, 8))
    section.text(
        "All 32 of each epoch are in files beside this page. The source writes that samples can be recognized after "
        "the first ten epochs. Look at what is shown: each tile is one Gibbs step from a real digit. The hidden units "
        "have just read it, so these are reconstructions, and they say little about what the machine would draw."
    )
    if done.before is None or done.after is None:
        return
    for name, v, words in (
        ("test-digits", rows.grey_test[:32], "32 test digits, gray as the source gives them to the machine."),
        ("test-before", done.before, "One Gibbs step later, before training."),
        ("test-after", done.after, "One Gibbs step later, after training."),
    ):
        show(section, out, name, mnist.tiles(v, 16), words)


def likelihoods(
    page: Page, out: Path, settings: dict[str, Any], rows: mnist.Digits, done: Run, figures: Figures
) -> None:
    """Put the likelihood and the free-energy gap beside the pictures."""
    section = page.section("What the machine is worth")
    found = {f"after epoch {epoch}": estimate for epoch, estimate in done.evaluated.items()}
    likelihood.show(section, found, rows, settings, figures["independent_pixels"])
    gaps = figures["free_energy_gaps"]
    epochs = list(range(1, settings["epochs"] + 1))
    title = "free energy, held-out less training rows, in nats"
    picture = plots.curves({"epoch": epochs, "gap": gaps}, names={"gap": title})
    caption = "Mean free energy of the 1,000 validation rows less that of (the first 10,000 of) the training rows."
    show(section, out, "gap", picture, caption)
    section.text(
        f"The gap is {signed(gaps[0], 1)} nats after the first epoch and {signed(gaps[-1], 1)} after the last. "
        "Z cancels in it, so it is exact and cheap. A gap that grows is over-fitting: the machine comes to prefer the "
        "rows it was trained on. It cannot see probability that goes to states that are no digits."
    )


def samples(page: Page, out: Path, rows: mnist.Digits, done: Run, settings: dict[str, Any], figures: Figures) -> None:
    """Show what long chains draw, their free energies, and the receptive fields."""
    gibbs_steps, held = settings["gibbs_steps"], figures["free_energies"]
    section = page.section(f"Left alone for {gibbs_steps:,} Gibbs steps")
    section.text(
        "Now nothing holds the chains near a digit. The tiles show the probabilities that the last states are drawn "
        "from: even gray is a coin flip at every pixel."
    )
    mnist.show_chains(section, out, "samples", done.machine, rows, settings)
    section.table(
        ("states", "mean free energy, nats"),
        [
            ("test digits", held["data"]),
            ("one Gibbs step from them", held["one_sweep"]),
            (f"{gibbs_steps:,} Gibbs steps from them", held["many_sweeps_from_data"]),
            (f"{gibbs_steps:,} Gibbs steps from coin flips", held["many_sweeps_from_coin_flips"]),
        ],
        "Mean free energies of the trained machine, 200 states each at most. Were the chains and the data of one "
        "distribution, the means would agree.",
    )
    section = page.section("Receptive fields")
    caption = "Weights of the first 96 hidden units on one scale: red raises a pixel's odds, blue lowers them."
    show(section, out, "features", mnist.features(done.machine, 96), caption)


def overflow(page: Page, figures: Figures) -> None:
    """Show where the source's formula overflows."""
    section = page.section("Where log(1 + exp(x)) breaks")
    section.text(
        "The source writes the free energy with `torch.log(1 + torch.exp(x))`. In float32 exp overflows above 88.7: "
        "the value becomes infinite and its slope is ∞/∞, not a number, which spoils every weight at the next step. "
        "Far below zero 1 + eˣ rounds to 1, and the value to 0. `F.softplus` is right at both ends."
    )
    section.table(
        ("x", "log(1 + exp(x))", "its slope", "F.softplus(x)", "its slope"),
        [tuple(show_float(value) for value in row.values()) for row in figures["softplus"]],
        "Both in float32; the slopes by autograd.",
    )
    largest = figures["largest_hidden_field"]
    reached = "it would have overflowed here" if largest > 88.7 else "it did not overflow here"
    section.text(
        f"The largest x of the trained machine over the test rows is {largest:.1f}: {reached}. x grows with the "
        "weights and with the number of lit pixels, so nothing keeps it small on longer runs or other data."
    )


def lesson(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Say what a reader should conclude."""
    section = page.section("What to conclude")
    held = figures["likelihoods"]
    best = max(held, key=lambda epoch: held[epoch]["value"])
    words = "; ".join(f"{likelihood.words(e)} after {epoch}" for epoch, e in held.items())
    section.text(f"Likelihood of a test digit by epochs: {words}. The best of them is after {best}.")
    apart = figures["free_energies"]["many_sweeps_from_coin_flips"] - figures["free_energies"]["data"]
    section.text(
        "Pictures one Gibbs step from the data tell how much of a digit the hidden units keep, not what the machine "
        f"believes in. Chains of {settings['gibbs_steps']:,} Gibbs steps from coin flips end {abs(apart):.0f} nats "
        f"{'above' if apart > 0 else 'below'} the digits in free energy. Judge a generative model by such chains and "
        "by a likelihood with a verdict, annealed from every basin. What biases from the data and persistent "
        "chains change is measured in the recipe `rbm-mnist-128`."
    )


def final(figures: Figures) -> Figures:
    """Return the last likelihood that was measured."""
    return list(figures["likelihoods"].values())[-1]


def show_float(value: float) -> str:
    """Write a number to four digits, or the word for what is none."""
    if math.isnan(value):
        return "nan"
    return f"{value:.4g}".replace("-", "−").replace("inf", "∞")
