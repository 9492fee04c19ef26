"""The words of a run's report that depend on its figures."""

import math
from typing import Any

from ..fitting import Evaluation, Run
from ..registry import SAMPLERS


def lead(run: Run, found: Evaluation) -> str:
    """Return the paragraph that a reader must know first."""
    assert run.config is not None
    gain = found.log_likelihood - (found.baseline or 0.0)
    against = (
        f"That is {gain:.1f} nats better than units that know nothing of each other"
        if gain > 0
        else f"That is {-gain:.1f} nats worse than units that know nothing of each other: it has not learned"
    )
    rows = run.facts["data"]
    return (
        f"A {run.words} with {hidden(run)} hidden units was trained on {rows['rows']} rows of {rows['name']} by "
        f"{SAMPLERS[run.config.sampler].words}{tuned(run)}. Evaluated on {found.rows} {found.split} rows that it never "
        f"learned from, its mean log-likelihood is {found.amount} nats a row. {against}; the verdict on this number is "
        f"“{found.verdict}”."
    )


def hidden(run: Run) -> str:
    """Return the widths of the hidden layers in words."""
    assert run.config is not None
    widths = [str(width) for width in run.config.layers] or ["no"]
    return " and ".join(widths[-2:] if len(widths) < 3 else [", ".join(widths[:-1]), widths[-1]])


def tuned(run: Run) -> str:
    """Return by what the run was fine-tuned, if it was."""
    if run.tuning is None:
        return ""
    methods = {"updown": "the up-down algorithm", "classifier": "back-propagation, which leaves the model as it was"}
    return f", layer by layer, and then by {methods[run.tuning.method]}"


def facts(run: Run, found: Evaluation) -> list[tuple[str, str]]:
    """Return the table at the top."""
    assert run.config is not None
    rows = run.facts["data"]
    return [
        ("log-likelihood", f"{found.amount} nats a row ({found.split})"),
        ("verdict", found.verdict),
        *([("independent units", f"{found.baseline:.2f} nats a row")] if found.baseline is not None else []),
        ("data", f"{rows['name']}, {rows['rows']} rows of {rows['columns']}, binarize {found.binarize}"),
        ("training", f"{run.config.sampler}, {run.history[-1]['step']:.0f} steps, {run.history[-1]['seconds']:.0f} s"),
        ("seed", str(run.config.seed)),
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
        f"annealed importance sampling (AIS) in {basins} with {found.chains} chains over {found.n_betas} "
        f"temperatures, of which {found.ess:.0f} chains were effective; run backwards from states in each basin it "
        f"gives {found.log_partition_reverse:.3f}"
        + (f", and it cannot be less than the {held:.3f} of the states that were met. " if held is not None else ". ")
        + "An unbiased estimate of Z is rarely far too high, and too low by what no start finds"
    )


def reading(columns: dict[str, list[float]]) -> list[str]:
    """Return how the curves that a run has are to be read."""
    gap, found = columns["free_energy_gap"][-1], []
    if max(columns["stage"]) > 1:
        found.append("Layers are learned one after the other for as many epochs: a jump is where the next begins.")
    if any(math.isfinite(x) for name in ("log_likelihood", "pseudo_likelihood") for x in columns[name]):
        found.append("Read the likelihood or pseudo-likelihood first: it should rise and settle.")
    if math.isfinite(gap):
        wide = abs(gap) > 2
        grown = "grows when a machine learns its rows by heart" if wide else "being small, shows no over-fitting"
        found.append(
            f"The free-energy gap compares held-out with training rows; it ends at {gap:.2f} nats, and {grown}. "
            "The reconstruction error is easy to read and easy to be fooled by: it falls too when chains stop moving."
        )
    drift = columns["free_energy_drift"][-1]
    if math.isfinite(drift):
        lag = "the chains lag the machine: lower the learning rate" if abs(drift) > 4 else "the chains keep up"
        found.append(f"In 100 more Gibbs steps the chains' free energy moves by {drift:.1f} standard errors: {lag}.")
    found.append("The static weights are those that moved by less than 0.001 in the last step of the epoch.")
    return found


READOUTS = (
    "The exact read-out compares the free energy (or its bound) of the row with every label. The Gibbs read-out clamps "
    "the row, or a code drawn from it, takes 15 Gibbs steps from an even label and takes the likeliest: it is noisier."
)


def columns_of(history: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the figures of all epochs by name; what is not known is NaN."""
    return (
        {name: [math.nan if row[name] is None else float(row[name]) for row in history] for name in history[0]}
        if history
        else {}
    )
