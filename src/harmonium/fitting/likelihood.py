"""The likelihood of a run: everything that must stand beside the number."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import Generator, Tensor

from .. import evaluation, numerics
from ..errors import InputError
from ..evaluation import Estimate, LowerBound
from ..machines import DBN, Bipartite, Machine
from ..progress import Progress, silent
from ..sampling import gibbs_sample
from .effort import Effort, Judge, effort

if TYPE_CHECKING:
    from .run import Run

LISTABLE = 2**20  # states that `auto` still enumerates
CONVERGED = 100  # mean-field steps of a bound, at most
ROWS = 10_000  # training rows that the base of the path is fitted to
STATES = 1000  # that stand for the model where no chains were kept


@dataclass(frozen=True)
class Evaluation:
    """The mean log-likelihood of rows in nats a row, and all that it takes to trust it.

    ``lower`` and ``upper`` are the bracket in which the truth is expected, ``error`` one standard error of log Z;
    ``verdict`` is exact, certified, consistent or inconsistent, and ``reason`` says why.  With ``bound`` the figure is
    an evidence lower bound (ELBO).  ``baseline`` is what independent units reach, ``binarize`` how gray rows became
    bits, ``error_over_rows`` what another draw of as many rows would change; ``data_changed`` says how the data differ
    from those that the run was trained on, where they do, and ``holes`` what was done about empty cells, if any.
    """

    log_likelihood: float
    lower: float
    upper: float
    error: float
    error_over_rows: float | None
    verdict: str
    reason: str
    method: str
    log_partition: float
    log_partition_reverse: float | None
    log_partition_certificate: float | None
    basins: int | None
    ess: float | None
    chains: int | None
    n_betas: int | None
    rows: int
    bound: bool
    baseline: float | None
    certified: dict[str, Any] | None
    binarize: str
    standardized: bool
    split: str
    seconds: float
    data_changed: str = ""
    holes: str = ""

    def __str__(self) -> str:
        """Return the figures as one plain sentence."""
        bits = {"threshold": "thresholded at half scale", "sample": "drawn as bits from gray"}.get(
            self.binarize, "standardized" if self.standardized else "as they are"
        )
        between = f"bracket {self.lower:.2f} to {self.upper:.2f}; " if self.verdict == "consistent" else ""
        alone = "" if self.baseline is None else f"independent units reach {self.baseline:.2f}; "
        return (
            f"{self.split} log-likelihood {self.amount} nats a row ({self.verdict}; {between}{alone}"
            f"{self.rows} rows {bits})"
            + f"; {self.holes}" * bool(self.holes)
            + f"; the data have changed: {self.data_changed}" * bool(self.data_changed)
        )

    @property
    def amount(self) -> str:
        """The likelihood with its error; where that cannot be trusted, the ends between which it should lie."""
        least = "at least " if self.bound else ""
        if self.verdict == "inconsistent":
            return f"at least {self.lower:.2f}" if least else f"between {self.lower:.2f} and {self.upper:.2f}"
        return f"{least}{self.log_likelihood:.2f}" + (f" ± {self.error:.2f}" if self.error else "")

    @property
    def certificate(self) -> str:
        """The lower bound on what is attained beside the estimate, as one plain sentence; empty where none was made."""
        if self.certified is None:
            return ""
        found = LowerBound(**self.certified)
        return (
            f"on {found.rows} of the rows: estimate {found.estimate:.2f}, lower bound {found.bound:.2f} nats a "
            f"row ({found.verdict}; {found.reason}, ± {found.gap_error:.2f}; another draw of rows moves both by "
            f"{found.bound_error:.2f})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, as JSON holds them."""
        return asdict(self)

    def to_json(self) -> str:
        """Return all figures as one JSON object."""
        return json.dumps(self.to_dict())


def evaluate(run: "Run", rows: Any = None, split: str = "test", **settings: Any) -> Evaluation:
    """Return the last of the `evaluations` of some rows."""
    *_, last = evaluations(run, rows, split, **settings)
    return last


def evaluations(
    run: "Run",
    rows: Any = None,
    split: str = "test",
    *,
    method: str = "auto",
    chains: int | None = None,
    n_betas: int | None = None,
    max_time: float | None = None,
    certify: bool = False,
    judge: Judge = "full",
    progress: Progress = silent,
) -> Iterator[Evaluation]:
    """Yield the mean log-likelihood of rows in nats a row, ever finer, and enter the last in the run's passport.

    Labels are summed out.  Where hidden layers are left to infer it is a lower bound: variational, or by one draw of a
    network's recognition a row.  ``method`` is ``exact``, ``ais`` (annealed importance sampling) or ``auto`` (exact up
    to 2²⁰ states of the smaller row).  Without ``n_betas`` annealing takes four times as many temperatures until its
    verdict is consistent, at most 64,000, or as many as `effort` allows a ``quick`` judge, or until the next would pass
    ``max_time`` seconds.  ``certify`` adds a lower bound on what is attained on some of the rows.
    """
    began, model, encoder = time.perf_counter(), run.model, run.encoder
    dataset = run.rows(rows, split)
    v, holes = _known_of(model, encoder.rows(dataset, sharp=True, generator=Generator().manual_seed(0)))
    if isinstance(model, Machine) and model.latent:
        model.infer_steps = CONVERGED
    seen = known_rows(run, ROWS)
    known = bool(run.fitted) or run.splits is not None
    allowed = effort(run, judge)
    for log_z in log_partitions(run.top, seen, method, chains, n_betas, run.seed, max_time, progress, allowed=allowed):
        if log_z.n_betas == allowed.n_betas and chains is None and n_betas is None:
            run.first_estimate = allowed, log_z
        if isinstance(model, Machine) and log_z.verdict != "exact":
            log_z = log_z.at_least(evaluation.certificate_of_rows(model, v))
        spread = evaluation.log_evidence_of_known(model, v, generator=Generator().manual_seed(run.seed))
        found = Evaluation(
            **_figures(spread, log_z),
            bound=isinstance(model, DBN) or bool(model.latent),
            baseline=evaluation.baseline_log_likelihood(run.baseline, None, v) if known else None,
            certified=None,
            binarize=encoder.bits(dataset),
            standardized=encoder.visible in ("gaussian", "relu"),
            split=split if rows is None else str(dataset.name),
            seconds=round(time.perf_counter() - began, 2),
            data_changed=run.data_changed if rows is None else "",
            holes=holes,
        )
        yield found
    if certify:
        settings: dict[str, Any] = {"n_betas": max(4 * log_z.n_betas, 1000), "progress": progress}
        fixed = Generator().manual_seed(run.seed)
        found = replace(
            found, certified=asdict(evaluation.lower_bound(model, v, log_z, seen, generator=fixed, **settings))
        )
        yield found
    told = {key: value for key, value in found.to_dict().items() if key != "seconds"}
    run.remember("evaluation", {**run.passport.get("evaluation", {}), found.split: told})


def _known_of(model: Machine | DBN, v: Tensor) -> tuple[Tensor, str]:
    """Return the rows that can be evaluated, and what was done about their empty cells, in words."""
    holed = v.isnan().any(-1)
    if not bool(holed.any()):
        return v, ""
    if isinstance(model, Bipartite) and not model.latent:
        how = "exactly" if model.odd.count <= evaluation.LISTED else "by importance sampling, 32 draws a row"
        return v, f"of {int(holed.sum())} rows the empty cells are summed out, {how}"
    if bool(holed.all()):
        raise InputError("every row has empty cells, and this model cannot sum them out: fill them in, or train an rbm")
    return v[~holed], f"{int(holed.sum())} rows with empty cells, which this model cannot sum out, are left out"


def recall(run: "Run", split: str = "test") -> Evaluation | None:
    """Return what the passport says of a split, or nothing."""
    found = run.passport.get("evaluation", {}).get(split)
    return None if found is None else Evaluation(**found, seconds=0.0)


def log_partitions(
    machine: Machine,
    data: Tensor,
    method: str = "auto",
    chains: int | None = None,
    n_betas: int | None = None,
    seed: int = 0,
    max_time: float | None = None,
    progress: Progress = silent,
    *,
    allowed: Effort,
) -> Iterator[Estimate]:
    """Yield log Z by the method asked for, ever finer where that is annealing."""
    if method not in ("auto", "exact", "ais"):
        raise InputError(f"the method {method!r} was given where auto, exact or ais was expected")
    few = evaluation.n_enumerated_states(machine) <= LISTABLE
    if method == "exact" or (method == "auto" and few):
        yield evaluation.log_partition(machine, progress=progress)
        return
    yield from evaluation.ais_until_consistent(
        machine,
        data,
        n_betas=allowed.n_betas if n_betas is None else n_betas,
        most=allowed.most if n_betas is None else n_betas,
        max_time=max_time,
        chains=chains or allowed.chains,
        burn=allowed.burn,
        progress=progress,
        generator=Generator().manual_seed(seed),
    )


def known_rows(run: "Run", count: int = STATES) -> Tensor:
    """Return rows that stand for the data or the model, (rows, visible of the `top`): training rows where they are
    at hand, else of the chains that training left, else draws of the model.
    """
    fixed = Generator().manual_seed(run.seed)
    if run.splits is not None:
        train = run.splits.train  # files are often sorted: drawn from all of them
        drawn = numerics.permutation(len(train), generator=fixed)[:count].sort().values
        known = bool(run.model.labels)
        rows = run.encoder.rows(train.select(drawn.numpy()), sharp=True, labeled=known, whole=True, generator=fixed)
        return run.model.encode(rows) if isinstance(run.model, DBN) else rows
    states = run.chains
    if states is None:
        start = run.top.sample_independent(min(count, STATES), generator=fixed)
        states = gibbs_sample(run.top, start, STATES, generator=fixed)
    return states[:count, : run.top.visible.width]


def _figures(spread: Tensor, log_z: Estimate) -> dict[str, Any]:
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
        "log_partition_reverse": _none_if_nan(log_z.reverse),
        "log_partition_certificate": log_z.certificate if math.isfinite(log_z.certificate) else None,
        "basins": len(log_z.shares) or None,
        "ess": _none_if_nan(log_z.ess),
        "chains": log_z.chains or None,
        "n_betas": log_z.n_betas or None,
        "rows": len(spread),
    }


def _none_if_nan(value: float) -> float | None:
    """Return None for what JSON cannot say."""
    return None if math.isnan(value) else value
