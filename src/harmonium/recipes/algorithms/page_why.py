"""The part of the page of ``algorithms`` that explains: the gradient, and how far off each negative phase is."""

from pathlib import Path
from typing import Any

from ... import plots
from ...report.page import Page, Section
from ..common.words import show, signed, small, whole

Figures = dict[str, Any]
SHOWN = 5  # checkpoints in the table of shares


def gradient(page: Page, rows: list[dict[str, Any]]) -> None:
    """Check the slides' summary of the gradient against differences of the log-likelihood."""
    section = page.section("The gradient, checked")
    section.text(
        "The slides sum up the gradient over n training rows as below, with n rows in the first term and the "
        "model's mean once in the second:"
    )
    section.formula("Σᵢ σ(c_z + vᵢ · W_z) v_iq − Σᵥ p(v) σ(c_z + v · W_z) v_q")
    section.text(
        "Since p(T) is a product of n probabilities, log Z comes n times, and so must the model's mean. Numbers "
        "tell the two apart: a tiny machine (4 visible, 3 hidden units, 5 rows), and central differences of its "
        "exact log-likelihood."
    )
    section.table(
        ("slope of Σ log p(vᵢ)", "by differences", "as summed up in the slides", "with n in both terms"),
        [(r["parameter"], *(signed(r[key], 8) for key in ("differences", "printed", "mended"))) for r in rows],
    )
    section.verdict(
        "fault",
        "The second term lacks a factor n. It is a slip of the summary alone: the algorithms divide both terms "
        "by m, and that is the right gradient of the mean.",
    )


def why(page: Page, out: Path, settings: dict[str, Any], figures: Figures) -> None:
    """Show how far each negative phase is off along one path, and say what follows."""
    distance, share, error = (figures["bias"][key] for key in ("distance", "share", "error"))
    section = page.section("Why: how far off is each negative phase?")
    section.text(
        "Take one machine up the exact gradient, so that no algorithm can lead it astray, and ask each of them on "
        f"the way for the model's mean ⟨v hᵀ⟩, with {settings['bias_states']:,} states. PCD's chains follow the "
        "machine from the start. The curves are the distances from the true mean (root of the summed squares)."
    )
    series = {name: (distance["update"], column) for name, column in distance.items() if name != "update"}
    picture = plots.lines(
        series, title="distance from the model's own ⟨v hᵀ⟩", xlabel="updates", ylabel="distance", log_x=True
    )
    show(section, out, "bias", picture, "The exact draws show the noise that so many states leave.")
    section.text(
        "A distance does not tell where it points. So the table takes the gradient that each algorithm sees, data "
        "minus its own states, and asks how much of the true gradient is in it. Without bias that is 1, up to "
        "noise. It is 0 where an algorithm cannot tell its own states from the data; far above 1 or below 0 its "
        "error drowns the gradient."
    )
    at = share["update"][-SHOWN:]
    section.table(
        ("share of the true gradient, after updates:", *(f"{int(update):,}" for update in at)),
        [(whole(n), *shares(share[n], error[n])) for n in share if n != "update"],
        "With one standard error, from the spread of the states.",
    )
    reasons(section, figures)


def shares(share: list[float], error: list[float]) -> list[str]:
    """Write the last shares of one algorithm with their errors."""
    return [whole(f"{signed(x)} ± {e:.2f}") for x, e in zip(share[-SHOWN:], error[-SHOWN:], strict=True)]


def clearest(found: Figures, name: str) -> str:
    """Write the share of one algorithm where, in the table, it is off 1 by the most standard errors."""
    columns = (found["share"][name], found["error"][name], found["share"]["update"])
    rows = zip(*(column[-SHOWN:] for column in columns), strict=True)
    share, error, update = max(rows, key=lambda row: abs(row[0] - 1) / row[1])
    noise = ", which is within noise" if abs(share - 1) < 3 * error else ""
    return f"{whole(name)}: {whole(f'{signed(share)} ± {error:.2f}')} after {int(update):,} updates{noise}"


def reasons(section: Section, figures: Figures) -> None:
    """Say in plain words what the distances and the shares mean for each algorithm."""
    found, runners, batch = figures["bias"], figures["bars"]["runners"], figures["bars"]["batch"]
    distance = found["distance"]
    naive = "; ".join(f"{name}: {small(column[-1])}" for name, column in distance.items() if name.startswith("naive"))
    near = "; ".join(clearest(found, name) for name in found["share"] if name.startswith("CD-"))
    crowd = next(name for name in runners if name.startswith("PCD-1 with "))
    section.text(
        "Naive MCMC starts from nothing at every update and pays for the burn-in each time. While the weights are "
        "small, a few Gibbs steps are enough. As they grow, the chain crosses from pattern to pattern more and more "
        "slowly, and k Gibbs steps from random states no longer reach the model. The distances at the last update are "
        f"{naive}; noise alone gives {small(distance['exact draws'][-1])}. Where that happens, the gradient pushes "
        "against states that are not the model's, and training can go down."
    )
    section.text(
        "CD starts at the data, so nothing is spent on burn-in. But after k Gibbs steps its states still lean towards "
        "the data, the second mean looks like the first, and the difference, all that CD learns from, is not the "
        f"gradient. In the table, the shares that are off 1 most clearly are: {near}. CD comes to rest where its "
        "own gradient is zero, which is not where the likelihood is highest. A larger k sees more, and costs in "
        "proportion."
    )
    section.text(
        "PCD pays one Gibbs step and keeps its chains, so that over many updates they make the many Gibbs steps that naive "
        f"MCMC makes in one. Its share that is off 1 most clearly is {clearest(found, 'PCD-1')}. It works as long "
        "as the machine moves more slowly than the chains do: hence a small step, and one that falls. Keeping "
        "chains has a price, too. If by chance too many of them sit on one pattern, they still do so at the next "
        f"update, and the machine learns the accident. More chains make for smaller accidents: {batch:,} chains "
        f"reach {signed(runners['PCD-1']['final'])} nats, and {crowd.removeprefix('PCD-1 with ')} reach "
        f"{signed(runners[crowd]['final'])}."
    )
