"""What is done with a run or a model file: evaluate, sample, recover, weights, export, report, info."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from ..data import check_ending
from ..errors import InputError
from . import console
from .open import At, Positive, Rows, Several, Split, opened, rows_of


def evaluate(
    run: At,
    *,
    data: Rows = None,
    split: Split = "test",
    method: Literal["auto", "exact", "ais"] = "auto",
    chains: Several | None = None,
    n_betas: Several | None = None,
    max_time: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    certify: bool = False,
    json: bool = False,
) -> None:
    """Tell the log-likelihood of rows in nats a row, with its error, verdict, binarization and baseline.

    Parameters
    ----------
    split
        Rows of the run's own data to evaluate.
    method
        exact sums all states of the smaller row, or of a general machine (up to 2^25), ais (annealed importance
        sampling) estimates; auto chooses.
    chains
        Chains of the annealing; 200 unless given.
    n_betas
        Temperatures of the annealing; unless given, as many as the verdict needs.
    max_time
        Seconds after which annealing takes no more temperatures.
    certify
        Print a lower bound beside the estimate, on 200 rows; where both meet, the number is certified.
    json
        Print one JSON object and nothing else.
    """
    home = opened(run)
    from ..fitting.likelihood import evaluations  # brings torch in

    with console.progress_bars() as progress:
        for found in evaluations(
            home, rows_of(home, data), split, method=method, chains=chains, n_betas=n_betas, max_time=max_time,
            certify=certify, progress=progress,
        ):  # fmt: skip
            if found.verdict == "inconsistent":
                console.note(f"with {found.n_betas:,} temperatures, after {found.seconds:.0f} s: {found}")
    if json:
        console.say(found.to_json())
        return
    console.say(str(found))
    console.say(f"log Z {found.log_partition:.3f} by {found.method}: {found.reason}")
    if found.certificate:
        console.say(found.certificate)


def sample(
    run: At,
    *,
    out: Path,
    count: Positive = 64,
    gibbs_steps: Positive = 1000,
    label: str | None = None,
    given: str | None = None,
    sampler: Literal["gibbs", "pt"] = "gibbs",
    temperature: Annotated[float, Parameter(validator=Number(gt=0))] = 1.0,
    seed: int | None = None,
) -> None:
    """Draw new rows by Gibbs sampling from random states; a label is clamped, and rows are given that conditions hold.

    Parameters
    ----------
    out
        .png for a picture of the last step's means, .gif for the chains as they run; .npy, .csv or .json for states.
    count
        Number of chains; with --label all, of each label.
    gibbs_steps
        Gibbs steps of each chain.
    label
        A class that the model learned with --labels, or all.
    given
        Conditions on columns, such as 'sex=female, age>=60, color={red|blue}'; signs are = != < <= > >=.
    sampler
        gibbs, or pt (parallel tempering) where plain chains are stuck.
    temperature
        What the energy is divided by; 1 is the model's own.
    seed
        Seed; the run's own unless given.
    """
    check_ending(out, (".png", ".gif", ".npy", ".csv", ".json"))
    home = opened(run)
    with console.progress_bars() as progress:
        drawn = home.sample(
            count, gibbs_steps, label=label, given=given, sampler=sampler, temperature=temperature, seed=seed, out=out,
            progress=progress,
        )  # fmt: skip
    of = ("" if label is None else f" of label {label}") + ("" if given is None else f" given {given}")
    console.say(f"{len(drawn)} rows{of} after {gibbs_steps} Gibbs steps: {out}")


def recover(
    run: At,
    *,
    data: Rows = None,
    mask: str = "bottom",
    count: Positive = 32,
    chains: Positive = 16,
    gibbs_steps: Several = 200,
    split: Split = "test",
    seed: int | None = None,
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Fill in hidden units of rows (imputation), or take out noise, and measure how far from the truth it comes.

    Parameters
    ----------
    mask
        What is hidden: bottom, top, left, right, random:P, noise:P (bits flipped), or a .npy or picture FILE whose
        non-zero values are hidden.
    count
        Number of rows.
    chains
        Chains averaged for each row.
    gibbs_steps
        Gibbs steps of each chain; the second half is averaged.
    split
        Rows of the run's own data to take.
    seed
        Seed; the run's own unless given.
    json
        Print one JSON object and nothing else on standard output.
    out
        Picture file: truth, what was seen, what was recovered.
    """
    home = opened(run)
    with console.progress_bars() as progress:
        result = home.recover(
            rows_of(home, data),
            mask,
            count,
            chains=chains,
            gibbs_steps=gibbs_steps,
            split=split,
            seed=seed,
            progress=progress,
        )
    if out is not None:
        result.save(out)
    if json:
        console.say_json(result.figures)
        return
    console.say(str(result) + (f": {out}" if out else ""))
    columns = result.figures.get("columns", {})
    if columns:
        rows = [[name, *("–" if x is None else f"{x:.4g}" for x in told.values())] for name, told in columns.items()]
        console.table(["column", "error, in its unit", "of the training mean"], rows)


def weights(run: At, *, out: Path, count: Positive = 100, layer: Positive = 1) -> None:
    """Draw the weights of the hidden units as pictures, the largest first: red raises a pixel, blue lowers it.

    Parameters
    ----------
    out
        Picture file, such as weights.png.
    count
        Number of hidden units.
    layer
        Hidden layer, 1 for the lowest; upper ones are projected to the visible row.
    """
    rows = opened(run).weights(count, layer, out=out)
    console.say(f"the {len(rows)} largest units of hidden layer {layer}: {out}")


def export(run: At, out: Path) -> None:
    """Write a model as one HTML page in which a browser draws, fills in and dreams, with nothing else beside it.

    Parameters
    ----------
    out
        The page, such as page.html.
    """
    path = opened(run).export(out)
    console.say(f"{path}: {path.stat().st_size / 1e6:.2f} MB; open it in a browser")


def report(run: Path) -> None:
    """Write the report of a run: one HTML file that holds everything.

    Parameters
    ----------
    run
        Directory that `harmonium train` wrote.
    """
    from .training import finish

    home = opened(run)
    if home.path is None:
        raise InputError(f"{run} is a model file, and a report tells of a run: give a directory")
    finish(home, "quick")


def info(run: At, *, json: bool = False) -> None:
    """Tell what a run or a model file is: the model, how it was trained and on what, and what evaluations have said.

    Parameters
    ----------
    json
        Print one JSON object and nothing else.
    """
    found = opened(run).info()
    if json:
        console.say_json(found)
        return
    for part, told in found.items():
        console.say(part)
        for name, value in told.items():
            shown = f"{value:.4f}" if isinstance(value, float) else value
            console.say(f"  {name.replace('_', ' '):26} {shown}")
