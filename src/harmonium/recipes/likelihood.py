"""Likelihoods of a trained RBM, annealed from two starts, since one of them can miss what the machine has become."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .. import evaluation
from ..evaluation import Estimate
from ..machines import RBM
from ..report.page import Section
from . import Watch, mnist

STARTS = ("data", "biases")
HEADER = ("machine", "start", "log p(v), nats", "error", "verdict", "rungs", "chains", "way back")


def measure(
    machine: RBM, rows: mnist.Digits, settings: Mapping[str, Any], watch: Watch, label: str
) -> dict[str, Estimate]:
    """Return the mean log-likelihood of the test rows in nats a row, by annealing from each of `STARTS`.

    From the data's pixels the chains are led straight to where the data are; from the machine's own biases they meet
    whatever else the machine has become.  An estimate of Z is right on average, so it is rarely far too high,
    P(log Ẑ > log Z + b) ≤ e⁻ᵇ, and easily too low: believe the start with the lower likelihood.
    """
    plan = {name: settings[name] for name in ("chains", "rungs", "most")}
    found = {}
    for name, data_rows in zip(STARTS, (rows.train, None), strict=True):
        *_, log_z = evaluation.anneal_until_reliable(
            machine,
            data_rows,
            **plan,
            watch=lambda rungs: watch(rungs, f"likelihood: {label}"),
            generator=mnist.stream(settings, 2),
        )
        found[name] = evaluation.log_likelihood(machine, rows.test, log_z)
    return found


def believed(found: Mapping[str, Estimate]) -> Estimate:
    """Return the estimate to believe: the lowest likelihood, or the surer of two that are within a nat."""
    lowest = min(estimate.value for estimate in found.values())
    near = [estimate for estimate in found.values() if estimate.value <= lowest + 1]
    return min(near, key=lambda estimate: (estimate.verdict != "reliable", estimate.error))


def figures(found: Mapping[str, Estimate]) -> dict[str, object]:
    """Return the estimates from each start as numbers and words, and the one to believe."""
    return {**asdict(believed(found)), "starts": {name: asdict(estimate) for name, estimate in found.items()}}


def show(
    section: Section,
    found: Mapping[str, Mapping[str, Estimate]],
    rows: mnist.Digits,
    settings: Mapping[str, Any],
    base: float,
) -> None:
    """Explain, tabulate and judge the likelihoods of some machines, each from both starts."""
    section.text(
        "A likelihood needs the normaliser Z. It is estimated by annealing: chains start at a machine whose Z is known "
        "and are led to the trained one in small steps. We start twice: from the independent pixels of the data, where "
        "a second set of chains also takes the way back, and from the machine's own biases."
    )
    section.formula("E[Ẑ] = Z,      so      P(log Ẑ > log Z + b) ≤ e⁻ᵇ")
    section.text(
        "An estimate of Z is right on average. So it is rarely far too high, but it is too low whenever the chains "
        "miss a region that holds much of the probability, and then nothing in its own error tells. Of two starts that "
        "disagree, believe the higher log Z, which is the lower likelihood."
    )
    lines: list[tuple[object, ...]] = []
    for name, starts in found.items():
        for start, e in starts.items():
            back = None if math.isnan(e.reverse) else e.reverse
            lines.append((name, start, e.value, e.error, e.verdict, e.rungs, round(e.ess), back))
    lines.append(("independent pixels", None, base, None, "exact", None, None, None))
    section.table(HEADER, lines, caption(rows, settings))
    for name, starts in found.items():
        section.verdict(believed(starts).verdict, f"{name}: {judgement(starts)}.")


def judgement(found: Mapping[str, Estimate]) -> str:
    """Say in words what the two starts give for one machine."""
    name, other = sorted(found, key=lambda start: found[start] is not believed(found))
    low, high = found[name], found[other]
    words = f"{mnist.signed(low.value)} nats, annealed from the {name}, {low.ess:.0f} of {low.chains} chains effective"
    if spread(found) <= 1:
        return f"{words}; from the {other} {mnist.signed(high.value)}, which agrees"
    return (
        f"{words}; from the {other} {mnist.signed(high.value)} ({high.verdict}), which missed most of the probability"
    )


def spread(found: Mapping[str, Estimate]) -> float:
    """Return how far the estimates from the starts lie apart, in nats."""
    values = [estimate.value for estimate in found.values()]
    return max(values) - min(values)


def caption(rows: mnist.Digits, settings: Mapping[str, Any]) -> str:
    """Say what the likelihoods of a run are measured on, and how."""
    return (
        f"Mean log-likelihood of {len(rows.test):,} MNIST test rows, binarised once by sampling (seed "
        f"{settings['seed']}), in nats a row, by annealed importance sampling with {settings['chains']} chains. The "
        "error is one standard error of log Z, `chains` the effective number of them. `data` starts at the independent "
        f"pixels of {len(rows.train):,} binarised training rows, `biases` at the machine without its weights."
    )
