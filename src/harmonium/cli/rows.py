"""What a run says of each row of a file: classify, score, features, reconstruct, impute."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from ..data import by_name, check_ending, table_bytes
from . import console
from .open import At, Positive, Rows, Split, opened, rows_of

if TYPE_CHECKING:
    import numpy as np


def classify(
    run: Path,
    data: Rows = None,
    *,
    out: Path | None = None,
    readout: Literal["exact", "gibbs"] = "exact",
    split: Split = "test",
    gibbs_steps: Positive = 15,
    json: bool = False,
) -> None:
    """Read the labels of rows with a model that learned labels, and count how many are right where they are known.

    Parameters
    ----------
    run
        Directory that `harmonium train --labels` or `harmonium finetune` wrote, or a model file.
    out
        .csv or .json for each row's id, label and probabilities, .npy for the labels.
    readout
        exact compares the free energy of every label; gibbs runs a chain from an uninformative one.
    split
        Rows of the run's own data to classify.
    gibbs_steps
        Gibbs steps of the gibbs read-out.
    json
        Print one JSON object and nothing else.
    """
    _check(out)
    home = opened(run)
    with console.progress_bars() as progress:
        found = home.classify(
            rows_of(home, data), split=split, out=out, readout=readout, gibbs_steps=gibbs_steps, progress=progress
        )
    if json:
        console.say_json(found.to_dict())
        return
    if found.confusion is None:
        console.say(f"{found.rows} labels: {out}" if out else "\n".join(found.labels.tolist()))
        return
    console.say(str(found))
    header = ["truth", *(f"as {name}" for name in found.label_names)]
    counts = zip(found.label_names, found.confusion, strict=True)
    console.table(header, ([name, *map(str, row)] for name, row in counts))


def score(
    run: At,
    data: Rows = None,
    *,
    out: Path | None = None,
    split: Split = "test",
    cells: bool = False,
    max_time: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
) -> None:
    """Tell log p of every row in nats with the bracket that log Z leaves it, and its free energy: how surprising it is.

    Parameters
    ----------
    out
        .csv or .json with the rows' ids, or .npy; printed as CSV unless given.
    split
        Rows of the run's own data to score.
    cells
        Tell the surprise of every cell too, -log p(cell | rest of the row).
    max_time
        Seconds after which annealing takes no more temperatures, where no evaluation has found log Z before.
    """
    _check(out)
    home = opened(run)
    with console.progress_bars() as progress:
        found = home.score(rows_of(home, data), split, out=out, cells=cells, max_time=max_time, progress=progress)
    console.note(str(found))
    _tell(found.columns, out)


def features(
    run: At, data: Rows = None, *, out: Path | None = None, split: Split = "test", layer: Positive | None = None
) -> None:
    """Give the means of the hidden units given every row: features for whatever comes next.

    Parameters
    ----------
    out
        .npy, or .csv or .json with the rows' ids; printed as CSV unless given.
    split
        Rows of the run's own data.
    layer
        Hidden layer, 1 for the lowest; the highest unless given.
    """
    _check(out)
    home = opened(run)
    with console.progress_bars() as progress:
        found = home.features(rows_of(home, data), split, out=out, layer=layer, progress=progress)
    _tell(by_name(found, what="unit"), out)


def reconstruct(run: At, data: Rows = None, *, out: Path | None = None, split: Split = "test") -> None:
    """Give the means of every row after a pass up to the hidden units and down again, in the scale of the rows.

    Parameters
    ----------
    out
        .npy, or .csv or .json with the rows' ids and the names of the columns; printed as CSV unless given.
    split
        Rows of the run's own data.
    """
    _check(out)
    home = opened(run)
    with console.progress_bars() as progress:
        found = home.reconstruct(rows_of(home, data), split, out=out, progress=progress)
    _tell(home.encoder.columns_of(found), out)


def impute(
    run: At,
    data: str,
    *,
    out: Path | None = None,
    draws: Positive | None = None,
    uncertainty: Path | None = None,
    chains: Positive = 16,
    gibbs_steps: Positive = 200,
    seed: int | None = None,
) -> None:
    """Fill in what is missing (NaN) in the rows of a file by its posterior mean given the rest of the row (imputation).

    Parameters
    ----------
    data
        File of rows with holes.
    out
        .npy, or .csv or .json with the rows' ids and the names of the columns; printed as CSV unless given.
    draws
        Draw what is missing so many times (multiple imputation): the tables below each other, numbered, in --out.
    uncertainty
        File for how sure the model is: of a number filled in its deviation, of a level its probability.
    chains
        Chains averaged for each row.
    gibbs_steps
        Gibbs steps of each chain; the second half is averaged.
    seed
        Seed; the run's own unless given.
    """
    _check(out)
    _check(uncertainty)
    home = opened(run)
    with console.progress_bars() as progress:
        how: dict[str, Any] = {"chains": chains, "gibbs_steps": gibbs_steps, "seed": seed, "progress": progress}
        if draws is None and uncertainty is None:
            columns = home.encoder.columns_of(home.impute(data, out=out, **how))
        else:
            found = home.imputation(data, draws=draws or 0, out=out, uncertainty=uncertainty, **how)
            columns = found.columns(home.encoder)
    _tell(columns, out)


def _check(out: Path | None) -> None:
    if out is not None:
        check_ending(out)


def _tell(columns: "Mapping[str, np.ndarray]", out: Path | None) -> None:
    """Say where the columns were written, or print them as CSV."""
    if out is None:
        console.say(table_bytes(".csv", columns).decode().rstrip("\n"))
    else:
        console.say(f"{len(next(iter(columns.values())))} rows: {out}")
