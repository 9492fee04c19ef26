"""Whether the chains of a run stand for its model."""

from typing import Any

import torch
from torch import Tensor

from .. import evaluation
from ..evaluation import Equilibrium
from ..machines import DBN, Machine
from ..progress import Watch, passing
from ..sampling import Tempered, Trajectory
from . import checkpoint
from .directory import Run
from .session import Session
from .stages import Generative

CHAINS = 100
ROWS = 2000  # training rows that basins are looked for from
SWEEPS = 10_000


def travel(run: Run, *, watch: Watch = passing) -> Equilibrium:
    """Return the verdict on the chains that training left, or, where it left none, on chains from training rows."""
    model = run.machine()
    machine = model.top if isinstance(model, DBN) else model
    chains, sampler = left(run)
    if chains is None:
        chains = from_rows(run, model, CHAINS)
    settings: dict[str, Any] = {"sweeps": SWEEPS, "generator": torch.Generator().manual_seed(run.config.seed)}
    rows = from_rows(run, model, ROWS)[:, : machine.visible.width]
    return evaluation.equilibrium(machine, chains[:CHAINS], sampler, data=rows, watch=watch, **settings)


def left(run: Run) -> tuple[Tensor | None, Tempered | Trajectory | None]:
    """Return the chains that training left, and their ladder if they were tempered."""
    if run.tuning is not None or run.config.model == "dbn":
        return None, None
    session = Session(run)
    checkpoint.resume(session)
    stage = session.stage
    chains = stage.chains()
    if chains is None or not isinstance(stage, Generative) or not isinstance(stage.sampler, (Tempered, Trajectory)):
        return (None if chains is None else chains.cpu()), None
    if isinstance(stage.sampler, Trajectory):
        stage.sampler.keep(stage.machine, generator=session.chance)
        stage.sampler.ladder[-1] = chains
    return chains.cpu(), stage.sampler.cpu()


@torch.no_grad()
def from_rows(run: Run, model: Machine | DBN, count: int) -> Tensor:
    """Return states whose visible part is training rows, drawn from all of them."""
    fixed, dataset = torch.Generator().manual_seed(run.config.seed), run.dataset("train")
    drawn = torch.randperm(len(dataset), generator=fixed)[:count].sort().values
    rows = run.coder.rows(dataset.pick(drawn.numpy()), sharp=True, labelled=bool(model.labels), generator=fixed)
    if isinstance(model, DBN):
        return model.encode(rows)
    return model.infer(rows, generator=fixed)
