"""How far each algorithm's negative phase is from the model's own means, and the gradient that all of them seek."""

from collections.abc import Iterable

from torch import Tensor

from ..machines import RBM
from ..sampling import Contrastive, Exact, Fresh, Persistent, Sampler
from . import Watch, passing
from .exactly import data_means, log_z, model_means, slopes, stream, tiny
from .race import Course, ascent, checkpoints, enumerated

TRUE = "size of the true gradient"
Table = dict[str, list[float]]


def along_a_path(
    course: Course,
    naive: Iterable[int],
    contrastive: Iterable[int],
    states: int,
    seed: int,
    watch: Watch = passing,
) -> dict[str, Table]:
    """Return, at checkpoints of one exact ascent, how far off each sampler's ⟨v hᵀ⟩ is and what gradient it leaves.

    ``distance`` is ‖⟨v hᵀ⟩ of the sampler − ⟨v hᵀ⟩ of the model‖ (Frobenius).  ``share`` is what the gradient that the
    sampler gives has along the true one, in units of the true one: 1 for a sampler without bias, 0 where its states
    cannot be told from the data.  Every sampler gives ``states`` states for the same machine.  The persistent chains
    follow the path from its start, one sweep an update; the others need no history.
    """
    machine, steps = ascent(course, enumerated, seed)
    kinds, rng = samplers(naive, contrastive, states), stream(seed, 4)
    chains = Persistent(machine.fields_sample(states, generator=rng))
    rows = course.train.repeat(-(-states // len(course.train)), 1)[:states]
    columns = ("PCD-1", *kinds)
    distance: Table = {name: [] for name in ("update", TRUE, *columns)}
    share: Table = {name: [] for name in ("update", *columns)}
    due = set(checkpoints(course.updates, course.points))
    for done in watch(range(1, course.updates + 1), "bias along one path"):
        next(steps)
        followed = chains(machine, rows, generator=rng)
        if done in due:
            drawn = {name: kind(machine, rows, generator=rng) for name, kind in kinds.items()}
            judge(machine, course.train, {"PCD-1": followed, **drawn}, distance, share)
            distance["update"].append(done)
            share["update"].append(done)
    return {"distance": distance, "share": share}


def judge(machine: RBM, train: Tensor, drawn: dict[str, Tensor], distance: Table, share: Table) -> None:
    """Add to both tables how each set of states compares with the model's own mean of v hᵀ."""
    model, positive = model_means(machine)[0], data_means(machine, train)[0]
    true = positive - model
    distance[TRUE].append(float(true.norm()))
    for name, x in drawn.items():
        negative = data_means(machine, x)[0]
        distance[name].append(float((negative - model).norm()))
        share[name].append(float(((positive - negative) * true).sum() / true.square().sum()))


def samplers(naive: Iterable[int], contrastive: Iterable[int], states: int) -> dict[str, Sampler]:
    """Return the samplers that need no history, by name."""
    made: dict[str, Sampler] = {f"naive MCMC, k = {k}": Fresh(states, sweeps=k) for k in naive}
    made |= {f"CD-{k}": Contrastive(k) for k in contrastive}
    return {**made, "exact draws": Exact(states)}


def summed_gradient(rows: int, seed: int) -> list[tuple[str, float, float, float]]:
    """Return the slope of Σ log p(vᵢ) over n = ``rows`` rows in three parameters of a tiny RBM, reckoned in three ways.

    By central differences, by n⟨·⟩_data − ⟨·⟩_model as the lecture sums it up, and by n⟨·⟩_data − n⟨·⟩_model.
    """
    machine = tiny(4, 3, seed)
    v = machine.fields_sample(rows, generator=stream(seed, 5))
    measured = slopes(machine, lambda: -machine.free_energy(v).sum() - rows * log_z(machine))
    means = zip(measured, data_means(machine, v), model_means(machine), strict=True)
    firsts = [[float(part.flatten()[0]) for part in parts] for parts in means]
    return [
        (name, slope, rows * of_data - of_model, rows * (of_data - of_model))
        for name, (slope, of_data, of_model) in zip(("∂/∂w₁₁", "∂/∂b₁", "∂/∂c₁"), firsts, strict=True)
    ]
