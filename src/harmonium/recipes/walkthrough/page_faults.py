"""The part of the page of ``walkthrough`` that shows what is wrong with the code, and what mends it."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ... import plots
from ...report.page import Page, Section
from ..common.words import show, signed, small, span, whole

Figures = dict[str, Any]

PRINTED_CODE = """
def P_x_h(self, h):
    \"\"\"Stable visible unit activation\"\"\"
    return self.c + torch.matmul(h, self.W)

def sample(self, p):
    p = torch.clamp(p, 0, 1)
    return torch.bernoulli(p)
"""
COLUMNS = ("truth", "printed", "printed_slope", "mended", "mended_slope")
MENDED_CODE = """
def P_x_h(self, h):
    return torch.sigmoid(self.c + torch.matmul(h, self.W))

def sample(self, p):
    return torch.bernoulli(p)
"""


def first_fault(page: Page, out: Path, settings: dict[str, Any], figures: Figures, states: dict[str, Tensor]) -> None:
    """Show the field that stands in for a probability: one draw, the exact start, and training."""
    section = page.section("First fault: a field where a probability is expected")
    section.text("As printed:").code(PRINTED_CODE)
    section.text(
        "`P_x_h` ends before the sigmoid of step 4. What it returns is a field, any number at all, and `sample` "
        "cuts it to 0…1. The article says that this clamp prevents an exploding gradient. It cannot: no gradient "
        "passes through a Bernoulli draw. What it does is to hide the fault, since `torch.bernoulli` would refuse "
        "a number outside 0…1."
    )
    one_state(section, figures["one_draw"])
    section.text("Mended:").code(MENDED_CODE)
    exact_start(page.section("First fault: start exact, and stay exact"), figures)
    training(page.section("First fault: what it does to training"), out, settings, figures["training"], states)


def one_state(section: Section, found: Figures) -> None:
    """Show the probabilities that the two versions draw from, for one hidden state."""
    section.table(
        ("visible unit", "field c + hW", "printed: clamped", "mended: σ"),
        [(str(number), *map(signed, row)) for number, row in enumerate(found["fields"], 1)],
        f"The tiny machine at h = {''.join(map(str, found['hidden']))}.",
    )
    section.text(
        "A field of 0 should give a fair coin and gives 0. A field of 1 should give 0.73 and gives certainty. "
        "Averaged over the machine's own hidden states, the total variation between the two distributions of x is "
        f"{found['total_variation']:.2f}: some event has a probability that is off by so much."
    )


def exact_start(section: Section, figures: Figures) -> None:
    """Show that only the mended chain leaves the exact distribution alone."""
    found, first = figures["started_exact"], figures["first_negatives"]
    freedom = found["states"] - 1
    section.text(
        "A chain that is right leaves the model's distribution as it is. So start it there, and look after one "
        f"Gibbs step. The total variation is reckoned from the chain's matrix. The χ² compares {found['draws']:,} "
        "states drawn by the class itself with their exact probabilities; for a chain that is right it is about "
        f"{freedom}, give or take {(2 * freedom) ** 0.5:.0f}."
    )
    section.table(
        ("code", "total variation after one Gibbs step", "in the long run", "χ² after one Gibbs step"),
        [(n, small(r["one_sweep"]), small(r["many_sweeps"]), f"{r['chi_square']:,.1f}")
         for n, r in found.items() if n in first],
        "Distance from the exact p(x) of the tiny machine, for chains that start in it.",
    )  # fmt: skip
    section.verdict(
        "fault",
        f"The printed chain moves {100 * found['printed']['one_sweep']:.0f} % of the probability in one Gibbs step.",
    )
    section.text(
        "The fault shows at the article's own start, too. There c = 0 and W is small, so every visible unit "
        f"should be a fair coin. The share of ones among the first negative states is {first['printed']:.3f} as "
        f"printed and {first['mended']:.3f} mended: the printed negatives are all but empty pictures."
    )


def training(section: Section, out: Path, settings: dict[str, Any], found: Figures, states: dict[str, Tensor]) -> None:
    """Show the exact likelihood that both versions reach, and what their chains draw."""
    lines = found["lines"]
    section.text(
        "The article stops before a training loop. Ours is the plainest: descend the mean of F(x) over the "
        "patterns minus the mean of F over the negative states. Both versions get the same start, data and step; "
        "they differ in the two mended lines. The likelihood is that of the RBM with the trained weights."
    )
    picture = plots.lines(
        {name: (line["updates"], line["values"]) for name, line in lines.items()},
        title=f"exact log-likelihood of {found['patterns']} patterns",
        xlabel="updates", ylabel="nats a pattern", reference=("best possible", found["best"]),
    )  # fmt: skip
    seeds, patterns = len(found["seeds"]), found["patterns"]
    show(section, out, "training", picture, f"Mean of {seeds} seeds. Best possible: −log {patterns}.")
    section.table(
        ("code", "log p(x), nats", "over seeds", "one nat up after", "on a pattern", "total variation"),
        [
            (
                whole(n),
                signed(r["final"]),
                span(r["finals"]),
                r["one_nat_up_at"],
                f"{100 * r['bars_or_stripes']:.0f} %",
                signed(r["total_variation"]),
            )
            for n, r in lines.items()
        ],
        "After the last update. The fourth column counts updates until the mean curve is one nat above its start; the "
        f"last two evaluate {found['drawn']:,} of the code's own chains after {settings['sampling_sweeps']:,} Gibbs steps "
        "from coin flips, against the data.",
    )
    section.verdict(
        "exact",
        f"Every state of the smaller row was summed, so there is no error. The {found['patterns']} patterns are "
        f"the training set; there are no held-out rows. The best possible is {signed(found['best'])} nats a "
        f"pattern, pixels that know nothing of each other reach {signed(found['independent_pixels'])}.",
    )
    broken = [name for name, line in lines.items() if line["ended_at"] < settings["updates"]]
    if broken:
        section.verdict("fault", f"The loss left the finite numbers before the last update: {', '.join(broken)}.")
    compare(section, lines)
    groups = [(f"{name} code", rows.numpy()) for name, rows in states.items()]
    caption = f"States drawn by each version's own chain (k = {settings['gibbs_steps'][0]}) after training."
    show(section, out, "draws", plots.strips(groups, (settings["sides"],) * 2), caption)


def compare(section: Section, lines: Figures) -> None:
    """Say in words what the mended lines are worth at every k."""
    for name in [name for name in lines if name.startswith("printed")]:
        k = name.partition(", ")[2]
        gain = lines[f"mended, {k}"]["final"] - lines[name]["final"]
        low, high = max(lines[name]["finals"]), min(lines[f"mended, {k}"]["finals"])
        apart = "no two seeds overlap" if low < high else "the seeds overlap"
        section.text(f"At {k} the mended code is {signed(gain)} nats a pattern ahead ({apart}).")
    section.text(
        "Why does the printed code learn at all? It fits another chain: where the fields grow beyond 0 and 1, the "
        "clamp gives 0 or 1, as a steep sigmoid nearly would. Its weights are then tuned to that chain, and not "
        "to the RBM whose free energy is in the loss. So draws of its own chain can look fair while the "
        "likelihood is worse: evaluate a model by its likelihood, not by its draws. While the weights are small, the "
        "clamp leaves next to nothing of the field: see the fourth column."
    )


def second_fault(page: Page, figures: Figures) -> None:
    """Show the logarithm that overflows, and softplus beside it."""
    section = page.section("Second fault: a logarithm that is not stable")
    section.text("As printed, under the words “numerically stable free energy calculation”:")
    section.code("hidden = torch.sum(torch.log(1 + torch.exp(linear)), dim=1)")
    section.text(
        "In float32, exp(a) is infinite above a = 88.72. Then the value is infinite, and the slope, ∞/∞, is no "
        "number. Below about −17 the 1 swallows exp(a), and the value is 0."
    )
    section.table(
        ("a", "log(1 + eᵃ), true", "printed", "its slope", "softplus", "its slope "),
        [(signed(row["field"], 0), *(number(row[key]) for key in COLUMNS)) for row in figures["overflow"]],
        "In float32; the true value in float64.",
    )
    section.text("Mended:").code("hidden = torch.sum(torch.nn.functional.softplus(linear), dim=1)")
    step = figures["one_step"]
    section.text(
        "It takes one hidden unit. Give it 100 weights of 1 and a picture whose 100 pixels are all on: the field "
        f"is 100. After a single update {100 * step['printed']:.1f} % of the printed code's parameters are finite "
        f"numbers (W and b are lost, c is left), and {100 * step['mended']:.0f} % of the mended code's. "
        "harmonium's `train` also refuses to go on from a loss that is not finite, and names the step."
    )


def number(value: float) -> str:
    """Write a value to six digits, small ones with an exponent."""
    return f"{value:.6g}".replace("inf", "∞")


def slips(page: Page) -> None:
    """List what is wrong in the text alone."""
    page.section("Smaller slips in the text").table(
        ("the article", "what holds"),
        [
            ("The captions of the two conditionals are exchanged: what is introduced as p(x|h) is captioned p(h|x).",
             "p(h|x) uses the rows of W, p(x|h) its columns: W has shape (hidden, visible)."),
            ("“k is the kᵗʰ row of W” for the visible unit k", "It is the k-th column, as the code has it."),
            ("The goal is “to minimize the energy of the joint configuration”.",
             "The goal is a high likelihood: low free energy of the data, against log Z. Energies alone can be lowered "
             "for all states at once, and nothing is learned."),
            ("Z needs a sum over 2^(m+n) states.", "A sum over the smaller row, 2^min(m, n), is enough (step 2)."),
            ("`forward` returns `x_k` as well.", "As printed it is a field, and no probability."),
        ],
    )  # fmt: skip


def conclusion(page: Page, settings: dict[str, Any], figures: Figures) -> None:
    """Set our figures beside the article's, and say what is left open."""
    lines, k = figures["training"]["lines"], settings["gibbs_steps"][0]
    nats = {name: f"{signed(lines[f'{name}, k = {k}']['final'])} nats, exact" for name in ("printed", "mended")}
    section = page.section("The article's figures and ours")
    section.table(
        ("", "the article", "here"),
        [
            ("start of the weights", "normal, mean 0, variance 1e-4", "the same"),
            ("start of the biases", "0", "the same"),
            ("Gibbs steps k", "typically 1", ", ".join(map(str, settings["gibbs_steps"]))),
            ("training loop, data, step size", "not given", "plain gradient descent on bars and stripes"),
            ("log-likelihood, printed code, " + whole(f"k = {k}"), "not given", nats["printed"]),
            ("log-likelihood, mended code, " + whole(f"k = {k}"), "not given", nats["mended"]),
        ],
        "The article measures nothing, so there is no figure of its own to reach.",
    )
    section.text(
        "The printed class was run as it stands, but for the random stream, which is passed in so that a seed "
        "gives the same figures again. Its training is ours, since it has none. One step size and one small set "
        "of patterns do not say how much the first fault costs elsewhere; that the printed chain is not the RBM's "
        "holds for all but contrived weights."
    )
