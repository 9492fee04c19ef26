"""Likelihoods of trained RBMs by annealed importance sampling (AIS), with their verdicts."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ... import evaluation
from ...evaluation import Estimate
from ...machines import RBM
from ...progress import Progress
from ...report.page import Section
from . import mnist
from .words import signed

HEADER = ("machine", "log p(v), nats", "error", "lower end", "upper end", "verdict", "basins", "n_betas", "way back")


def measure(machine: RBM, rows: mnist.Digits, settings: Mapping[str, Any], progress: Progress, label: str) -> Estimate:
    """Return the mean log-likelihood of the test rows in nats a row, no higher than the test rows themselves allow."""
    *_, log_z = evaluation.ais_until_consistent(
        machine,
        rows.train,
        **{name: settings[name] for name in ("chains", "n_betas", "most")},
        progress=lambda steps, what: progress(steps, f"likelihood, {label}: {what}"),
        generator=mnist.stream(settings, 2),
    )
    log_z = log_z.at_least(evaluation.certificate_of_rows(machine, rows.test))
    return evaluation.log_likelihood(machine, rows.test, log_z)


def figures(found: Estimate) -> dict[str, object]:
    """Return an estimate as numbers and words."""
    return asdict(replace(found, basins=None))


def words(held: Mapping[str, Any]) -> str:
    """Write the likelihood of some `figures` with its verdict, or the ends between which it lies."""
    if held["verdict"] == "inconsistent":
        return f"{signed(held['low'], 1)} to {signed(held['high'], 1)} nats (inconsistent)"
    return f"{signed(held['value'], 1)} nats ({held['verdict']})"


def show(
    section: Section, found: Mapping[str, Estimate], rows: mnist.Digits, settings: Mapping[str, Any], base: float
) -> None:
    """Explain, tabulate and evaluate the likelihoods of some machines."""
    section.text(
        "A likelihood needs the normalizer Z. It is estimated by annealing: chains start at a machine whose Z is known "
        "and are led to the trained one in small steps, from the independent pixels of the data, from the machine's "
        "own biases, and from each of the basins between which its chains do not pass. As many take the way back."
    )
    section.formula("E[Ẑ] = Z,      so      P(log Ẑ > log Z + b) ≤ e⁻ᵇ")
    section.text(
        "An estimate of Z is right on average. So it is rarely far too high, but it is too low whenever the chains "
        "miss a region that holds much of the probability, and their spread alone does not tell. The ways there and "
        "back are compared basin by basin, and with the weight of all states that were met."
    )
    lines: list[tuple[object, ...]] = [
        (name, e.value, e.error, e.low, e.high, e.verdict, len(e.shares), e.n_betas, e.reverse)
        for name, e in found.items()
    ]
    lines.append(("independent pixels", base, None, None, None, "exact", None, None, None))
    section.table(HEADER, lines, caption(rows, settings))
    for name, e in found.items():
        section.verdict(e.verdict, f"{name}: {words(figures(e))}; {e.reason}.")


def caption(rows: mnist.Digits, settings: Mapping[str, Any]) -> str:
    """Say what the likelihoods of a run are measured on, and how."""
    return (
        f"Mean log-likelihood of {len(rows.test):,} MNIST test rows, binarized once by sampling (seed "
        f"{settings['seed']}), in nats a row, by annealed importance sampling with {settings['chains']} chains. The "
        f"error is one standard error of log Z. Started from {len(rows.train):,} binarized training rows, among others."
    )
