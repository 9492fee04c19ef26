"""The page of the recipe ``dbn-lab``: its second half, fine-tuning and the puzzle."""

from pathlib import Path
from typing import Any

from ... import plots
from ...report.page import Page, Section
from ..common.words import show, signed, span
from .wake import PROPER, START, Tuned

Figures = dict[str, Any]
LARGE, FROZEN, SMALL = "generation-specialised", "… with recognition frozen", "recognition-specialised"
SHAPE = (28, 28)


def lead(figures: Figures) -> str:
    """Say what came out, in a few sentences."""
    start, large, proper = (figures["wake"][name]["mean"] for name in (START, LARGE, PROPER))
    return (
        "The report's two settings of wake-sleep are one algorithm at two steps, 0.001 and 0.2 on the mean gradient. "
        f"With the larger one accuracy by the report's read-out goes from {percent(start['gibbs'])} to "
        f"{percent(large['gibbs'])}, and by the exact one from {percent(start['exact'])} to "
        f"{percent(large['exact'])}. With a small step of its own for recognition they become "
        f"{percent(proper['gibbs'])} and {percent(proper['exact'])}, and the digits drawn to order that a classifier "
        f"recognizes go from {percent(start['dreams'], 0)} to {percent(proper['dreams'], 0)}."
    )


def fine_tuning(page: Page, out: Path, tuned: dict[str, Tuned], settings: dict[str, Any], figures: Figures) -> None:
    """Show the ways of fine-tuning, their curves and their samples."""
    section = page.section("Fine-tuning from top to bottom")
    section.text(
        "Up-down unties the weights of every layer: one set recognizes, going up, the other generates, going down. "
        "On the way up each layer is taught to generate the row below; the RBM at the top is trained from there; on "
        "the way down from where its chain ended, each layer is taught to recognize the row above. All start from "
        f"the same network, learned layer by layer with {settings['start_updates']:,} updates each, and run for "
        f"{settings['epochs']} epochs over {settings['rows']:,} rows."
    )
    section.table(
        ("way", "generation", "recognition", "top", "Gibbs steps at the top", "step"),
        [
            (name, *(f"{way[part]:g}" for part in ("generation", "recognition", "top")),
             " → ".join(map(str, way["gibbs_steps"])), "constant" if way["step"] == "constant" else "falls to 0")
            for name, way in settings["ways"].items()
        ],
        f"Steps on the mean gradient of a batch of {settings['batch']}. The report's 0.01 on the sum over the batch is "
        f"{0.01 * settings['batch']:g} on the mean, 200 times its other setting. What step its top takes is not said; "
        "here it takes that of the rest.",
    )  # fmt: skip
    for key, name, title in (
        ("exact", "exact", "test accuracy, exact read-out, %"),
        ("gibbs", "gibbs_steps-read", "test accuracy, 15 Gibbs steps from an even label, %"),
    ):
        series = {way: curve(figures["wake"][way]["curve"], key) for way in settings["ways"]}
        caption = f"{settings['curve_rows']:,} test rows; {over(settings)}."
        show(section, out, name, plots.lines(series, title=title, xlabel="epochs", ylabel="%"), caption)
    series = {way: curve(figures["wake"][way]["curve"], "cost", 1.0) for way in settings["ways"]}
    picture = plots.lines(series, title="−log p(row | lowest code), nats", xlabel="epochs", ylabel="nats")
    show(section, out, "cost", picture, f"{settings['curve_rows']:,} test rows, codes drawn; {over(settings)}.")
    dreams(section, out, tuned, settings)


def curve(points: list[dict[str, float]], key: str, scale: float = 100.0) -> tuple[list[float], list[float]]:
    """Return one curve by epoch."""
    return [point["epoch"] for point in points], [scale * point[key] for point in points]


def over(settings: dict[str, Any]) -> str:
    """Say how many seeds a figure is over."""
    return f"mean of {settings['seeds']} seeds" if settings["seeds"] > 1 else "one seed"


def dreams(section: Section, out: Path, tuned: dict[str, Tuned], settings: dict[str, Any]) -> None:
    """Show digits drawn to order by every network of the first seed."""
    section.text(
        f"Digits drawn to order, 0 to 9 from the left, three of each: the label is clamped, the chain at the top runs "
        f"{settings['dream_sweeps']} Gibbs steps from its biases, and one pass down follows. Nothing is picked out."
    )
    for place, (name, found) in enumerate(tuned.items()):
        if found.dreamt is not None:
            picture = plots.grid(found.dreamt.numpy(), SHAPE, columns=10)
            show(section, out, f"samples-{place}", picture, f"{name}.")


def puzzle(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Put the figures of all ways side by side, and read the puzzle from them."""
    section = page.section("The puzzle: why should one cost the other?")
    wake = figures["wake"]
    columns = ("exact", "gibbs", "train", "cost", "deep_cost", "dreams")
    section.table(
        ("way", "exact", "15 Gibbs steps", "exact, training", "cost, nats", "deep cost", "dreams"),
        [(name, *(cell(found["mean"], key) for key in columns)) for name, found in wake.items()],
        f"{settings['test_rows']:,} test rows; {over(settings)}. Accuracies in per cent by both read-outs, the third "
        "on as many training rows at most. Cost is −log p(row | code) with the lowest code of a drawn pass up; the "
        "deep cost has that code drawn down from the highest one. Dreams: the share, in per cent, of "
        f"{10 * settings['dreams']} digits drawn to order that the evaluate gives their label.",
    )
    if settings["seeds"] > 1:
        section.table(
            ("way", "exact", "15 Gibbs steps", "cost, nats", "dreams"),
            [(name, *ranges(found["seeds"])) for name, found in wake.items()],
            "The same, from the lowest to the highest seed.",
        )
    first_reading(section, wake)
    second_reading(section, wake)
    what_it_gains(section, wake)


def cell(found: dict[str, float], key: str) -> float:
    """Return a figure as the table shows it: shares in per cent to two decimals, nats to one."""
    return round(found[key], 1) if "cost" in key else round(100 * found[key], 2)


def ranges(seeds: list[dict[str, float]]) -> list[str]:
    """Write the ranges of a way's figures over the seeds."""
    shares = [span([100 * seed[key] for seed in seeds], 2) for key in ("exact", "gibbs")]
    return [*shares, span([seed["cost"] for seed in seeds], 1), span([100 * seed["dreams"] for seed in seeds], 0)]


def first_reading(section: Section, wake: Figures) -> None:
    """Read the puzzle as a matter of the recognition's step."""
    start, small, large, frozen, proper = (wake[name]["mean"] for name in (START, SMALL, LARGE, FROZEN, PROPER))
    section.text(
        "First reading: the step. The two settings are not two kinds of network. One hardly moves: at 0.001 the cost "
        f"changes by {signed(small['cost'] - start['cost'], 1)} nats and the exact accuracy by "
        f"{points(small, start, 'exact')} points. The other moves 200 times as fast, and that is harmless where the "
        "target stands still: generation is taught on data, towards rows that are given. Recognition is taught on "
        "what the network itself draws, a target that moves with the weights, and with a large step it follows every "
        "accident of it."
    )
    if frozen["gibbs"] <= large["gibbs"]:
        section.text("The check, to hold the recognition weights still, does not bear this out in this run.")
        return
    section.text(
        "The check is to hold the recognition weights still and change nothing else. The large step then changes the "
        f"exact accuracy by {points(frozen, start, 'exact')} points instead of {points(large, start, 'exact')}, and "
        f"that of the 15 Gibbs steps by {points(frozen, start, 'gibbs')} instead of {points(large, start, 'gibbs')}. With "
        "a step for recognition that is a tenth of generation's, and both smaller and falling, as in the proper "
        f"algorithm, they change by {points(proper, start, 'exact')} and {points(proper, start, 'gibbs')}. So better "
        "generation does not have to cost recognition: the large step of recognition did."
    )


def second_reading(section: Section, wake: Figures) -> None:
    """Read the puzzle as a matter of the read-out."""
    start, large = wake[START]["mean"], wake[LARGE]["mean"]
    gap = signed(100 * (start["exact"] - start["gibbs"]), 1)
    section.text(
        "Second reading: the read-out. The report draws the pass up and reads the label after 15 Gibbs steps from an even "
        "one. Both add noise, and the chain need not arrive. On the very network before fine-tuning the exact "
        f"read-out, which is cheaper, gives {gap} points more. And the two do not see the same harm: with the large "
        f"step the exact accuracy changes by {points(large, start, 'exact')} points and that of the Gibbs steps by "
        f"{points(large, start, 'gibbs')}. A part of the report's low level, and of its fall, can be the read-out; "
        "its own networks cannot be read again."
    )


def what_it_gains(section: Section, wake: Figures) -> None:
    """Say whether the large step's gain in the lowest layer is one of the whole network."""
    start, large, proper = (wake[name]["mean"] for name in (START, LARGE, PROPER))
    words = [
        f"{signed(way['cost'] - start['cost'], 1)} nats given the lowest code and "
        f"{signed(way['deep_cost'] - start['deep_cost'], 1)} given the one drawn down from the highest"
        for way in (large, proper)
    ]
    section.text(
        f"And does the large step generate better? It changes the cost of a row by {words[0]}; the proper algorithm by "
        f"{words[1]}. The share of digits drawn to order that the evaluate recognizes changes by "
        f"{points(large, start, 'dreams')} and {points(proper, start, 'dreams')} points."
        + " What the large step gains in cost, it gains in the lowest layer alone."
        * lowest_alone(start, large)
    )


def lowest_alone(start: dict[str, float], large: dict[str, float]) -> bool:
    """Say whether the cost fell given the lowest code and rose given the one drawn down from the highest."""
    return large["cost"] < start["cost"] and large["deep_cost"] > start["deep_cost"]


def points(one: dict[str, float], other: dict[str, float], key: str) -> str:
    """Write a difference of two shares in points, with its sign."""
    found = round(100 * (one[key] - other[key]), 1)
    return f"{'+' if found > 0 else ''}{signed(found or 0.0, 1)}"


def percent(share: float, digits: int = 1) -> str:
    """Write a share as per cent."""
    return f"{100 * share:.{digits}f} %"


def verdict(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Say whether the proper algorithm keeps accuracy and improves generation, over all seeds."""
    section = page.section("What to conclude")
    start, proper = (figures["wake"][name] for name in (START, PROPER))
    one, other = proper["mean"], start["mean"]
    kept = one["exact"] >= other["exact"]
    better = one["cost"] < other["cost"] and one["dreams"] > other["dreams"]
    both = sum(
        a["exact"] >= b["exact"] and a["cost"] < b["cost"] for a, b in zip(proper["seeds"], start["seeds"], strict=True)
    )
    section.text(
        "Give recognition a step of its own, a tenth of generation's or less; state steps on the mean gradient; let "
        "them fall to zero; read labels by free energy."
    )
    section.verdict(
        ("consistent" if settings["seeds"] > 1 else "note") if kept and better else "fault",
        f"The proper algorithm changes the exact accuracy by {points(one, other, 'exact')} points, the cost of a row "
        f"by {signed(one['cost'] - other['cost'], 1)} nats and the samples that are recognized by "
        f"{points(one, other, 'dreams')} points ({over(settings)}). Accuracy is kept or raised and the cost lowered "
        f"in {both} of {len(start['seeds'])} seeds.",
    )
