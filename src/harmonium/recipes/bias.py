"""How far each algorithm's negative phase is from the model's own means, and the gradient that all of them seek."""

from collections.abc import Iterable

from torch import Tensor
from torch.optim import SGD

from .. import data
from ..machines import RBM
from ..sampling import Contrastive, Exact, Fresh, Persistent, Sampler
from ..training import schedule
from . import Watch, passing
from .exactly import data_means, log_z, model_means, slopes, stream, tiny
from .race import Course, checkpoints, enumerated, start

TRUE = "size of the true gradient"


def along_a_path(
    course: Course,
    naive: Iterable[int],
    contrastive: Iterable[int],
    states: int,
    seed: int,
    watch: Watch = passing,
) -> dict[str, list[float]]:
    """Return, by column, ‖⟨v hᵀ⟩ of the sampler − ⟨v hᵀ⟩ of the model‖ at checkpoints of one exact ascent.

    Every sampler gives ``states`` states for the same machine.  The persistent chains follow the path from its start,
    one sweep an update; the others need no history.  The norm is Frobenius'.
    """
    machine, rng = start(course, seed), stream(seed, 4)
    optimizer = SGD(machine.parameters(), lr=course.rate)
    slower = schedule(optimizer, "linear", course.updates)
    feed = data.batches(course.train, course.batch, generator=stream(seed, 2))
    steps, kinds = enumerated(machine, feed, optimizer, rng), samplers(naive, contrastive, states)
    chains = Persistent(machine.fields_sample(states, generator=rng))
    rows = course.train.repeat(-(-states // len(course.train)), 1)[:states]
    table: dict[str, list[float]] = {name: [] for name in ("update", TRUE, "PCD-1", *kinds)}
    due = set(checkpoints(course.updates, course.points))
    for done in watch(range(1, course.updates + 1), "bias along one path"):
        next(steps)
        slower.step()
        followed = chains(machine, rows, generator=rng)
        if done in due:
            drawn = {name: kind(machine, rows, generator=rng) for name, kind in kinds.items()}
            table["update"].append(done)
            for name, size in distances(machine, course.train, {"PCD-1": followed, **drawn}).items():
                table[name].append(size)
    return table


def samplers(naive: Iterable[int], contrastive: Iterable[int], states: int) -> dict[str, Sampler]:
    """Return the samplers that need no history, by name."""
    made: dict[str, Sampler] = {f"naive MCMC, k = {k}": Fresh(states, sweeps=k) for k in naive}
    made |= {f"CD-{k}": Contrastive(k) for k in contrastive}
    return {**made, "exact draws": Exact(states)}


def distances(machine: RBM, train: Tensor, drawn: dict[str, Tensor]) -> dict[str, float]:
    """Return how far ⟨v hᵀ⟩ of the data, and of each set of states, is from that of the model."""
    model = model_means(machine)[0]
    sources = {TRUE: train, **drawn}
    return {name: float((data_means(machine, x)[0] - model).norm()) for name, x in sources.items()}


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
