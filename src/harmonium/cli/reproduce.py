"""``harmonium reproduce``."""

from pathlib import Path

from . import console


def reproduce(
    name: str,
    *,
    quick: bool = False,
    out: Path | None = None,
    data_dir: Path | None = None,
    seed: int | None = None,
) -> None:
    """Repeat a published experiment, and write a report that sets our figures beside the source's.

    Parameters
    ----------
    name
        A recipe, or list for all of them.
    quick
        A version of about two minutes.
    out
        Directory to write; runs/reproduce-NAME unless given.
    data_dir
        Where the data sets lie.
    seed
        Seed; the recipe's own unless given.
    """
    from .. import recipes

    if name == "list":
        rows = [[known, recipes.recipe(known).title] for known in recipes.NAMES]
        console.table(["name", "what it repeats"], rows)
        return
    recipes.recipe(name)
    path = out or Path("runs") / f"reproduce-{name}{'-quick' if quick else ''}"
    with console.progress_bars() as progress:
        report = recipes.reproduce(name, path, quick=quick, data_dir=data_dir, seed=seed, progress=progress)
    console.say(f"report: {report}")
