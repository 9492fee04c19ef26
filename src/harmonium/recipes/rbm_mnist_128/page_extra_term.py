"""Why the loss of ``rbm-mnist-128`` can fall while the machine gets worse, told and measured."""

from typing import Any

from ...report.page import Page, Section
from .experiment import LINES

Figures = dict[str, Any]


def explain(page: Page, figures: Figures) -> None:
    """Explain where the loss comes from, and measure each part of the explanation."""
    section = page.section("Why the loss can fall while the machine gets worse")
    section.text("The reconstruction depends on the parameters too, so the chain rule has two parts:")
    section.formula("L(θ) = F(v; θ) − F(v′(θ); θ),      v′(θ) = σ(W h + a),   h ~ p(h | v)")
    section.formula("dL/dθ  =  ∂F(v)/∂θ − ∂F(v′)/∂θ   −   (∂F/∂v′) · (∂v′/∂θ)")
    section.text(
        "The first part is CD-1: make the data more likely, make the reconstruction less likely. The last part is "
        "not in CD-1 at all. It moves the reconstruction itself to where the machine finds it less likely: the loss "
        "falls because v′ gets worse, not because the data get more likely. For a visible bias it can be written out:"
    )
    section.formula("∂L/∂aᵢ = v′ᵢ − vᵢ + v′ᵢ (1 − v′ᵢ) xᵢ,      xᵢ = aᵢ + Σⱼ Wᵢⱼ σ(bⱼ + Σₖ Wₖⱼ v′ₖ)")
    section.text(
        "xᵢ is the log odds that the machine gives pixel i. Where it would light the pixel, xᵢ > 0, the last term "
        "dims it; where it would leave it dark, the last term lights it. Nothing bounds F(v′) − F(v) from above "
        "while the weights grow, so the loss has no bottom."
    )
    slants(section, figures)
    energies(section, figures)


def slants(section: Section, figures: Figures) -> None:
    """Set the source's gradient beside the right one, machine by machine."""
    start, held = figures["gradient_at_start"], figures["lines"]
    found = [("the untrained machine", start)] + [(LINES[kind], held[kind]["gradient"]) for kind in LINES]
    section.table(
        ("on", "cosine", "size, source / CD", "difference / CD"),
        [(name, s["cosine"], s["ratio"], s["difference"]) for name, s in found],
        "The source's gradient against the detached one: same batch, same hidden draw, all parameters. A right "
        "gradient has cosine 1, ratio 1, difference 0.",
    )


def energies(section: Section, figures: Figures) -> None:
    """Set free energies and pixels of data and reconstruction side by side."""
    states = [(LINES[kind], line["states"]) for kind, line in figures["lines"].items()]
    section.table(
        ("machine", "F(v)", "F(v′), probabilities", "F(v′), drawn", "mean v′(1 − v′)", "lit in v", "lit in v′"),
        [
            (
                name, s["free_energy_data"], s["free_energy_probabilities"], s["free_energy_drawn"],
                s["undecided"], s["lit_data"], s["lit_probabilities"],
            )
            for name, s in states
        ],
        "Mean free energies in nats on 1,000 test rows at most, how undecided the reconstructed pixels are, and the "
        "share of pixels that are lit.",
    )  # fmt: skip
    section.text(
        "The second table shows a smaller effect as well. F is concave, so the probabilities always have a higher "
        "free energy than the states drawn from them have on average. A loss taken with probabilities is therefore "
        "below the one taken with states, on any machine and without any fault in the gradient."
    )
    section.formula("F(E[v′]) ≥ E[F(v′)]")
