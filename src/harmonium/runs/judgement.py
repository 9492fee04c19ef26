"""The likelihood of a run: everything that must stand beside the number."""

import json
import math
import time
from dataclasses import asdict
from typing import Any

import torch

from .. import evaluation, storage
from ..errors import InputError
from ..evaluation import Estimate
from ..machines import DBN, Machine
from ..numerics import permutation
from ..progress import Progress, silent
from .directory import Run

LISTABLE = 2**20  # states that `auto` still enumerates
CONVERGED = 100  # mean-field steps of a bound, at most
ROWS = 10_000  # training rows that the base of the path is fitted to


def evaluate_run(
    run: Run,
    split: str = "test",
    *,
    method: str = "auto",
    chains: int | None = None,
    n_betas: int | None = None,
    max_time: float | None = None,
    certify: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Return the mean log-likelihood of a split in nats a row with its error, verdict, binarization and baseline.

    Labels are summed out.  Where hidden layers are left to infer it is a lower bound: variational, or by one draw of a
    network's recognition a row.  ``method`` is ``exact``, ``ais`` or ``auto`` (exact up to 2²⁰ states of the smaller
    row).  Without ``n_betas`` annealing takes four times as many until its verdict is consistent, at most 64,000, or
    until the next would pass ``max_time`` seconds.  ``certify`` adds a lower bound on what is attained on
    some of the rows.
    """
    began, model, coder = time.perf_counter(), run.machine(), run.coder
    if split not in ("train", "valid", "test"):
        raise InputError(f"the split {split!r} was given where train, valid or test was expected")
    dataset = run.dataset(split)
    fixed = torch.Generator().manual_seed(0)
    rows = coder.rows(dataset, sharp=True, generator=fixed)
    train = coder.rows(run.dataset("train"), sharp=True, labeled=bool(model.labels), generator=fixed)
    if isinstance(model, Machine) and model.latent:
        model.infer_steps = CONVERGED
    some = train[permutation(len(train), generator=fixed)[:ROWS]]  # files are often sorted
    top, seen = (model.top, model.encode(some)) if isinstance(model, DBN) else (model, some)
    log_z = log_partition(top, seen, method, chains, n_betas, run.config.seed, max_time, progress)
    if isinstance(model, Machine) and log_z.verdict != "exact":
        log_z = log_z.at_least(evaluation.certificate_of_rows(model, rows))
    spread = evaluation.log_evidence(model, rows, generator=torch.Generator().manual_seed(run.config.seed))
    return {
        **told(spread, log_z),
        "bound": isinstance(model, DBN) or bool(model.latent),
        "baseline": evaluation.baseline_log_likelihood(coder.units(), train[:, : coder.width], rows),
        "certified": certified(model, rows, log_z, seen, run.config.seed, progress) if certify else None,
        "binarize": "sample" if coder.blurred(dataset) else run.config.binarize,
        "standardized": coder.visible == "gaussian",
        "split": split,
        "seconds": round(time.perf_counter() - began, 2),
    }


def told(spread: torch.Tensor, log_z: Estimate) -> dict[str, Any]:
    """Return the figures that follow from log p(v) + log Z of each row and from log Z."""
    mean, (low, high) = float(spread.mean()), log_z.bracket
    return {
        "log_likelihood": mean - log_z.value,
        "lower": mean - high,
        "upper": mean - low,
        "error": log_z.error,
        "error_over_rows": float(spread.std()) / len(spread) ** 0.5 if len(spread) > 1 else None,
        "verdict": log_z.verdict,
        "reason": log_z.reason,
        "method": log_z.method,
        "log_partition": log_z.value,
        "log_partition_reverse": none_if_nan(log_z.reverse),
        "log_partition_certificate": log_z.certificate if math.isfinite(log_z.certificate) else None,
        "basins": len(log_z.shares) or None,
        "ess": none_if_nan(log_z.ess),
        "chains": log_z.chains or None,
        "n_betas": log_z.n_betas or None,
        "rows": len(spread),
    }


def certified(
    model: Machine | DBN, rows: torch.Tensor, log_z: Estimate, data: torch.Tensor, seed: int, progress: Progress
) -> dict[str, Any]:
    """Return the lower bound on the likelihood of some rows, beside the estimate on the same."""
    settings: dict[str, Any] = {
        "n_betas": max(4 * log_z.n_betas, 1000),
        "generator": torch.Generator().manual_seed(seed),
    }
    return asdict(evaluation.lower_bound(model, rows, log_z, data, progress=progress, **settings))


def log_partition(
    machine: Machine,
    data: torch.Tensor,
    method: str,
    chains: int | None,
    n_betas: int | None,
    seed: int,
    max_time: float | None = None,
    progress: Progress = silent,
) -> Estimate:
    """Return log Z by the method asked for."""
    if method not in ("auto", "exact", "ais"):
        raise InputError(f"the method {method!r} was given where auto, exact or anneal was expected")
    few = evaluation.n_enumerated_states(machine) <= LISTABLE
    if method == "exact" or (method == "auto" and few):
        return evaluation.log_partition(machine, progress=progress)
    settings: dict[str, Any] = {"generator": torch.Generator().manual_seed(seed), "chains": chains or 200}
    if n_betas is not None:
        return evaluation.ais(machine, data, n_betas=n_betas, progress=progress, **settings)
    *_, last = evaluation.ais_until_consistent(machine, data, max_time=max_time, progress=progress, **settings)
    return last


def remember(run: Run, figures: dict[str, Any]) -> None:
    """Write the figures to ``evaluation-<split>.json`` in the run."""
    text = json.dumps(figures, indent=1) + "\n"
    storage.write_bytes(run.file(f"evaluation-{figures['split']}.json"), text.encode())


def recall(run: Run, split: str = "test") -> dict[str, Any] | None:
    """Return the figures last written for a split, unless the model is newer."""
    file = run.file(f"evaluation-{split}.json")
    if not file.is_file() or file.stat().st_mtime < run.file("model.safetensors").stat().st_mtime:
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def sentence(figures: dict[str, Any]) -> str:
    """Return the figures as one plain sentence."""
    bits = {"threshold": "thresholded at half scale", "sample": "drawn as bits from gray"}.get(
        figures["binarize"], "standardized" if figures.get("standardized") else "as they are"
    )
    between = (
        f"bracket {figures['lower']:.2f} to {figures['upper']:.2f}; " if figures["verdict"] == "consistent" else ""
    )
    return (
        f"{figures['split']} log-likelihood {amount(figures)} nats a row ({figures['verdict']}; {between}"
        f"independent units reach {figures['baseline']:.2f}; {figures['rows']} rows {bits})"
    )


def bounded(found: dict[str, Any]) -> str:
    """Return the lower bound beside the estimate as one plain sentence."""
    return (
        f"on {found['rows']} of the rows: estimate {found['estimate']:.2f}, lower bound {found['bound']:.2f} nats a "
        f"row ({found['verdict']}; {found['reason']}, ± {found['gap_error']:.2f}; another draw of rows moves both by "
        f"{found['bound_error']:.2f})"
    )


def amount(figures: dict[str, Any]) -> str:
    """Return the likelihood with its error; where that cannot be trusted, the ends between which it should lie."""
    least = "at least " if figures["bound"] else ""
    value, low, high = (f"{figures[name]:.2f}" for name in ("log_likelihood", "lower", "upper"))
    if figures["verdict"] == "inconsistent":
        return f"at least {low}" if least else f"between {low} and {high}"
    return f"{least}{value}" + (f" ± {figures['error']:.2f}" if figures["error"] else "")


def none_if_nan(value: float) -> float | None:
    """Return None for what JSON cannot say."""
    return None if math.isnan(value) else value
