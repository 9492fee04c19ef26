"""The words of a run's report that depend on its figures."""

import math
from pathlib import Path
from typing import Any

from ..runs import Run
from ..runs.judgement import amount


def lead(run: Run, evaluated: dict[str, Any]) -> str:
    """Return the paragraph that a reader must know first."""
    dataset = run.dataset("train")
    gain = evaluated["log_likelihood"] - evaluated["baseline"]
    against = (
        f"That is {gain:.1f} nats better than units that know nothing of each other"
        if gain > 0
        else f"That is {-gain:.1f} nats worse than units that know nothing of each other: it has not learned"
    )
    return (
        f"A {MODELS[run.config.model]} with {hidden(run)} hidden units was trained on {len(dataset)} rows of "
        f"{Path(run.source).name} by {SAMPLERS[run.config.sampler]}{tuned(run)}. Evaluated on {evaluated['rows']} "
        f"{evaluated['split']} rows that it "
        f"never learned from, its mean log-likelihood is "
        f"{amount(evaluated)} nats a row. {against}; "
        f"the verdict on this number is “{evaluated['verdict']}”."
    )


MODELS = {
    "rbm": "restricted Boltzmann machine",
    "boltzmann": "general Boltzmann machine",
    "dbn": "deep belief network",
    "dbm": "deep Boltzmann machine",
}
SAMPLERS = {
    "cd": "contrastive divergence",
    "pcd": "persistent contrastive divergence",
    "pt": "parallel tempering",
    "naive-mcmc": "naive Markov-chain Monte Carlo from fresh random states",
    "exact": "the exact gradient",
}


def hidden(run: Run) -> str:
    """Return the widths of the hidden layers in words."""
    widths = [str(width) for width in run.config.layers] or ["no"]
    return " and ".join(widths[-2:] if len(widths) < 3 else [", ".join(widths[:-1]), widths[-1]])


def tuned(run: Run) -> str:
    """Return by what the run was fine-tuned, if it was."""
    if run.tuning is None:
        return ""
    methods = {"updown": "the up-down algorithm", "backprop": "back-propagation, which leaves the model as it was"}
    return f", layer by layer, and then by {methods[run.tuning.method]}"


def facts(run: Run, evaluated: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the table at the top."""
    columns, dataset = run.metrics(), run.dataset("train")
    return [
        ("log-likelihood", f"{amount(evaluated)} nats a row ({evaluated['split']})"),
        ("verdict", evaluated["verdict"]),
        ("independent units", f"{evaluated['baseline']:.2f} nats a row"),
        ("data", f"{Path(run.source).name}, {len(dataset)} rows of {dataset.width}, binarize {evaluated['binarize']}"),
        ("training", f"{run.config.sampler}, {run.config.steps} steps, {columns['seconds'][-1]:.0f} s"),
        ("seed", str(run.config.seed)),
    ]


BOUND = (
    "The free energy sums over hidden layers that depend on each other, so a factorized guess at them stands in for "
    "the sum: it can only lower the likelihood, which is therefore a bound. The other difficulty lies in "
)


def annealing(evaluated: dict[str, Any]) -> str:
    """Return how annealing went."""
    basins = "one basin" if evaluated["basins"] == 1 else f"{evaluated['basins']} basins, each from a start of its own,"
    held = evaluated["log_partition_certificate"]
    return (
        f"annealed importance sampling (AIS) in {basins} with {evaluated['chains']} chains over {evaluated['n_betas']} "
        f"machines, of which {evaluated['ess']:.0f} chains were effective; run backwards from states in each basin it "
        f"gives {evaluated['log_partition_reverse']:.3f}"
        + (f", and it cannot be less than the {held:.3f} of the states that were met. " if held is not None else ". ")
        + "An unbiased estimate of Z is rarely far too high, and too low by what no start finds"
    )


def reading(columns: dict[str, list[float]]) -> list[str]:
    """Return how the curves that a run has are to be read."""
    gap = columns["free_energy_gap"][-1]
    found = []
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
    found.append("Stability is the share of weights that moved by less than 0.001 in the last step of the epoch.")
    return found


READOUTS = (
    "The exact read-out compares the free energy (or its bound) of the row with every label. The Gibbs read-out holds "
    "the row, or a code drawn from it, runs 15 Gibbs steps from an even label and takes the likeliest: it is noisier."
)
