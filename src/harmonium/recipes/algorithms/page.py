"""The page of the recipe ``algorithms``."""

from pathlib import Path
from typing import Any

from ... import plots
from ...report.page import Page, Section
from .. import recipe
from ..common.words import show, signed, span, whole
from .page_why import gradient, why

Figures = dict[str, Any]


def fill(settings: dict[str, Any], out: Path, figures: Figures) -> Page:
    """Return the page; every number on it is in ``figures`` or in the settings."""
    page = Page(recipe("algorithms").title, lead(figures), facts(settings, figures))
    algorithms(page)
    gradient(page, figures["gradient"])
    bars(page, out, settings, figures["bars"])
    why(page, out, settings, figures)
    mnist(page, out, settings, figures["mnist"])
    side_by_side(page, figures)
    limits(page)
    return page


def lead(figures: Figures) -> str:
    """Say what came out, in a few sentences."""
    bars, digits = figures["bars"]["runners"], figures["mnist"]["runners"]
    cheap = {name: r for name, r in bars.items() if not name.startswith("exact")}
    best, worst = max(cheap, key=lambda n: cheap[n]["final"]), min(cheap, key=lambda n: cheap[n]["final"])
    first = max(digits, key=lambda n: digits[n]["final"])
    return (
        f"On bars and stripes {best} comes closest to the exact gradient, {signed(cheap[best]['final'])} against "
        f"{signed(bars['exact gradient']['final'])} nats, and {worst} ends at {signed(cheap[worst]['final'])}. On "
        f"MNIST {first} leads with {signed(digits[first]['final'])} nats on test rows. All likelihoods here are "
        "exact sums."
    )


def facts(settings: dict[str, Any], figures: Figures) -> list[tuple[str, str]]:
    """Return what was run, as a table of facts."""
    bars, digits, side, hidden = figures["bars"], figures["mnist"], settings["side"], settings["hidden"]
    return [
        ("Source", "lecture slides, University of Padova, 2022/23; algorithms 18.1 to 18.3"),
        ("Bars and stripes", f"{side} × {side}, {bars['patterns']} distinct patterns; {hidden} hidden units; "
         f"all patterns {settings['copies']} times in every batch of {bars['batch']}"),
        ("MNIST", f"{digits['train_rows']:,} training rows, {digits['test_rows']:,} test rows, pixels above 127 on; "
         f"{settings['mnist_hidden']} hidden units; batch {settings['mnist_batch']}"),
        ("The same for all", "start, order of the data, centered gradient, plain gradient ascent with a step that falls "
         "linearly to zero; as many negative states as positive ones, but for one PCD"),
        ("First step", f"{settings['rate']} on bars and stripes, {settings['mnist_rate']} on MNIST"),
        ("Updates", f"{settings['updates']:,} and {settings['mnist_updates']:,}"),
        ("Seeds", f"{', '.join(map(str, bars['seeds']))} on bars and stripes; {settings['seed']} on MNIST"),
        ("Likelihoods", "exact: every state of the hidden units is summed, in float64"),
        *([("Quick run", "fewer rows, updates and hidden units than the full recipe")] * settings["quick"]),
    ]  # fmt: skip


def algorithms(page: Page) -> None:
    """Say what the algorithms share, and the one line in which they differ."""
    section = page.section("One gradient, three starts")
    section.formula("∂ log p(v) / ∂W = ⟨v hᵀ⟩_data − ⟨v hᵀ⟩_model")
    section.text(
        "The first mean needs the data alone. The second needs states of the model, and these come from a Markov "
        "chain: draw h given v, then v given h, and again. The three algorithms differ in where the chain starts."
    )
    section.table(
        ("algorithm", "name", "each update, the chains start from", "cost"),
        [
            (
                "18.1",
                "naive MCMC",
                "random states (here: drawn from the visible biases alone)",
                "k Gibbs steps, k large",
            ),
            ("18.2", "CD-k", "the rows of the batch", "k Gibbs steps, k small"),
            ("18.3", "PCD-1, or SML", "where they stopped at the last update", "1 Gibbs step"),
            ("–", "exact draws", "no chain: states drawn by listing the hidden ones", "2ⁿ states"),
            ("–", "exact gradient", "no draws: the model's mean is summed", "2ⁿ states"),
        ],
    )
    section.text(
        "The last two are possible only because n, the number of hidden units, is small here. Exact draws are "
        "what naive MCMC would give with k without end; the exact gradient has no noise in its negative phase "
        "either."
    )


def bars(page: Page, out: Path, settings: dict[str, Any], found: Figures) -> None:
    """Show the race on bars and stripes."""
    section = page.section("Bars and stripes")
    section.text(
        "Every row or every column of the picture is on or off as a whole. The patterns are all the data there "
        f"is, so there is no test set, and the best possible mean log-likelihood is −log {found['patterns']} = "
        f"{signed(found['best'], 4)} nats."
    )
    charts(section, out, "bars", found["runners"], "nats a pattern", ("best possible", found["best"]))
    close_up(section, out, found)
    level, seeds = f"seconds to {signed(found['level'])}", len(found["seeds"])
    section.table(
        ("runner", "log p(v), nats", f"range of {seeds} seeds", "short of the best", "ms an update", level),
        [(*final(n, r), span(r["finals"]), found["best"] - r["final"], *cost(r)) for n, r in found["runners"].items()],
        f"After {settings['updates']:,} updates; mean of {seeds} seeds. A dash: a seed did not get so far.",
    )
    section.verdict(
        "exact",
        "Summed over every hidden state, no error; training patterns. Pixels that know nothing of each other reach "
        f"{signed(found['independent_pixels'])} nats.",
    )
    fallen(section, found["runners"])


def final(name: str, runner: Figures) -> tuple[str, str]:
    """Return the first two cells of a runner's row."""
    return whole(name), signed(runner["final"])


def cost(runner: Figures) -> tuple[float, float | None]:
    """Return the last two cells of a runner's row."""
    return runner["milliseconds"], runner["seconds_to_level"]


def charts(section: Section, out: Path, name: str, found: Figures, ylabel: str, reference: tuple[str, float]) -> None:
    """Draw the likelihood against updates, and against seconds."""
    for axis, words in (("updates", "updates"), ("seconds", "seconds of training")):
        picture = plots.lines(
            {label: (r[axis][1:], r["values"][1:]) for label, r in found.items()},
            title=f"exact log-likelihood against {words}",
            xlabel=words, ylabel=ylabel, log_x=True, reference=reference,
        )  # fmt: skip
        caption = f"Against {words}, on a logarithmic scale."
        show(section, out, f"{name}-{axis}", picture, caption + " Evaluation is not counted." * (axis == "seconds"))


def close_up(section: Section, out: Path, found: Figures) -> None:
    """Draw the later updates of the runners that end near the best possible value."""
    level = found["level"]
    near = {name: r for name, r in found["runners"].items() if r["final"] >= level}
    if not near:
        return
    first = min(next(i for i, value in enumerate(r["values"]) if value >= level) for r in near.values())
    picture = plots.lines(
        {name: (r["updates"][first:], r["values"][first:]) for name, r in near.items()},
        title=f"the later updates of those that end above {signed(level)} nats",
        xlabel="updates", ylabel="nats a pattern", reference=("best possible", found["best"]),
    )  # fmt: skip
    caption = "The upper end of the curves, on an even scale. Color are not those of the charts above."
    show(section, out, "bars-near", picture, caption)


def fallen(section: Section, found: Figures) -> None:
    """Name the runners that end well below their own best."""
    drops = {n: r["best"] - r["final"] for n, r in found.items() if r["best"] - r["final"] > 0.5}
    if drops:
        words = "; ".join(f"{n} ends {signed(drop)} nats below its own best" for n, drop in drops.items())
        section.text(f"More training is not always better: {words}.")


def mnist(page: Page, out: Path, settings: dict[str, Any], found: Figures) -> None:
    """Show the race on MNIST."""
    section = page.section("MNIST")
    alone = found["independent_pixels"]
    section.text(
        f"A machine of {settings['mnist_hidden']} hidden units is no good model of digits, but its likelihood can "
        f"be summed over 2^{settings['mnist_hidden']} states. It is evaluated on {found['test_rows']:,} test rows "
        "that no runner has seen."
    )
    if found["train_rows"] == 59_000:
        section.text("The training rows are 59,000 of MNIST's 60,000; the last 1,000, for validation, stay unused.")
    charts(section, out, "mnist", found["runners"], "nats a test row", ("independent pixels", alone))
    level = found["level"]
    section.table(
        ("runner", "log p(v), nats", "above independent pixels", "ms an update", f"seconds to {signed(level, 0)}"),
        [(*final(n, r), r["final"] - alone, *cost(r)) for n, r in found["runners"].items()],
        f"After {settings['mnist_updates']:,} updates, one seed. Threshold at 127. A dash: it did not get so far.",
    )
    section.verdict(
        "exact",
        f"Summed over every hidden state, no error; {found['test_rows']:,} test rows, pixels above 127 on. Pixels "
        f"that know nothing of each other reach {signed(alone)} nats.",
    )
    once, follow = found["milliseconds_an_exact_update"], found["runners"]["PCD-1"]["milliseconds"]
    section.text(
        f"Exact draws are left out of this race. One update lists all {2 ** settings['mnist_hidden']:,} hidden "
        f"states and takes {once:,.0f} ms, {once / follow:,.0f} times as long as PCD-1's."
    )
    fallen(section, found["runners"])


def side_by_side(page: Page, figures: Figures) -> None:
    """Set the slides' advice beside what was run and measured."""
    bars, digits = figures["bars"]["runners"], figures["mnist"]["runners"]

    def path_lengths(start: str) -> str:
        shared = [name for name in bars if name.startswith(start) and name in digits]
        return "; ".join(f"{n}: {signed(bars[n]['final'])} and {signed(digits[n]['final'])}" for n in shared)

    advice = dict(figures["source"])
    silent = advice.popitem()
    rows = [(*pair, path_lengths(start)) for pair, start in zip(advice.items(), ("naive", "CD-", "PCD"), strict=True)]
    section = page.section("The slides' figures and ours")
    section.table(
        ("", "the slides", "here: nats, bars and stripes and MNIST test rows"),
        [*rows, (*silent, "above")],
        "The slides give advice on the number of Gibbs steps and no measurement.",
    )
    section.text(
        "What differs: the slides speak of “a small image patch” and leave step, batch and data open. Their "
        "algorithms have a constant step and the plain gradient; here the step falls to zero and the gradient is "
        "centered, for every runner alike."
    )


def limits(page: Page) -> None:
    """Say what these figures do not show."""
    page.section("What to keep in mind").text(
        "The seconds are updates times the pace of one update. The pace is measured apart, on one thread, the runners "
        "taking turns, and the quickest turn counts: other work on the computer would otherwise decide the race. "
        "Trust the ratios, and those not to the last digit. Evaluation is not in it.\n\n"
        "All runners share one step size. Each could do better with its own: a runner whose negative phase is poor "
        "gains from a smaller step, the exact gradient bears a larger one. The order on MNIST rests on one seed."
    )
