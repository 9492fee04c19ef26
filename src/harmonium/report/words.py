"""The words of a run's report that depend on its figures."""

import math

from ..evaluation.mixing import ALPHA
from ..fitting import Evaluation, Run
from ..registry import SAMPLERS
from .material import Report


def title(report: Report) -> str:
    """Return the name of the data, the widths and the model."""
    config = report.config
    above = f" × {config.hidden}" if config.layers else ""
    return f"{report.run.facts['data']['name']}: {config.visible}{above}, {report.run.words}"


def lead(report: Report) -> str:
    """Return the paragraphs that a reader must know first: what was learned, how well, and what chains do."""
    return f"{trained(report)} {read(report)}" if report.run.classifier else f"{trained(report)} {likely(report)}"


def trained(report: Report) -> str:
    """Return what was trained on what."""
    run, rows = report.run, report.run.facts["data"]
    return (
        f"A {run.words} with {hidden(run)} hidden units was trained on {rows['rows']:,} rows of {rows['name']} by "
        f"{SAMPLERS[report.config.sampler].words}{tuned(run)}."
    )


def read(report: Report) -> str:
    """Return how well a classifier reads labels."""
    return (
        f"It reads {report.accuracy} of {report.labels['exact'].rows:,} test labels rightly."
        if report.labels
        else "The test rows have no labels to count."
    )


def likely(report: Report) -> str:
    """Return the likelihood with its verdict, and whether chains mix: one story."""
    found = report.found
    labels = f"{read(report)} " if report.labels else ""
    return (
        f"{labels}Evaluated on {found.rows:,} {found.split} rows that it never learned from, its mean log-likelihood "
        f"is {found.amount} nats a row. {against(found)}; the verdict on this number is “{found.verdict}”.\n\n"
        f"{travels(report)}"
    )


def against(found: Evaluation) -> str:
    """Return how far the likelihood is from that of independent units."""
    gain = found.log_likelihood - (found.baseline or 0.0)
    if gain > 0:
        return f"That is {gain:.1f} nats better than units that know nothing of each other"
    return f"That is {-gain:.1f} nats worse than units that know nothing of each other: it has not learned"


def travels(report: Report) -> str:
    """Return what chains do, and what this page does about it."""
    verdict, needed = report.mixing.verdict, report.mixing.needed
    if verdict == "stuck":
        return (
            "Plain chains do not travel between its modes in the time that they were given. That does not touch the "
            "likelihood, which annealed chains begun in every mode give; but rows must be drawn by tempered chains, as "
            "they are on this page: `harmonium sample RUN --sampler pt`."
        )
    need = f"need about {needed:,.0f} Gibbs steps" if needed >= 1 else "are right at once"
    travel = f"Chains travel between its modes: samples from random states {need}."
    if report.mixing.lag < ALPHA and report.run.chains is None:
        return f"{travel} The rows that it learned from lie elsewhere than its samples: it has not their distribution."
    if verdict == "lagging":
        return f"{travel} The chains of its training lagged behind it: more `--gibbs-steps` or a smaller `--lr` help."
    return travel


def hidden(run: Run) -> str:
    """Return the widths of the hidden layers in words."""
    assert run.config is not None
    widths = [str(width) for width in run.config.layers] or ["no"]
    return " and ".join(widths[-2:] if len(widths) < 3 else [", ".join(widths[:-1]), widths[-1]])


def tuned(run: Run) -> str:
    """Return by what the run was fine-tuned, if it was."""
    if run.tuning is None:
        return ""
    methods = {"updown": "the up-down algorithm", "classifier": "back-propagation into a classifier"}
    return f", and then fine-tuned by {methods[run.tuning.method]}"


def facts(report: Report) -> list[tuple[str, str]]:
    """Return the table at the top."""
    run, found, rows = report.run, report.found, report.run.facts["data"]
    last = run.history[-1]
    bits = "" if found.binarize == "none" else f", binarize {found.binarize}"
    steps, seconds = f"{last['step']:,.0f}", f"{last['seconds']:.0f} s"
    likelihood = [
        ("log-likelihood", f"{found.amount} nats a row ({found.split})"),
        ("verdict", found.verdict),
        *([("independent units", f"{found.baseline:.2f} nats a row")] if found.baseline is not None else []),
        ("chains", report.mixing.verdict),
    ]
    return [
        *([("test labels read rightly", report.accuracy)] if report.labels else []),
        *([] if run.classifier else likelihood),
        ("data", f"{rows['name']}, {rows['rows']:,} rows of {rows['columns']:,}{bits}"),
        ("training", f"{run.tuning.method if run.tuning else report.config.sampler}, {steps} steps, {seconds}"),
        ("seed", str(report.config.seed)),
    ]


BOUND = (
    "The free energy sums over hidden layers that depend on each other, so a factorized guess at them stands in for "
    "the sum: it can only lower the likelihood, which is therefore an evidence lower bound (ELBO). The other "
    "difficulty lies in "
)


def annealing(found: Evaluation) -> str:
    """Return how annealing went."""
    basins = "one basin" if found.basins == 1 else f"{found.basins} basins, each from a start of its own,"
    held = found.log_partition_certificate
    return (
        f"annealed importance sampling (AIS) in {basins} with {found.chains} chains over {found.n_betas:,} "
        f"temperatures, of which {found.ess:.0f} chains were effective; run backwards from states in each basin it "
        f"gives {found.log_partition_reverse:.3f}"
        + (f", and it cannot be less than the {held:.3f} of the states that were met. " if held is not None else ". ")
        + "An unbiased estimate of Z is rarely far too high, and too low by what no start finds."
    )


def reading(columns: dict[str, list[float]]) -> list[str]:
    """Return how the curves that a run has are to be read."""
    gap, found = columns["free_energy_gap"][-1], []
    if max(columns["stage"]) > 1:
        found.append("Layers are learned one after the other: each curve is one layer, from its own first epoch.")
    if any(math.isfinite(x) for name in ("log_likelihood", "pseudo_likelihood") for x in columns[name]):
        found.append("Read the likelihood or pseudo-likelihood first: it should rise and settle.")
    if math.isfinite(gap):
        wide = abs(gap) > 2
        grown = "grows when a machine learns its rows by heart" if wide else "being small, shows no over-fitting"
        found.append(
            f"The free-energy gap compares held-out with training rows; it ends at {gap:z.2f} nats, and {grown}. "
            "The reconstruction error is easy to read and easy to be fooled by: it falls too when chains stop moving."
        )
    drift = columns["free_energy_drift"][-1]
    if math.isfinite(drift):
        found.append(
            f"In 100 more Gibbs steps the free energy of the training's last chains moves by {drift:z.1f} "
            "standard errors; beyond 4 either way they are not where the machine is."
        )
    found.append("The weights that rest are those that moved by less than 0.001 in the last step of the epoch.")
    return found


READOUTS = (
    "The exact read-out compares the free energy (or its bound) of the row with every label. The Gibbs read-out clamps "
    "the row, or a code drawn from it, takes 15 Gibbs steps from an even label and takes the likeliest: it is noisier."
)
