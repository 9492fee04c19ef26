"""``harmonium evaluate``."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from ..runs import Run
from . import console

Positive = Annotated[int | None, Parameter(validator=Number(gte=2))]


def evaluate(
    run: Path,
    *,
    split: Literal["train", "valid", "test"] = "test",
    method: Literal["auto", "exact", "ais"] = "auto",
    chains: Positive = None,
    n_betas: Positive = None,
    max_time: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    certify: bool = False,
    json: bool = False,
) -> None:
    """Tell the log-likelihood of a run in nats a row, with its error, verdict, binarization and baseline.

    Parameters
    ----------
    run
        Directory that `harmonium train` wrote.
    split
        Rows to evaluate.
    method
        exact sums all states of the smaller row, or of a general machine (up to 2^25), anneal estimates; auto chooses.
    chains
        Chains of the annealing; 200 unless given.
    replicas
        Machines on the annealing path; unless given, as many as the verdict needs.
    max_time
        Seconds after which annealing takes no more replicas.
    certify
        Print a lower bound beside the estimate, on 200 rows; where both meet, the number is certified.
    json
        Print one JSON object and nothing else.
    """
    home = Run.open(run)
    from ..runs.judgement import bounded, evaluate_run, remember, sentence

    with console.progress_bars() as progress:
        settings: dict[str, Any] = {"chains": chains, "n_betas": n_betas, "max_time": max_time, "certify": certify}
        figures = evaluate_run(home, split, method=method, progress=progress, **settings)
    remember(home, figures)
    if json:
        console.say_json(figures)
    else:
        console.say(sentence(figures))
        console.say(f"log Z {figures['log_partition']:.3f} by {figures['method']}: {figures['reason']}")
        if figures["certified"]:
            console.say(bounded(figures["certified"]))
