"""Whether the chains of a run stand for its model."""

from typing import Any

import torch
from torch import Tensor

from .. import evaluation
from ..evaluation import Mixing
from ..machines import DBN, Machine
from ..numerics import permutation
from ..progress import Progress, silent
from ..sampling import ParallelTempering, TrajectoryTempering
from . import checkpoint
from .directory import Run
from .session import Session
from .stages import Generative

CHAINS = 100
ROWS = 2000  # training rows that basins are looked for from
GIBBS_STEPS = 10_000


def travel(run: Run, *, progress: Progress = silent) -> Mixing:
    """Return the verdict on the chains that training left, or, where it left none, on chains from training rows."""
    model = run.machine()
    machine = model.top if isinstance(model, DBN) else model
    chains, sampler = left(run)
    if chains is None:
        chains = from_rows(run, model, CHAINS)
    settings: dict[str, Any] = {"gibbs_steps": GIBBS_STEPS, "generator": torch.Generator().manual_seed(run.config.seed)}
    rows = from_rows(run, model, ROWS)[:, : machine.visible.width]
    return evaluation.mixing(machine, chains[:CHAINS], sampler, data=rows, progress=progress, **settings)


def left(run: Run) -> tuple[Tensor | None, ParallelTempering | TrajectoryTempering | None]:
    """Return the chains that training left, and their ladder if they were tempered."""
    if run.tuning is not None or run.config.model == "dbn":
        return None, None
    session = Session(run)
    checkpoint.resume(session)
    stage = session.stage
    chains = stage.chains()
    if (
        chains is None
        or not isinstance(stage, Generative)
        or not isinstance(stage.sampler, (ParallelTempering, TrajectoryTempering))
    ):
        return (None if chains is None else chains.cpu()), None
    if isinstance(stage.sampler, TrajectoryTempering):
        stage.sampler.keep(stage.machine, generator=session.chance)
        stage.sampler.ladder[-1] = chains
    return chains.cpu(), stage.sampler.cpu()


@torch.no_grad()
def from_rows(run: Run, model: Machine | DBN, count: int) -> Tensor:
    """Return states whose visible part is training rows, drawn from all of them."""
    fixed, dataset = torch.Generator().manual_seed(run.config.seed), run.dataset("train")
    drawn = permutation(len(dataset), generator=fixed)[:count].sort().values
    rows = run.coder.rows(dataset.select(drawn.numpy()), sharp=True, labeled=bool(model.labels), generator=fixed)
    if isinstance(model, DBN):
        return model.encode(rows)
    return model.infer(rows, generator=fixed)
