"""Likelihoods of a trained RBM, annealed from several starts, since each can miss what the machine has become."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ... import evaluation
from ...evaluation import Estimate
from ...machines import RBM
from ...report.page import Section
from .. import Watch
from . import mnist
from .words import signed

STARTS = ("data", "coin flips")
HEADER = ("machine", "start", "log p(v), nats", "error", "verdict", "rungs", "chains", "way back")


def measure(
    machine: RBM, rows: mnist.Digits, settings: Mapping[str, Any], watch: Watch, label: str
) -> dict[str, Estimate]:
    """Return the mean log-likelihood of the test rows in nats a row, by annealing from each of `STARTS`.

    ``data`` starts at the independent pixels of the data and, for a check, at the machine's own biases; ``coin flips``
    starts at pixels of even odds.  An estimate of Z is right on average, so it is rarely far too high,
    P(log Ẑ > log Z + b) ≤ e⁻ᵇ, and easily too low.
    """
    flips = mnist.coin_flips(machine, 2000, generator=mnist.stream(settings, 8))
    plan = {name: settings[name] for name in ("chains", "rungs", "most")}
    found = {}
    for name, start_rows in zip(STARTS, (rows.train, flips), strict=True):
        *_, log_z = evaluation.anneal_until_reliable(
            machine,
            start_rows,
            **plan,
            watch=lambda rungs: watch(rungs, f"likelihood: {label}"),
            generator=mnist.stream(settings, 2),
        )
        found[name] = evaluation.log_likelihood(machine, rows.test, log_z)
    return found


def believed(found: Mapping[str, Estimate]) -> Estimate:
    """Return the estimate to believe: the lowest likelihood, or the surest of those within a nat of it."""
    lowest = min(estimate.value for estimate in found.values())
    near = [estimate for estimate in found.values() if estimate.value <= lowest + 1]
    return min(near, key=lambda estimate: (estimate.verdict != "reliable", estimate.error))


def figures(found: Mapping[str, Estimate]) -> dict[str, object]:
    """Return the estimate to believe as numbers and words, those from each start, and whether they agree."""
    starts = {name: asdict(estimate) for name, estimate in found.items()}
    return {**asdict(believed(found)), "starts_agree": agree(found), "starts": starts}


def words(held: Mapping[str, Any]) -> str:
    """Write the likelihood of some `figures`: with its verdict, or as a bound where the starts disagree."""
    value = signed(held["value"], 1)
    return f"{value} nats ({held['verdict']})" if held["starts_agree"] else f"at most {value} nats"


def show(
    section: Section,
    found: Mapping[str, Mapping[str, Estimate]],
    rows: mnist.Digits,
    settings: Mapping[str, Any],
    base: float,
) -> None:
    """Explain, tabulate and judge the likelihoods of some machines, each from every start."""
    section.text(
        "A likelihood needs the normaliser Z. It is estimated by annealing: chains start at a machine whose Z is known "
        "and are led to the trained one in small steps. We do it twice. Once the chains start at the independent "
        "pixels of the data, and others, as a check, at the machine's own biases; once they start at coin flips. "
        "Each time a last set of chains takes the way back: from the data, and from coin flips."
    )
    section.formula("E[Ẑ] = Z,      so      P(log Ẑ > log Z + b) ≤ e⁻ᵇ")
    section.text(
        "An estimate of Z is right on average. So it is rarely far too high, but it is too low whenever the chains "
        "miss a region that holds much of the probability, and then nothing in its own error or verdict tells. Where "
        "the starts disagree, the highest log Z, which is the lowest likelihood, is the nearest to the truth, and a "
        "bound: the likelihood is at most that."
    )
    lines: list[tuple[object, ...]] = []
    for name, starts in found.items():
        for start, e in starts.items():
            back = None if math.isnan(e.reverse) else e.reverse
            lines.append((name, start, e.value, e.error, e.verdict, e.rungs, round(e.ess), back))
    lines.append(("independent pixels", None, base, None, "exact", None, None, None))
    section.table(HEADER, lines, caption(rows, settings))
    for name, starts in found.items():
        section.verdict(believed(starts).verdict if agree(starts) else "note", f"{name}: {judgement(starts)}.")


def judgement(found: Mapping[str, Estimate]) -> str:
    """Say in words what the starts give for one machine."""
    best = believed(found)
    value = signed(best.value, 1)
    if agree(found):
        sure = f"{best.ess:.0f} of {best.chains} chains are effective and the way back gives {signed(best.reverse, 1)}"
        return f"{value} nats from both starts, within a nat; {sure}"
    others = [(name, e) for name, e in found.items() if e is not best]
    missed = ", ".join(f"from the {name} {signed(e.value, 1)} ({e.verdict})" for name, e in others)
    return f"at most {value} nats; {missed}, which misses what the other start finds"


def agree(found: Mapping[str, Estimate]) -> bool:
    """Say whether the estimates from all starts lie within one nat."""
    values = [estimate.value for estimate in found.values()]
    return max(values) - min(values) <= 1


def caption(rows: mnist.Digits, settings: Mapping[str, Any]) -> str:
    """Say what the likelihoods of a run are measured on, and how."""
    return (
        f"Mean log-likelihood of {len(rows.test):,} MNIST test rows, binarised once by sampling (seed "
        f"{settings['seed']}), in nats a row, by annealed importance sampling with {settings['chains']} chains. The "
        "error is one standard error of log Z, `chains` the effective number of them. `data` are the independent "
        f"pixels of {len(rows.train):,} binarised training rows, or the machine's own biases where they find more."
    )
