"""The page of the recipe ``walkthrough``."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ...report.page import Page, Section
from .. import recipe
from ..common.words import both_sides, small
from .page_faults import conclusion, first_fault, second_fault, slips

Figures = dict[str, Any]


def fill(settings: dict[str, Any], out: Path, figures: Figures, states: dict[str, Tensor]) -> Page:
    """Return the page; every number on it is in ``figures`` or in the settings."""
    page = Page(recipe("walkthrough").title, lead(figures), facts(settings, figures))
    notation(page)
    steps(page, figures)
    contrastive(page, figures)
    first_fault(page, out, settings, figures, states)
    second_fault(page, figures)
    slips(page)
    conclusion(page, settings, figures)
    return page


def lead(figures: Figures) -> str:
    """Say what came out, in a few sentences."""
    worst = max(abs(left - right) for rows in figures["checks"].values() for _, left, right in rows)
    return (
        f"The derivation stands: on a machine whose states can all be listed, no two sides of a formula differ by more "
        f"than {worst:.0e}. The code does not stand quite as well. One method returns a field where a probability is "
        "expected, so its chain samples from another distribution than the one that is trained. Another overflows "
        "where its comment promises stability."
    )


def facts(settings: dict[str, Any], figures: Figures) -> list[tuple[str, str]]:
    """Return what was run, as a table of facts."""
    training, sides = figures["training"], settings["sides"]
    visible, hidden, patterns = settings["visible"], settings["hidden"], training["patterns"]
    return [
        ("Source", "an article by Dr. Owns, Towards Data Science, January 2025"),
        ("Checked on", f"{visible} visible and {hidden} hidden units, float64, seed {settings['seed']}"),
        ("Trained on", f"bars and stripes {sides} × {sides}: {patterns} distinct patterns, each in every batch"),
        ("Trained machine", f"{sides**2} visible and {settings['units']} hidden units, float32"),
        ("Training", f"plain gradient descent, step {settings['rate']}, {settings['updates']:,} updates"),
        ("Seeds", ", ".join(map(str, training["seeds"]))),
        ("Likelihoods", "exact, by listing every state of the smaller row; the patterns are all the data there is"),
        *([("Quick run", "fewer updates, seeds and k than the full recipe")] * settings["quick"]),
    ]


def notation(page: Page) -> None:
    """Say how the article's letters are used here."""
    page.section("How to read this page").text(
        "The article's formulas are pictures, so they are written here from its words and its code. Its letters are "
        "kept: x for the visible units, h for the hidden ones, W with one row for each hidden unit, c for the visible "
        "and b for the hidden biases.\n\n"
        "Each step gives a formula and a table. The left side is reckoned the long way, by listing states; the right "
        "side is the formula. Where a row covers many states, it shows the pair that differs most."
    )


STEPS = {
    "energy": (
        "Energy",
        "E(x, h) = −hᵀWx − cᵀx − bᵀh",
        "The energy scores a state of both rows. Low energy means likely. The left side adds the article's three sums, "
        "the right side is what `RBM.energy` returns.",
    ),
    "joint": (
        "Joint probability, and Z",
        "p(x, h) = exp(−E(x, h)) / Z,   Z = Σₓ Σₕ exp(−E(x, h))",
        "Z makes the probabilities sum to 1. The article says that it needs a sum over 2^(m+n) states. That is more "
        "work than needed: given h, the sum over x is a product, so a sum over the states of the smaller row will do. "
        "This is why machines with some 20 hidden units have exact likelihoods, however many pixels they see.",
    ),
    "hidden": (
        "The hidden units given the visible ones",
        "p(h | x) = p(x, h) / Σₕ p(x, h) = Πⱼ p(hⱼ | x),   p(hⱼ = 1 | x) = σ(bⱼ + Σₖ Wⱼₖ xₖ)",
        "Bayes' rule cancels Z. There is no weight between two hidden units, so the rest factorizes, and each "
        "factor is a sigmoid σ(a) = 1/(1 + exp(−a)) of the j-th row of W times x.",
    ),
    "visible": (
        "The visible units given the hidden ones",
        "p(xₖ = 1 | h) = σ(cₖ + Σⱼ hⱼ Wⱼₖ)",
        "The same by symmetry; now it is the k-th column of W that enters. Keep the σ in mind: the first fault "
        "is that the code leaves it out.",
    ),
    "free": (
        "Free energy",
        "F(x) = −log Σₕ exp(−E(x, h)) = −cᵀx − Σⱼ log(1 + exp(bⱼ + Σₖ Wⱼₖ xₖ))\n"
        "p(x) = exp(−F(x)) / Z",
        "The hidden units are summed out exactly. The second fault sits in how the logarithm is written.",
    ),
    "likelihood": (
        "Negative log-likelihood",
        "NLL = −(1/n) Σₜ log p(xₜ) = (1/n) Σₜ F(xₜ) + log Z",
        "This is what training lowers. A difference of free energies alone says nothing: log Z moves as well.",
    ),
    "gradient": (
        "Its gradient: positive and negative phase",
        "∂NLL/∂θ = ⟨∂E/∂θ⟩_p(h|x), data − ⟨∂E/∂θ⟩_p(x,h), model\n"
        "∂NLL/∂W = ⟨h xᵀ⟩_model − ⟨h xᵀ⟩_data",
        "The positive phase lowers the energy of the data, the negative phase raises the energy of what the "
        "model itself would draw. The left side is a central difference of the NLL with steps of 1e-5, so here "
        "the two sides agree only to some nine digits.",
    ),
}  # fmt: skip


def steps(page: Page, figures: Figures) -> None:
    """Add one section for each step of the derivation."""
    for number, (key, (title, formula, words)) in enumerate(STEPS.items(), 1):
        section = page.section(f"Step {number}. {title}").formula(formula).text(words)
        both_sides(section, figures["checks"][key])


def contrastive(page: Page, figures: Figures) -> Section:
    """Add the section on contrastive divergence, whose bias is reckoned without any noise."""
    rows = figures["contrastive_bias"]
    section = page.section(f"Step {len(STEPS) + 1}. Contrastive divergence")
    section.formula("x → h ~ p(h | x) → x′ ~ p(x | h) → … k times,   then ⟨h xᵀ⟩ at the end of the chain")
    section.text(
        "The model's mean is out of reach for large machines, so CD-k starts a chain at the data and stops it after k "
        "Gibbs steps. The article says that a larger k is less biased. On a small machine that can be reckoned: the "
        "distribution after k Gibbs steps is the k-th power of the chain's matrix, and nothing needs to be drawn."
    )
    section.table(
        ("k", "distance to the true gradient, in units of its size"),
        [(k, small(gap)) for k, gap in rows],
        "How far the mean direction of CD-k in W is off. The machine likes all units off as much as all units "
        "on, and the data hold the first alone: the chain has to cross before it learns of the second.",
    )
    return section
