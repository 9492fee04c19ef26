"""How far each algorithm's negative phase is from the model's own means, and the gradient that all of them seek."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ...machines import RBM
from ...progress import Progress, silent
from ...sampling import PCD, ExactSampler
from ..common.small_machines import data_means, log_z, model_means, slopes, tiny
from ..common.steps import checkpoints, counted, stream
from .race import Course, ascent, enumerated, samplers

TRUE = "size of the true gradient"
Table = dict[str, list[float]]


def along_a_path(
    course: Course,
    naive: Iterable[int],
    contrastive: Iterable[int],
    states: int,
    seed: int,
    progress: Progress = silent,
) -> dict[str, Table]:
    """Return, at checkpoints of one exact ascent, how far off each sampler's ⟨v hᵀ⟩ is and what gradient it leaves.

    ``distance`` is ‖⟨v hᵀ⟩ of the sampler − ⟨v hᵀ⟩ of the model‖ (Frobenius).  ``share`` is what the gradient that the
    sampler gives has along the true one, in units of the true one: 1 for a sampler without bias, 0 where its states
    cannot be told from the data; ``error`` is its standard error.  Every sampler gives ``states`` states for the same
    machine.  The persistent chains follow the path from its start, one Gibbs step an update; the others need no
    history.
    """
    machine, steps = ascent(course, enumerated, seed)
    kinds, rng = samplers(naive, contrastive, states), stream(seed, 4)
    chains, exact = PCD(machine.sample_independent(states, generator=rng)), ExactSampler(states)
    rows = course.train.repeat(-(-states // len(course.train)), 1)[:states]
    tables, due = empty([*kinds, "PCD-1", "exact draws"]), set(checkpoints(course.updates, course.points))
    for done, _ in counted(steps, course.updates, progress, "bias along one path"):
        followed = chains(machine, rows, generator=rng)
        if done in due:
            drawn = {name: kind(machine, rows, generator=rng) for name, kind in kinds.items()}
            drawn |= {"PCD-1": followed, "exact draws": exact(machine, rows, generator=rng)}
            compare(machine, course.train, drawn, tables)
            for table in tables.values():
                table["update"].append(done)
    return tables


def empty(names: Iterable[str]) -> dict[str, Table]:
    """Return the three tables without rows."""
    columns = ["update", *names]
    tables: dict[str, Table] = {key: {name: [] for name in columns} for key in ("distance", "share", "error")}
    tables["distance"][TRUE] = []
    return tables


@torch.no_grad()
def compare(machine: RBM, train: Tensor, drawn: dict[str, Tensor], tables: dict[str, Table]) -> None:
    """Add to the tables how each set of states compares with the model's own mean of v hᵀ."""
    model, positive = model_means(machine)[0], data_means(machine, train)[0]
    true = positive - model
    size = float(true.square().sum())
    tables["distance"][TRUE].append(size**0.5)
    for name, x in drawn.items():
        along = (x @ true * machine.hidden.mean(machine.up(x))).sum(1) / size  # of every state; their mean is ⟨v hᵀ⟩'s
        tables["distance"][name].append(float((data_means(machine, x)[0] - model).norm()))
        tables["share"][name].append(float((positive * true).sum()) / size - float(along.mean()))
        tables["error"][name].append(float(along.std()) / len(x) ** 0.5)


def clearest(tables: dict[str, Table], last: int) -> dict[str, dict[str, float]]:
    """Return each algorithm's share where, among the last checkpoints, it is off 1 by the most standard errors."""
    found = {}
    for name in [name for name in tables["share"] if name != "update"]:
        columns = (tables["share"][name], tables["error"][name], tables["share"]["update"])
        rows = list(zip(*(column[-last:] for column in columns), strict=True))
        share, error, update = max(rows, key=lambda row: abs(row[0] - 1) / row[1])
        found[name] = {"share": share, "error": error, "update": update}
    return found


def summed_gradient(rows: int, seed: int) -> list[dict[str, Any]]:
    """Return the slope of Σ log p(vᵢ) over n = ``rows`` rows in three parameters of a tiny RBM, reckoned in three ways.

    By central differences, by n⟨·⟩_data − ⟨·⟩_model as the lecture sums it up, and by n⟨·⟩_data − n⟨·⟩_model.
    """
    machine = tiny(4, 3, seed)
    v = machine.sample_independent(rows, generator=stream(seed, 5))
    measured = slopes(machine, lambda: -machine.free_energy(v).sum() - rows * log_z(machine))
    found = []
    names = ("∂/∂w₁₁", "∂/∂b₁", "∂/∂c₁")
    for name, *parts in zip(names, measured, data_means(machine, v), model_means(machine), strict=True):
        slope, of_data, of_model = (float(part.flatten()[0]) for part in parts)
        printed, mended = rows * of_data - of_model, rows * (of_data - of_model)
        found.append({"parameter": name, "differences": slope, "printed": printed, "mended": mended})
    return found
