"""``harmonium reproduce``, ``harmonium data`` and ``harmonium doctor``."""

import os
import tempfile
from pathlib import Path
from typing import Any, Literal

from ..errors import InputError
from ..registry import DATASETS
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


def data(
    action: Literal["list", "check"],
    path: str | None = None,
    *,
    levels: int | None = None,
    label_column: str | None = None,
    shape: str | None = None,
    data_dir: Path | None = None,
    json: bool = False,
) -> None:
    """List the data sets known by name, or say what is in a file, which units fit it, and what is wrong with it.

    Parameters
    ----------
    action
        list or check.
    path
        What to check: a name or a path.
    levels
        The value that means fully on, such as 255; 0 takes the numbers as real.
    label_column
        Name, or number from 1, of the column that holds the labels; none keeps every column as a feature.
    shape
        Shape of a row that is a picture, such as 28x28.
    data_dir
        Where the data sets lie.
    json
        Print one JSON object and nothing else.
    """
    from dataclasses import asdict

    from ..data import check

    if action == "list":
        known = {name: one.about for name, one in DATASETS.items()}
        if json:
            console.say_json(known)
        else:
            console.table(["name", "what it is"], [[name, text] for name, text in known.items()])
        return
    if path is None:
        raise InputError("nothing was given to check: say `harmonium data check PATH`")
    found = check(path, data_dir=data_dir, levels=levels, label_column=label_column, shape=shape)
    if json:
        console.say_json(asdict(found))
    else:
        _tell(found)
    if found.problems:
        raise InputError(found.problems[0])


def doctor() -> None:
    """Tell what is installed, which data are found, whether files can be written, and how fast a step is."""
    from ..fitting.environment import environment

    found = environment()
    names = ("harmonium", "python", "torch", "numpy", "platform", "cpus", "threads", "cuda")
    rows = [[name, str(found[name])] for name in names]
    rows += [["data directory", os.environ.get("HARMONIUM_DATA") or "not set (HARMONIUM_DATA)"]]
    rows += [[name, one.local()] for name, one in DATASETS.items()]
    rows += [["runs can be written", _writable()], ["one step of 784×500, batch 100", _speed()]]
    rows += [["law of the sampler", _law()]]
    console.table(["", ""], rows)


def _tell(found: Any) -> None:
    from ..data import listed

    rows = [
        ["rows", f"{found.rows} of {found.width} values, shape {'×'.join(map(str, found.shape))}"],
        ["values", f"{found.dtype}, {found.minimum:g} to {found.maximum:g}: {found.kind}"],
        ["units that fit", found.units],
        ["binarize", found.binarize],
        ["constant columns", str(found.constant_columns)],
        ["rows of zeros", str(found.zero_rows)],
        ["duplicate rows", str(found.duplicate_rows)],
        ["labels", "none" if found.classes is None else listed(tuple(f"{k}: {v}" for k, v in found.classes.items()))],
    ]
    console.say(f"{found.name} ({found.source})")
    console.table(["", ""], rows)
    for line in found.notes:
        console.say(f"note: {line}")
    for line in found.problems:
        console.say(f"problem: {line}")


def _writable() -> str:
    try:
        with tempfile.NamedTemporaryFile(dir=Path.cwd()):
            return "yes, here"
    except OSError as error:
        raise InputError(f"{Path.cwd()} cannot be written ({error.strerror}): work in another directory") from None


def _speed() -> str:
    import time

    import torch

    from .. import CD, RBM, Bernoulli, numerics, train
    from ..training import SGD

    g = torch.Generator().manual_seed(0)
    machine = RBM(Bernoulli(784), Bernoulli(500), generator=g)
    v = numerics.bernoulli(torch.full((100, 784), -1.4), generator=g)
    loop = train(machine, [v] * 30, CD(), SGD(machine.parameters(), lr=0.01), generator=g)
    for step in loop:
        if step.index == 9:
            began = time.perf_counter()
    return f"{(time.perf_counter() - began) / 20 * 1000:.1f} ms (CD-1)"


def _law() -> str:
    """Start 20,000 chains exactly, take Gibbs steps, and compare with enumeration."""
    import torch

    from .. import RBM, Bernoulli, ExactSampler, gibbs_sample, numerics

    g = torch.Generator().manual_seed(0)
    machine = RBM(Bernoulli(3), Bernoulli(2), generator=g).requires_grad_(False)
    machine.weight.copy_(numerics.normal(machine.weight, generator=g))
    states = machine.even.states()
    p = torch.softmax(-machine.free_energy(states), 0)
    x = gibbs_sample(machine, ExactSampler(20_000)(machine, states, generator=g), 4, generator=g)
    seen = (x[:, None] == states).all(-1).float().mean(0)
    worst = float(((seen - p).abs() / (p * (1 - p) / 20_000).sqrt()).max())
    return f"{'kept' if worst < 5 else 'BROKEN'}: largest deviation {worst:.1f} standard errors"
