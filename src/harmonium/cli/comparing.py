"""Samples of a run beside its held-out rows: compare."""

from . import console
from .open import At, Positive, Split, opened


def compare(
    run: At,
    synthetic: str | None = None,
    *,
    split: Split = "test",
    count: Positive | None = None,
    gibbs_steps: Positive = 1000,
    seed: int | None = None,
    json: bool = False,
) -> None:
    """Tell how samples differ from held-out rows: columns, pairs, a classifier between them, copies of training rows.

    Parameters
    ----------
    synthetic
        File of synthetic rows, of this model or another; samples of the run are drawn unless given.
    split
        Rows of the run's own data to compare with.
    count
        Number of samples; as many as there are rows unless given, and at most 10,000.
    gibbs_steps
        Gibbs steps of each sample.
    seed
        Seed; the run's own unless given.
    json
        Print one JSON object and nothing else.
    """
    home = opened(run)
    with console.progress_bars() as progress:
        found = home.compare(synthetic, split, count=count, gibbs_steps=gibbs_steps, seed=seed, progress=progress)
    if json:
        console.say_json(found.to_dict())
        return
    console.say(str(found))
    one, two, here, there = found.apart
    console.say(f"the pair that differs most: {one} and {two}, {here:.3f} in samples, {there:.3f} in held-out rows")
    columns = zip(found.names, found.kinds, found.distance, found.chance, strict=True)
    rows = ([name, f"{far:.3f}", f"{chance:.3f}", kind] for name, kind, far, chance in columns)
    console.table(["column", "samples", "training rows", "distance from held-out rows"], rows)
    near = ([q, f"{found.nearest[q]:.3f}", f"{found.nearest_held_out[q]:.3f}"] for q in found.nearest)
    console.table(["nearest training row", "samples", "held-out rows"], near)
    console.say(f"{found.closer:.1%} of the samples lie closer than all but 5 % of the held-out rows")
